/*
 * http_client.h - requests to other HTTP services (key sets, introspection), from an event loop.
 *
 * One client belongs to one loop and its thread. Nothing here blocks: names are looked up by
 * threads of libcurl, and a call that is cancelled does not wait for them. Each call has a deadline
 * for the whole of it and a bound on head and body. `https` verifies chain and name, always; no
 * proxy of the environment is used; other schemes than http and https are refused, as is an
 * address with a user in it, both after a redirect too. A redirect never leads from https to
 * http, and takes no Authorization to another host.
 *
 * Connections are kept for the next call. There are at most HTTP_CLIENT_PER_HOST to one host and
 * port; a call beyond waits for one, within its deadline. A look-up that its call gave up still
 * counts as one until the resolver lets go of it, so that a dead name server costs few threads.
 */
#ifndef WSGATE_HTTP_CLIENT_H
#define WSGATE_HTTP_CLIENT_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

struct event_base;

enum {
    HTTP_CLIENT_CALLS_MAX = 1024, /* under way at a time; one more is refused */
    HTTP_CLIENT_PER_HOST = 32,    /* connections, and look-ups */
    HTTP_CLIENT_CONNECTIONS = 64, /* of them, in all */
    HTTP_CLIENT_HEAD_MAX = 32 * 1024, /* bytes of an answer's head, with those of its redirects */
    HTTP_CLIENT_ERROR_MAX = 256,
};

struct http_client;
struct http_call;

struct http_query {
    const char *method; /* "GET", "HEAD", or "POST" with a body */
    const char *url;
    const char *const *fields; /* "Name: value" each, the last one NULL; NULL: none */
    struct str body;           /* of a POST; wiped when the call is over */
    const char *ca_file;       /* PEM bundle, which alone counts then; NULL: the system's */
    uint64_t timeout_ms;       /* from the start to the last byte; never 0 */
    size_t body_max;           /* bytes of the answer's body; more is HTTP_TOO_LARGE */
    unsigned redirects_max;    /* 0: a 3xx is the answer */
};

/* Why there is no answer: word for log and metric. */
#define HTTP_OUTCOMES(X)                                                                           \
    X(ANSWERED, "answered")                                                                        \
    X(NO_ADDRESS, "no-address")                                                                    \
    X(NO_CONNECTION, "no-connection")                                                              \
    X(TLS, "tls")                                                                                  \
    X(TIMEOUT, "timeout")                                                                          \
    X(TOO_LARGE, "too-large")                                                                      \
    X(REDIRECT, "redirect")                                                                        \
    X(BROKEN, "broken")

enum http_outcome {
#define X(name, word) HTTP_##name,
    HTTP_OUTCOMES(X)
#undef X
        HTTP_OUTCOME_COUNT
};

struct http_answer {
    enum http_outcome outcome;
    unsigned status;   /* 0 unless ANSWERED */
    unsigned head_status; /* of the answer's head, whatever became of its body; 0: none was whole */
    struct str body;   /* valid for the call of done; never NULL, whole if ANSWERED, else empty */
    int64_t max_age_s; /* of Cache-Control (protocol/cache_control.h); -1: it says nothing */
    const char *error; /* a printable line for the operator, without credentials; "" if ANSWERED */
    void *handle;      /* for http_answer_field, as is the next */
    struct str (*field)(const struct http_answer *answer, const char *name, size_t i);
};

/* The i-th header field of that name, in any case, of the answer itself, not of a redirect before
 * it. Good until the next call, and as long as the body. at == NULL: there is none, or the head was
 * not whole. */
struct str http_answer_field(const struct http_answer *answer, const char *name, size_t i)
    MUST_CHECK;

/* Once for every call, from the loop, never from inside http_call_start; never after a cancel. It
 * may start other calls and cancel others, but not free the client. */
typedef void http_done(void *arg, const struct http_answer *answer);

const char *http_outcome_word(enum http_outcome outcome);

/* Before there are threads; harmless when repeated. From now on the process ignores SIGPIPE. */
bool http_client_global_start(void) MUST_CHECK;

/* NULL: out of memory. */
struct http_client *http_client_new(struct event_base *base) MUST_CHECK;
/* Ends every call without a word, as http_call_cancel does. Not from inside done. NULL: nothing. */
void http_client_free(struct http_client *client);

/* Copies what it needs. NULL: out of memory, or too many calls. */
struct http_call *http_call_start(struct http_client *client, const struct http_query *query,
                                  http_done *done, void *arg) MUST_CHECK;
/* The call is gone, without done. Not from inside its own done. */
void http_call_cancel(struct http_call *call);

#endif
