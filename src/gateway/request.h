/*
 * request.h - one opening handshake: what the client sent, what was found out, and
 * what is to be answered.
 *
 * It lives in one arena from the first byte to the tunnel or the refusal's end, and
 * is wiped with it. What outlives it (the tunnel) takes copies.
 */
#ifndef WSGATE_REQUEST_H
#define WSGATE_REQUEST_H

#include "base/arena.h"
#include "config/settings.h"
#include "gateway/inbox.h"
#include "gateway/reasons.h"
#include "gateway/step.h"
#include "net/side.h"
#include "protocol/handshake.h"
#include "protocol/path.h"
#include "token/revocations.h"

#include <wsgate/middleware.h>

struct connection;
struct worker;
struct request;

enum {
    /* All memory of one handshake: what no client can enlarge (the backend's head and a refusal's
     * body, early bytes, the fields' places), and so many times limits.head: the head itself, its
     * first piece, path and query in the form that goes on, credentials and claims. */
    REQUEST_ARENA_BYTES = 192 * 1024,
    REQUEST_ARENA_HEADS = 4,
    REQUEST_EARLY_MAX = 16 * 1024, /* client's bytes behind the head, until the 101 */
    REQUEST_LABELS_MAX = 8,
};

/* What a refused client is told; the cause and the details are for the log alone. */
struct answer {
    enum reason reason;
    unsigned status;        /* 0: by the reason's row */
    unsigned close_code;    /* told by a Close frame after a 101; 0: by HTTP, or not told yet */
    const char *word;       /* a module's word; NULL: the reason's */
    const char *module;     /* the instance that refused; NULL: none */
    const char *detail;     /* for the log; static or in the arena */
    struct str challenge;   /* WWW-Authenticate; at == NULL: none */
    uint32_t retry_after_s; /* 0: nobody knows */
    struct str body;        /* a backend's, to go out behind its fields in upgrade.head; or a
                             * module's, of body_type */
    struct str body_type;
};

struct header {
    struct str name, value;
};

struct strip {
    enum mw_source source;
    const char *name;
};

/* A claim of who was admitted, for the modules to come. In the arena; constant. */
struct request_claim {
    const struct request_claim *older;
    const char *name; /* the route's */
    struct str issuer, value;
};

/* A module's pending decision: the handle that resume() takes. */
struct mw_task {
    struct request *request; /* NULL: a revalidation's */
    size_t index;            /* into route->require; a revalidation's, into those it asks */
};

/* What a chain tells somebody who watches it. */
enum chain_news {
    CHAIN_ASKED,   /* a module is going to be asked */
    CHAIN_SAID,    /* it has passed or refused; its answer is in the request */
    CHAIN_PASSED,  /* what has come of an entry, a group too */
    CHAIN_REFUSED,
};

/* The run through the chain. */
struct chain {
    size_t next;     /* index into route->require of the module that decides next */
    bool deciding;   /* inside decide(): resume is not allowed */
    bool waiting;    /* decide() answered MW_WAIT */
    bool overdue;    /* the time is up: who would wait is refused */
    void **slots;    /* one for each node of route->require; NULL: it has not begun */
    struct mw_task *tasks; /* the same */
    size_t *held;    /* nodes whose modules have passed and are not released, in that order */
    size_t held_count;
    /* Optional; for each node in turn. `node` is an index into route->require. */
    void (*watch)(struct request *request, size_t node, enum chain_news news);
};

/* What had been found out when an entry began, to come back to. */
struct chain_mark {
    size_t held_count, forward_count, label_count, strip_count;
    uint32_t stripped_protocols;
    struct token_identity who;
    const struct request_claim *claims;
    int64_t deadline_wall_ms;
    struct answer refusal; /* of an any_of: the best so far */
};

/* What was sent to the backend, and what came back so far. */
struct upgrade {
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    struct handshake_offer offer;
    struct str protocols[HANDSHAKE_PROTOCOLS_MAX];
    struct str extensions[HANDSHAKE_EXTENSIONS_MAX];
    struct inbox in;
    struct http_head head;
    unsigned interim; /* 1xx answers skipped */
    struct refused_body *body; /* another answer than 101 is being read */
    struct handshake_choice choice;
};

struct request {
    struct arena arena;
    struct worker *worker;
    struct handle *handle; /* on the generation that it is judged by; held until it is freed */
    struct connection *connection; /* whose handshake this is; NULL: made up */
    /* Gets the verdict that a waiting module has come to. From the loop. */
    void (*resumed)(struct request *request, enum mw_verdict verdict);
    uint64_t id; /* the connection's, too: it stands in every log line about it */
    /* client_address.h. All the same unless trusted proxies said otherwise; AF_UNSPEC: one of them
     * did not say who it is. */
    const struct sockaddr *peer;   /* the client */
    const struct sockaddr *sender; /* of the head */
    const struct sockaddr *socket;
    const struct address *arrival; /* where the client has come to; NULL: as the socket says */
    bool sender_trusted;
    bool secure;        /* the client speaks TLS, to us or to a proxy */
    struct str proxies; /* the client and trusted proxies behind him; at == NULL: none were named */
    const struct listener_settings *listener;
    const struct settings *settings;
    uint64_t started_us; /* when it was accepted */
    int64_t wall_ms;     /* when the head was whole, or a module last resumed */

    struct inbox in;
    struct inbox early; /* behind the head */
    struct http_head head;
    struct handshake handshake;
    struct target target;
    struct host host;
    const struct route_settings *route; /* NULL: none yet */
    struct str captures[ROUTE_CAPTURES_MAX];

    struct chain chain;
    struct answer answer;

    struct strip *strips; /* in the arena */
    size_t strip_count, strip_room, forward_count, label_count;
    uint32_t stripped_protocols; /* bit i: handshake.protocols[i] */
    struct token_identity who; /* as modules have found; at == NULL: not */
    const struct request_claim *claims; /* the newest first; NULL: none */
    int64_t deadline_wall_ms; /* INT64_MAX: none */

    struct upgrade upgrade;

    /* The rest is not zeroed at the start: the counts above say how much of it holds. */
    struct header forwards[ROUTE_FORWARDS_MAX];
    struct header labels[REQUEST_LABELS_MAX];
    struct chain_mark marks[REQUIRE_DEPTH_MAX + 2]; /* by depth: an any_of's, and a module's own */
};

/* As a module knows it. */
static inline struct request *
request_from(const struct mw_request *request)
{
    return (struct request *)(uintptr_t)request;
}

/* Bits for stripped_protocols. */
_Static_assert(HANDSHAKE_PROTOCOLS_MAX <= 32, "one bit for each subprotocol");

/* Under the worker's present generation. NULL: no memory. */
struct request *request_new(struct worker *worker) MUST_CHECK;
/* Wipes and frees all of it. NULL is fine. */
void request_free(struct request *request);

/* HEAD: reads once, parses, judges and routes. STEP_WAIT: more is to come. */
enum step request_read(struct request *request, struct side *client) MUST_CHECK;
/* The same with bytes that are in memory; what comes behind a whole head is nobody's concern. */
enum step request_feed(struct request *request, const char *bytes, size_t len) MUST_CHECK;
/* Reads what comes behind the head while others are waited for. STEP_FAILED: the client is gone. */
enum step request_read_early(struct request *request, struct side *client) MUST_CHECK;

/* Whether a token has expired or was revoked while the backend took its time. false: said. */
bool request_still_holds(struct request *request) MUST_CHECK;

/* Says why, unless something else said so first; always STEP_FAILED. */
enum step request_fail(struct request *request, enum reason reason, const char *detail);

#endif
