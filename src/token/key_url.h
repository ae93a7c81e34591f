/*
 * key_url.h - which addresses keys may be fetched from. Pure.
 *
 * `https://`, or `http://` on a loopback address written as an address: 127.0.0.0/8 or [::1]. Never
 * with a user name or a password, which would reach logs, nor with a fragment, which no server sees.
 */
#ifndef WSGATE_KEY_URL_H
#define WSGATE_KEY_URL_H

#include "base/compiler.h"
#include "base/str.h"

enum { KEY_URL_MAX = 2048 }; /* bytes; what every browser and server takes */

/* *plain: it is http on loopback. false: *error is a static phrase. */
bool key_url_check(struct str url, bool *plain, const char **error) MUST_CHECK;

#endif
