/*
 * tls_client.h - TLS to the servers of one backend: whom we believe, who we are, sessions.
 *
 * Shared by all workers. The last session of each server is kept, and resumed by the next
 * connection to it. One short lock per handshake, and one when a server sends a ticket.
 */
#ifndef WSGATE_TLS_CLIENT_H
#define WSGATE_TLS_CLIENT_H

#include "net/stream.h"
#include "net/tls_pair.h"

/* Paths and strings; NULL: none, or the default. All outlive the client. */
struct tls_client_settings {
    bool verify;
    const char *ca_file; /* NULL: whom the system trusts */
    const char *name; /* asked for (SNI), and to stand in the certificate. NULL: the server's IP */
    struct tls_files own; /* our certificate; NULL: none */
    struct tls_versions versions;
};

struct tls_client;

/* Reads all files. NULL: reported, words as in the file, all beside each other. `servers` of them:
 * each has a session of its own. The settings are kept, not copied. */
struct tls_client *tls_client_new(const struct tls_client_settings *settings, size_t servers,
                                  const struct tls_reporter *reporter) MUST_CHECK;
void tls_client_free(struct tls_client *client); /* NULL does no harm */

/* The stream, to the server of that index and address, speaks TLS from here on: stream_handshake.
 * false: no memory. */
bool tls_client_begin(struct tls_client *client, size_t server, const struct address *address,
                      struct stream *stream) MUST_CHECK;

#endif
