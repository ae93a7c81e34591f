/*
 * http_sockets.h - the sockets of one HTTP client, by their local port: libcurl says no more of the
 * one that a request is about to use.
 *
 * What comes on a kept connection before it is asked again answers no question: whoever could have
 * it sent, by a body where none may be or by a header that is split, would answer for the service.
 * libcurl before 8.0 looks only whether the connection has ended.
 */
#ifndef WSGATE_HTTP_SOCKETS_H
#define WSGATE_HTTP_SOCKETS_H

#include "base/compiler.h"
#include "net/http_client.h"

enum { HTTP_SOCKETS_MAX = 4 * HTTP_CLIENT_CONNECTIONS }; /* those that connect side by side too */

/* Zeroed: there are none. */
struct http_sockets {
    struct {
        int fd;
        int port; /* 0: not known yet */
    } at[HTTP_SOCKETS_MAX];
    size_t count;
};

/* A new one; beyond the last place it is not watched over. */
void http_sockets_add(struct http_sockets *sockets, int fd);
/* Closes it. Returns what close does. */
int http_sockets_close(struct http_sockets *sockets, int fd);
/* Has anything come there that nobody has read? */
bool http_sockets_have_bytes(struct http_sockets *sockets, int port) MUST_CHECK;

#endif
