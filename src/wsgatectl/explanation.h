/*
 * explanation.h - a made-up request, run through the gateway's own code.
 *
 * A worker without listeners and thread is begun for it; the head goes through the parser,
 * the handshake's rules, the router and the route's modules, each as the gateway
 * itself would do it. No backend is asked, nothing is connected but what a module connects.
 *
 * Where the gateway stops at the first refusal, this goes on as far as a verdict still means
 * something: what would have been said is marked as not asked.
 *
 * The explanation owns the generation with its settings, the worker, and the request whose chain
 * holds the modules' slots; explanation_free gives all of it back in the gateway's order.
 */
#ifndef WSGATE_EXPLANATION_H
#define WSGATE_EXPLANATION_H

#include "base/text.h"
#include "gateway/chain.h"
#include "gateway/module_host.h"

/* In the order in which the gateway refuses. */
#define EXPLAIN_STAGES(S)                                                                 \
    S(HEAD, "head")           /* RFC 9112: 400, 414, 431 */                                 \
    S(HANDSHAKE, "handshake") /* fields that must be right where they stand: 400 */         \
    S(TARGET, "target")       /* path, Host: 400 */                                         \
    S(UPGRADE, "upgrade")     /* method, Upgrade, version: 405, 426 */                      \
    S(ROUTE, "route")         /* 404 */

enum explain_stage {
#define S(name, word) EXPLAIN_##name,
    EXPLAIN_STAGES(S)
#undef S
    EXPLAIN_STAGE_COUNT
};

enum explain_outcome { EXPLAIN_UNKNOWN, EXPLAIN_PASS, EXPLAIN_DENY };

struct explain_verdict {
    enum explain_outcome outcome;
    bool asked;           /* the gateway would have come to it */
    struct answer answer; /* of a refusal */
};

/* What a module has found out about the request. The arrays are copies. */
struct explain_findings {
    struct strip *strips;
    struct header *forwards, *labels, *claims;
    size_t strip_count, forward_count, label_count, claim_count;
    uint32_t stripped_protocols; /* bit i: the i-th subprotocol */
    struct str issuer, subject; /* at == NULL: it said nothing about that */
    int64_t deadline_wall_ms;   /* INT64_MAX: no other than before */
};

/* What came of a node of the route's `require`; of a module also what it said itself, which
 * `not` and a dry run turn into something else. */
struct explain_entry {
    const struct instance_settings *instance; /* NULL: a group */
    struct explain_verdict verdict;
    struct answer said; /* REASON_NONE: it passed */
    struct explain_findings findings;
};

struct explain_question {
    const struct listener_settings *listener;
    struct address peer;
    struct str head;
};

struct explanation {
    const struct explain_question *question;
    struct generation *generation;
    struct log *log;
    struct worker worker;
    struct request *request;
    enum step step; /* what a module that waited has come to */

    struct explain_verdict stages[EXPLAIN_STAGE_COUNT];
    struct explain_entry *entries; /* one for each node of the route's `require`; NULL: no route */
    size_t entry_count;
    struct explain_entry *alone; /* asked out of turn at present; NULL: none */
    struct explain_findings before; /* what the request held when a module began; counts alone */
    bool let_in;
    struct answer answer; /* the first refusal */
    struct text output;   /* what the client would be answered; let in: what the backend is sent */
    const char *error;    /* there is no explanation, and this is why */
};

const char *explain_stage_word(enum explain_stage stage);
/* Only somebody on the network could say; answer->detail is why. */
bool explanation_is_unknown(const struct answer *answer);

/* Takes the settings, whose host functions are `host`, over. false: error says why. Either way
 * explanation_free is due. The question must outlive it. */
bool explanation_make(struct explanation *explanation, struct settings *settings,
                      struct host_functions *host, const struct explain_question *question)
    MUST_CHECK;
void explanation_free(struct explanation *explanation);

#endif
