/*
 * ws_socket.h - a connection of the command-line tool, plain or TLS: calls wait, with a deadline.
 *
 * For one connection at a time, in a program that has nothing else to do; the
 * gateway's own streams are in src/net. Deadlines are clock_monotonic_us()
 * values. The caller owns the struct; ws_socket_close may be called at any time.
 */
#ifndef WSGATE_WS_SOCKET_H
#define WSGATE_WS_SOCKET_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WS_SOCKET_NO_DEADLINE = 0,
    WS_SOCKET_PATH_MAX = 107, /* what Linux has room for, without the NUL */
};

struct ws_tls;

struct ws_socket {
    int fd;             /* -1: none */
    struct ws_tls *tls; /* NULL: plain; it goes with the socket */
    char error[256];    /* what went wrong last, for people */
};

enum ws_socket_read {
    WS_SOCKET_DATA,
    WS_SOCKET_END,     /* the peer sent FIN */
    WS_SOCKET_TIMEOUT, /* the deadline has passed */
    WS_SOCKET_FAILED,  /* reset, or worse: see error */
};

/* bind_address: an IP without a port, or NULL. Tries every address of the host. The deadline does
 * not bound the look-up of a name: that is up to the resolver. */
bool ws_socket_connect(struct ws_socket *sock, const char *host, const char *port,
                       const char *bind_address, uint64_t deadline_us) MUST_CHECK;
/* path: of a Unix socket, at most WS_SOCKET_PATH_MAX bytes. */
bool ws_socket_connect_unix(struct ws_socket *sock, const char *path,
                            uint64_t deadline_us) MUST_CHECK;
/* 1: ready for these poll events, 0: the deadline has passed, -1: errno. */
int ws_socket_wait(const struct ws_socket *sock, short events, uint64_t deadline_us) MUST_CHECK;
/* Writes the error; always false. */
bool ws_socket_fail(struct ws_socket *sock, const char *format, ...) PRINTF_LIKE(2, 3);
/* All of it, or false. */
bool ws_socket_send(struct ws_socket *sock, const void *data, size_t len,
                    uint64_t deadline_us) MUST_CHECK;
/* What is there, at least one byte. */
enum ws_socket_read ws_socket_receive(struct ws_socket *sock, void *buffer, size_t room,
                                      size_t *len, uint64_t deadline_us) MUST_CHECK;
void ws_socket_close(struct ws_socket *sock);

#endif
