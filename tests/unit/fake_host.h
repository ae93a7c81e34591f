/*
 * fake_host.h - a gateway for one module, without sockets and without YAML.
 *
 * Options are rows of text, read by the module's own table. A request is a few
 * arrays. Whatever the module answers is written, one line each, to a trace that a
 * test compares.
 */
#ifndef WSGATE_FAKE_HOST_H
#define WSGATE_FAKE_HOST_H

#include <wsgate/middleware.h>

enum { FAKE_MAX = 16, FAKE_ALLOCATIONS = 64 };

/* An option as it might be written. Rows with one word make a list; a MW_MAP row is "key=value". */
struct fake_row {
    const char *word, *text;
    const struct mw_options *member; /* MW_OBJECTS; MW_NAMED, with the name as text */
};

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
    const char *protocols[FAKE_MAX];
    int64_t now_ms;
    bool no_memory;     /* alloc fails */
    const char *broken; /* the answer that fails: "strip", "identify", "forward", "label" */

    /* Filled by the fake. */
    char trace[4096];
    int status;
    const char *word, *challenge; /* the challenge, in memory of the request's */
    char challenge_text[1024];
    void *allocations[FAKE_ALLOCATIONS];
    int allocation_count;
};

extern const struct mw_host fake_host;

/* Every fault and log line since the last call, one a line. */
const char *fake_complaints(void);
/* The header that reserve_header was last called for. */
const char *fake_reserved(void);
/* Frees what a request's alloc gave. */
void fake_request_free(struct mw_request *request);

#endif
