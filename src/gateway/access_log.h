/*
 * access_log.h - one line when a handshake ends, one when a tunnel does, with the same id. A module
 * in a dry run may have one of its own before.
 *
 * No credential can reach it: it holds the path without the query, and of the fields
 * only the Host. A subject is one that a module has verified.
 */
#ifndef WSGATE_ACCESS_LOG_H
#define WSGATE_ACCESS_LOG_H

#include "gateway/request.h"
#include "gateway/tunnel.h"

/* What a tunnel's line needs of its handshake. */
struct tunnel_record {
    uint64_t id;
    const struct sockaddr *peer;
    bool named; /* it is the client that a proxy named */
    uint64_t started_us; /* of the tunnel */
    uint32_t route;
    const char *module; /* the instance that refused it when it was judged again; NULL: none */
    const char *detail; /* that module's word; NULL: none */
};

/* status 0: the client left without an answer. server: NULL where none was reached. */
void access_log_handshake(struct log *log, const struct request *request, unsigned status,
                          const char *server);
/* What a module in a dry run would have answered; the request's answer says what. */
void access_log_dry_run(struct log *log, const struct request *request);
/* A connection that was one too many: nothing of it was read. */
void access_log_turned_away(struct log *log, uint64_t id, const struct sockaddr *peer,
                            const struct listener_settings *listener, enum reason reason);
/* The same of a tunnel that is judged again. */
void access_log_tunnel_dry_run(struct log *log, const struct tunnel_record *record,
                               enum reason reason);
void access_log_tunnel(struct log *log, const struct tunnel_record *record,
                       const struct tunnel *tunnel, enum reason reason);

#endif
