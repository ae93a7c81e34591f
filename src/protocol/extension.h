/*
 * extension.h - the grammar of one WebSocket extension (RFC 6455 9.1). Pure.
 */
#ifndef WSGATE_EXTENSION_H
#define WSGATE_EXTENSION_H

#include "base/str.h"

/*
 * token *( ";" token [ "=" ( token | quoted token ) ] ), spaces and tabs allowed
 * around each: RFC 6455 builds on RFC 2616, whose lists imply them.
 */
bool extension_is_valid(struct str text);

#endif
