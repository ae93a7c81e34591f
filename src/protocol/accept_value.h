/*
 * accept_value.h - the value of Sec-WebSocket-Accept (RFC 6455 4.2.2), by a digest that is set up
 * once: that costs more than the digest of a key. Pure. Not thread safe: one thread's.
 */
#ifndef WSGATE_ACCEPT_VALUE_H
#define WSGATE_ACCEPT_VALUE_H

#include "protocol/handshake.h"

struct accept_maker;

/* NULL: no memory. */
struct accept_maker *accept_maker_new(void) MUST_CHECK;
/* NULL is allowed. */
void accept_maker_free(struct accept_maker *maker);

/* base64(SHA-1(key + GUID)), with a NUL behind. key: HANDSHAKE_KEY_LEN bytes. false: OpenSSL could
 * not. */
bool accept_value(struct accept_maker *maker, struct str key,
                  char accept[HANDSHAKE_ACCEPT_LEN + 1]) MUST_CHECK;

#endif
