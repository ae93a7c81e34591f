/*
 * connection.h - one client, from accept to the end: the hub that chains the stages.
 *
 * connection.c alone knows all stages and their order. One function sets the state, one closes.
 * A connection owns its two sides, its request (until it is a tunnel), its place on
 * a server, and the slots that its tunnel holds.
 */
#ifndef WSGATE_CONNECTION_H
#define WSGATE_CONNECTION_H

#include "base/text.h"
#include "base/wheel.h"
#include "gateway/accept.h"
#include "gateway/backend.h"
#include "gateway/chain.h"
#include "gateway/held.h"
#include "gateway/tunnel.h"

struct tunnel_record;

/*   state     word       what its deadline is called when it has passed */
#define STATES(S)                                   \
    S(ACCEPT,  "accept",  REASON_ACCEPT_TIMEOUT)    \
    S(HEAD,    "head",    REASON_HEAD_TIMEOUT)      \
    S(AUTH,    "auth",    REASON_AUTH_TIMEOUT)      \
    S(CONNECT, "connect", REASON_BACKEND_CONNECT_TIMEOUT) \
    S(UPGRADE, "upgrade", REASON_BACKEND_TIMEOUT)   \
    S(TUNNEL,  "tunnel",  REASON_NONE)              \
    S(REFUSE,  "refuse",  REASON_LINGER_TIMEOUT)    \
    S(CLOSED,  "closed",  REASON_NONE)

enum state {
#define S(name, word, overdue) STATE_##name,
    STATES(S)
#undef S
};

/* What only a handshake needs; in the request's arena. */
struct opening {
    struct request *request;
    struct accept accept;
    bool counted; /* the peer is, in the crowd */
    struct attempt attempt;
    size_t dropped_bytes;   /* while lingering */
    uint64_t answer_due_ms; /* for all servers together; 0: none was asked yet */
};

enum { CONNECTION_ALIGNMENT = 64 }; /* a line of the processor's cache */

/*
 * With thousands of tunnels each message finds its connection far from the processor, and pays for
 * every line of it. So what it touches are six lines: its side's event, and the four after both.
 */
struct connection {
    struct event reads[2] __attribute__((aligned(CONNECTION_ALIGNMENT))); /* of the two sides */
    struct worker *worker;
    enum state state;
    uint32_t route;
    struct tunnel tunnel; /* its sides serve all stages */

    struct opening *opening; /* NULL once it is a tunnel */
    struct connection *next, *prev; /* live list, or next alone in the dead list */
    struct wheel_node deadline;
    struct load *load; /* of a server, on which a place is taken */
    struct session *session; /* NULL before the chain has passed */
    struct held *held;
    uint64_t id;
    uint64_t started_us; /* of the tunnel */
    uint32_t held_count : 31;
    bool named : 1; /* the peer is who a trusted proxy says it is */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer; /* the client, as far as it is known */
};

/* What the loop tells each side, by CLIENT and BACKEND. */
extern const event_callback_fn connection_ready[];
/* A waiting module has come to a verdict. */
void connection_resumed(struct request *request, enum mw_verdict verdict);
/* The first state, and a first look at what the client has sent already. */
void connection_start(struct connection *connection);
/* Goes from stage to stage until one waits; `step` is what the present one has answered. The
 * connection may be closed afterwards. */
void connection_run(struct connection *connection, enum step step);
/* The tunnel by what its route says; then the 101 and the backend's early bytes in one write, and
 * the client's early bytes. For connection_run. */
bool connection_fill_tunnel(struct connection *connection) MUST_CHECK;
enum reason connection_exchange_early(struct connection *connection,
                                      const struct text *head) MUST_CHECK;
/* The tunnel, which that reason ends or would have ended, for its line in the log. */
void connection_describe(const struct connection *connection, enum reason reason,
                         struct tunnel_record *record);
/* The next server, after one that failed; for connection_run. */
enum step connection_next_server(struct connection *connection) MUST_CHECK;

/* A new client; the stream is taken over, and closed where there is no room. */
void connection_accepted(struct worker *worker, const struct listener_settings *listener,
                         struct stream stream, const struct address *peer);
/* Who the client is has been found out: the counts and the tunnel know it from here on. STEP_DONE,
 * or STEP_FAILED where that client has too many unfinished handshakes. */
enum step connection_client_found(struct connection *connection) MUST_CHECK;
/* The one end. Harmless on one that is closed; afterwards touch nothing of it. */
void connection_close(struct connection *connection, enum reason reason);
/* The deadline hanging in the wheel has come. */
void connection_overdue(struct connection *connection);
/* Ends the tunnel, or refuses the handshake. It may be closed afterwards. false: it was at its end
 * already. */
bool connection_end(struct connection *connection, enum reason reason);
/* The same, by its id, with a handshake that is no session yet. false: there is none. */
bool connection_end_handshake(struct worker *worker, uint64_t id, enum reason reason);
/* The gateway stops: handshakes are refused, the tunnel ends when it is due, 0: now. The
 * worker's last_ms ends what is left. */
void connection_drain(struct connection *connection, uint64_t due_ms);
/* When the present state is over; WHEEL_NEVER: no end is in sight. */
uint64_t connection_due(const struct connection *connection);
/* The one place that sets the deadline. */
void connection_arm(struct connection *connection, uint64_t due_ms);
/* The wall clock jumped: deadlines that depend on it are computed anew. */
void connection_rearm(struct connection *connection);

#endif
