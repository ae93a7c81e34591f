/*
 * tls_names.h - which context answers for which name a client asks for (SNI, RFC 6066 3).
 *
 * Certificates of different kinds of key stand side by side: for a name, the first in the file
 * of each kind. A name is looked for as it is, then as the `*.` above it, one label deep.
 */
#ifndef WSGATE_TLS_NAMES_H
#define WSGATE_TLS_NAMES_H

#include "net/tls_pair.h"

struct tls_names;

/* Makes a context for each set of certificates that some name needs. NULL: no memory, or
 * reported. */
typedef SSL_CTX *tls_context_maker(void *arg);
struct tls_names *tls_names_new(const struct tls_pair *pairs, size_t count, tls_context_maker *make,
                                void *arg, const struct tls_reporter *reporter) MUST_CHECK;
void tls_names_free(struct tls_names *names);

/* The one of the first certificate. It is the caller's from then on, so that the names can live
 * as long as it does: once. */
SSL_CTX *tls_names_take_default(struct tls_names *names) MUST_CHECK;
/* Any case, a dot at the end does no harm. NULL: none has that name. */
SSL_CTX *tls_names_find(const struct tls_names *names, const char *name);

#endif
