/*
 * ws_tls.h - TLS on a connection of the command-line tool, verified unless told otherwise.
 *
 * It hangs on a ws_socket, whose send and receive then go through it.
 */
#ifndef WSGATE_WS_TLS_H
#define WSGATE_WS_TLS_H

#include "wsgatectl/ws_socket.h"

struct ws_tls_settings {
    const char *ca_file;     /* who is believed; NULL: whom the system believes */
    const char *server_name; /* for SNI and the certificate; NULL: the host */
    bool insecure;           /* any certificate will do */
};

/* What was agreed on, for people. Strings live as long as the connection. */
struct ws_tls_facts {
    const char *version; /* "TLSv1.3" */
    const char *cipher;
    char subject[256];   /* of the server's certificate, RFC 2253 */
    char not_after[32];  /* "2027-01-01T00:00:00Z" */
    const char *fault;   /* why it would not be believed; NULL: it is */
};

/* On a connected socket. host: a name, or an IP address without brackets. */
bool ws_tls_start(struct ws_socket *sock, const struct ws_tls_settings *settings, const char *host,
                  uint64_t deadline_us) MUST_CHECK;
void ws_tls_tell(const struct ws_socket *sock, struct ws_tls_facts *facts);

/* ws_socket's own: the same contracts as there. */
bool ws_tls_send(struct ws_socket *sock, const void *data, size_t len,
                 uint64_t deadline_us) MUST_CHECK;
enum ws_socket_read ws_tls_receive(struct ws_socket *sock, void *buffer, size_t room, size_t *len,
                                   uint64_t deadline_us) MUST_CHECK;
/* Says that we end, and frees. Harmless on a plain socket. */
void ws_tls_end(struct ws_socket *sock);

#endif
