/*
 * ws_url.h - a WebSocket URL (RFC 6455 3) taken apart. Pure.
 *
 * The path and query stay as they were written, so that a probe can ask for
 * what a browser would never send; only what would break the request line
 * (controls, spaces, bytes outside ASCII) and fragments are refused.
 */
#ifndef WSGATE_WS_URL_H
#define WSGATE_WS_URL_H

#include "base/compiler.h"

#include <stdbool.h>

enum { WS_URL_TARGET_MAX = 16 * 1024 };

struct ws_url {
    bool secure;         /* wss */
    char host[256];      /* for a look-up: lower case, IPv6 without brackets */
    char port[6];        /* decimal; the default is written out */
    char authority[272]; /* for the Host field: brackets kept, the default port left out */
    char target[WS_URL_TARGET_MAX];
};

/* "ws://host[:port][/path][?query]", or wss. false: *error is a static phrase. */
bool ws_url_parse(struct ws_url *url, const char *text, const char **error) MUST_CHECK;

#endif
