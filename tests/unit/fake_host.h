/*
 * fake_host.h - a gateway for one module, without sockets and without YAML.
 *
 * Options are rows of text, read by the module's own table. A request is a few
 * arrays. Whatever the module answers is written, one line each, to a trace that a
 * test compares. Posts to a worker wait until the test has them run.
 */
#ifndef WSGATE_FAKE_HOST_H
#define WSGATE_FAKE_HOST_H

#include "base/address.h"

#include <wsgate/middleware.h>

enum { FAKE_MAX = 16, FAKE_ALLOCATIONS = 64, FAKE_POSTS = 64 };

/* A worker, or the control thread. */
struct mw_worker {
    struct event_base *base;
    bool closed; /* takes no posts */
    struct {
        void (*fn)(void *arg);
        void *arg;
    } posts[FAKE_POSTS];
    int post_count;
    uint64_t counted; /* by count_on, all words */
};

/* Runs what waits for that worker, with what is posted meanwhile. Returns how many it were. */
int fake_posts_run(struct mw_worker *worker);

/* An option as it might be written. Rows with one word make a list, a row without text and member
 * an empty one; a MW_MAP row is "key=value". */
struct fake_row {
    const char *word, *text;
    const struct mw_options *member; /* MW_OBJECT, MW_OBJECTS; MW_NAMED, with the name as text */
};

enum { FAKE_LIST_MAX = 8 };
/* Texts for fake_list. */
#define FAKE_LIST(...) ((const char *const[FAKE_LIST_MAX]){__VA_ARGS__})

struct mw_options {
    const struct mw_option *table;
    const struct fake_row *rows; /* word == NULL at the end */
};

struct fake_pair {
    const char *name, *value;
};

struct mw_request {
    /* Set by the test; name == NULL (protocols: NULL) at the end. */
    struct fake_pair headers[FAKE_MAX], cookies[FAKE_MAX], arguments[FAKE_MAX], captures[FAKE_MAX];
    struct fake_pair own[FAKE_MAX]; /* headers of the gateway's own; value NULL: nothing was said */
    const char *protocols[FAKE_MAX];
    const char *expected[FAKE_MAX]; /* claims; NULL at the end */
    struct fake_pair claims[FAKE_MAX];
    const char *claims_issuer;
    const struct sockaddr *peer;
    const char *issuer, *subject, *route, *uri;
    uint64_t id;
    int64_t now_ms;
    bool no_memory;     /* alloc fails */
    bool revalidated;   /* its tunnel will be judged again */
    bool offline;       /* made up by `wsgatectl explain` */
    bool dry_run;       /* the instance is only tried out */
    const char *broken; /* the answer that fails: "strip", "identify", "forward", "label", "give" */

    /* Filled by the fake. */
    char trace[4096];
    int status;
    const char *word, *challenge; /* the challenge, in memory of the request's */
    char challenge_text[1024];
    void *slot;
    int resumed;             /* how often */
    enum mw_verdict verdict; /* of the last time */
    void *allocations[FAKE_ALLOCATIONS];
    int allocation_count;
};

extern const struct mw_host fake_host;

/* Appends the row or rows of a list that ends with NULL and returns the new end. An empty list is a
 * row too; that of NULL is none. */
struct fake_row *fake_list(struct fake_row *end, const char *word, const char *const *texts);
/* Runs the module's setup: gives an instance, or NULL and complaints. */
void *fake_setup(const struct mw_module *module, const struct fake_row *rows);
/* Asks a module that keeps nothing per worker. A refusal has a status, a pass has none. */
enum mw_verdict fake_decide(const struct mw_module *module, const void *instance,
                            struct mw_request *request);

/* Every fault and log line since the last call or fake_setup, one a line. */
const char *fake_complaints(void);
/* Takes the complaints: there are so many, and the last begins like that. */
void fake_expect_complaints(size_t count, const char *last);
/* From now on whatever has this subject, jti or sid is revoked; NULL: nothing is. */
void fake_revoke(const char *text);
/* The header that reserve_header was last called for. */
const char *fake_reserved(void);
/* The claim that expect_claim was last called for, and how often offer_claims was. */
const char *fake_expected(void);
int fake_offers(void);
/* Frees what a request's alloc gave. */
void fake_request_free(struct mw_request *request);

#endif
