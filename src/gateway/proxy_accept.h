/*
 * proxy_accept.h - the first part of ACCEPT: the PROXY header, where the listener asks for one.
 *
 * It must come, and from trusted_proxies alone. What follows it stays in the socket: it is
 * the TLS handshake's, or the head's.
 */
#ifndef WSGATE_PROXY_ACCEPT_H
#define WSGATE_PROXY_ACCEPT_H

#include "gateway/accept.h"

enum step proxy_accept(struct accept *accept, struct request *request,
                       struct side *client) MUST_CHECK;

#endif
