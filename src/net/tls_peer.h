/*
 * tls_peer.h - what the certificate says that a client has shown.
 */
#ifndef WSGATE_TLS_PEER_H
#define WSGATE_TLS_PEER_H

#include "base/arena.h"
#include "base/str.h"
#include "net/stream.h"

#include <wsgate/middleware.h>

/* The i-th value of that part, copied into the arena; at == NULL: there is none, or no memory. A
 * text with controls in it is as if it were not there: it could be taken for another one. */
struct str tls_peer_part(const struct stream *stream, enum mw_certificate part, size_t i,
                         struct arena *arena);

#endif
