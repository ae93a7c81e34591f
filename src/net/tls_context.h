/*
 * tls_context.h - what servers and clients have in common: an OpenSSL context with our defaults.
 *
 * Mozilla's "intermediate" without the DHE ciphers, whose cost falls on the server: TLS 1.2 and
 * 1.3, forward secrecy, AEAD. The server's order holds, but a client that puts ChaCha20 first, as
 * one without AES in hardware does, gets it. Renegotiation and compression are off, buffers are
 * given back as soon as they are empty, and one read takes what is there.
 */
#ifndef WSGATE_TLS_CONTEXT_H
#define WSGATE_TLS_CONTEXT_H

#include "base/compiler.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

/* Hears of what is wrong with a setting. item: the certificate in whose map `word` stands, from 0;
 * TLS_NO_ITEM: it stands beside them. `text` goes on after the option's name. */
#define TLS_NO_ITEM ((size_t)-1)
struct tls_reporter {
    void (*fault)(void *arg, size_t item, const char *word, const char *text);
    void *arg;
};

void tls_report(const struct tls_reporter *reporter, size_t item, const char *word,
                const char *format, ...) PRINTF_LIKE(4, 5);
/* OpenSSL's last words; empties its queue. Static. */
const char *tls_library_fault(void);

/* NULL: the default. */
struct tls_versions {
    bool only_1_3;
    const char *ciphers;      /* of TLS 1.2, OpenSSL's syntax */
    const char *ciphersuites; /* of TLS 1.3 */
    const char *curves;
};

enum tls_end { TLS_SERVER, TLS_CLIENT };

/* NULL: reported. */
SSL_CTX *tls_context_new(enum tls_end end, const struct tls_versions *versions,
                         const struct tls_reporter *reporter) MUST_CHECK;

/* What lives as long as a context does, which every connection holds. First member of it. */
struct tls_attached {
    void (*free)(struct tls_attached *attached);
};

/* false: no memory; the object is the caller's still. */
bool tls_attach(SSL_CTX *context, struct tls_attached *attached) MUST_CHECK;
struct tls_attached *tls_attached_of(const SSL_CTX *context);

#endif
