/*
 * tls_tickets.h - the keys under which session tickets are sealed (RFC 5077 4, RFC 8446 4.6.1).
 *
 * The tickets hold all there is of a session, so nothing is kept here, and any worker resumes what
 * another began. Keys are made at random and replaced every TLS_TICKET_LIFE_S, the one before
 * opens tickets until they have expired. Or they come from files, for several gateways: the
 * first seals, all open, and replacing them is their owner's part.
 *
 * Shared by all workers and counted. One short lock, taken once or twice in a handshake.
 */
#ifndef WSGATE_TLS_TICKETS_H
#define WSGATE_TLS_TICKETS_H

#include "net/tls_context.h"

#include <stdint.h>

enum {
    TLS_TICKET_LIFE_S = 2 * 3600, /* a ticket's, and a random key's as the one that seals */
    TLS_TICKET_KEYS_MAX = 8,      /* files */
};

struct tls_tickets;

/* Holds one reference. NULL: no memory, or no random bytes. */
struct tls_tickets *tls_tickets_random(void) MUST_CHECK;
/* 80 bytes of a file are a name of 16, a MAC key of 32 and an AES-256 key of 32; of 48 a name, an
 * AES-128 key and a MAC key of 16 each: as nginx has them. NULL: reported at `ticket_key_files`. */
struct tls_tickets *tls_tickets_load(const char *const *files, size_t count,
                                     const struct tls_reporter *reporter) MUST_CHECK;
struct tls_tickets *tls_tickets_hold(struct tls_tickets *tickets);
void tls_tickets_drop(struct tls_tickets *tickets); /* NULL does no harm */

/* At that moment of the monotonic clock: replaces a key that is due. For tests; sealing and
 * opening do it themselves. */
void tls_tickets_rotate(struct tls_tickets *tickets, uint64_t now_s);

/* What SSL_CTX_set_tlsext_ticket_key_evp_cb wants done. */
int tls_tickets_seal(struct tls_tickets *tickets, unsigned char name[16], unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int tls_tickets_open(struct tls_tickets *tickets, const unsigned char name[16],
                     const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);

#endif
