/*
 * service_url.h - the address of a service that the gateway asks, as an option gives it. Pure.
 */
#ifndef WSGATE_SERVICE_URL_H
#define WSGATE_SERVICE_URL_H

#include "base/compiler.h"

#include <stdbool.h>

/*
 * "https://HOST[:PORT][/PATH][?QUERY]" (RFC 9110 4.2.2). "http://" where HOST is localhost, in
 * 127.0.0.0/8 or [::1] alone: elsewhere anybody on the way could answer. No userinfo, no
 * fragment, printable ASCII. false: *error is a static phrase, which holds nothing of the text.
 */
bool service_url_check(const char *text, const char **error) MUST_CHECK;
/* Of a checked one: is it http? */
bool service_url_is_plain(const char *text);

#endif
