/*
 * tls_server.h - TLS at one listener: certificates by name, tickets, whom clients must be.
 *
 * Shared by all workers. What is made from the files can be replaced while connections run: those
 * that have begun keep what they began with. One short lock, taken when a connection begins.
 */
#ifndef WSGATE_TLS_SERVER_H
#define WSGATE_TLS_SERVER_H

#include "net/stream.h"
#include "net/tls_pair.h"

enum tls_client_verify { TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRE };

/* Paths and strings; NULL: none, or the default. All outlive the server. */
struct tls_server_settings {
    const struct tls_files *certificates; /* at least one; the first is the default */
    size_t certificate_count;
    struct tls_versions versions;
    enum tls_client_verify client_verify;
    const char *client_ca, *client_crl;
    const char *const *ticket_key_files; /* count 0: random keys */
    size_t ticket_key_file_count;
};

struct tls_server;

/* Reads all files. NULL: reported. The settings are kept, not copied. */
struct tls_server *tls_server_new(const struct tls_server_settings *settings,
                                  const struct tls_reporter *reporter) MUST_CHECK;
void tls_server_free(struct tls_server *server); /* NULL does no harm */
/* Before the first connection: goes on with the random ticket keys of the one before it. */
void tls_server_inherit(struct tls_server *server, struct tls_server *before);

/* The stream speaks TLS from here on: stream_handshake. false: no memory. */
bool tls_server_begin(struct tls_server *server, struct stream *stream) MUST_CHECK;

enum tls_renewal { TLS_RENEWAL_NONE, TLS_RENEWAL_DONE, TLS_RENEWAL_FAILED };
/* Now and then, from one thread. Reads the files again if one of them was another one at the last
 * look, and all are the same as then. FAILED: reported, and what was there stays; told once for
 * each change. */
enum tls_renewal tls_server_renew(struct tls_server *server, const struct tls_reporter *reporter);

/* The certificates in use, in the order of the file. false: no more. From the thread of renew. */
struct tls_certificate_info {
    const char *file;
    char name[TLS_NAME_MAX + 1]; /* the first it speaks for; "": none */
    int64_t ends_s;              /* since 1970 */
};
bool tls_server_certificate(const struct tls_server *server, size_t i,
                            struct tls_certificate_info *info) MUST_CHECK;

#endif
