/*
 * http_transfer.h - one request and its answer on a handle of libcurl; http_client.c alone uses it.
 *
 * Here are all the options that make libcurl safe to have on a loop, and what is collected
 * while the answer arrives, each within its bound. It knows nothing of loops and deadlines.
 */
#ifndef WSGATE_HTTP_TRANSFER_H
#define WSGATE_HTTP_TRANSFER_H

#include "net/http_client.h"
#include "net/http_sockets.h"
#include "net/http_trust.h"

#include <curl/curl.h>

struct http_transfer {
    CURL *easy;
    struct curl_slist *fields;
    char *request;         /* its body */
    size_t request_len;
    char *body;            /* the answer's */
    size_t body_len, body_size, body_max;
    size_t head_bytes;
    unsigned head_status;  /* of a whole head; 0: there is none, or only an interim one */
    bool bodiless;         /* asked by HEAD: what the answer says of its length is about another */
    int64_t max_age_s;
    enum http_outcome refused; /* by us, while it arrived; ANSWERED: not */
    const char *why;           /* static words for that; NULL: the outcome's own */
    bool secure;               /* a request has gone out over TLS: none may go without */
    bool looking_up;           /* a thread of libcurl may be asking for an address */
    bool forgotten;            /* no socket is opened any more */
    struct http_sockets *sockets; /* the client's */
    bool is_new;               /* the connection: no kept one */
    bool is_stale;             /* the kept one has said something: http_transfer_again */
    char error[CURL_ERROR_SIZE]; /* libcurl's words */
    char text[HTTP_CLIENT_ERROR_MAX];
};

/* Fills the zeroed *transfer; owner is what CURLINFO_PRIVATE gives. trust and sockets: the
 * client's. false: out of memory; http_transfer_close is due either way. */
bool http_transfer_open(struct http_transfer *transfer, const struct http_query *query,
                        struct http_trust *trust, struct http_sockets *sockets,
                        void *owner) MUST_CHECK;
/* It has ended because it is_stale, and nothing was sent: makes it ready to begin anew, on a
 * connection of its own. false: it has ended for another reason. */
bool http_transfer_again(struct http_transfer *transfer) MUST_CHECK;
/* Nobody wants the answer, but the look-up goes on: what was to be sent is wiped, and never
 * sent. */
void http_transfer_forget(struct http_transfer *transfer);
/* What came of it; points into *transfer. */
void http_transfer_answer(struct http_transfer *transfer, CURLcode result,
                          struct http_answer *answer);
/* The same when the deadline of timeout_ms has come first. */
void http_transfer_overdue(struct http_transfer *transfer, uint64_t timeout_ms,
                           struct http_answer *answer);
/* While it arrives: no more of it, for static words. Returns what a callback of libcurl's returns
 * then. */
size_t http_transfer_refuse(struct http_transfer *transfer, enum http_outcome outcome,
                            const char *why);
/* The handle must be out of its multi handle. */
void http_transfer_close(struct http_transfer *transfer);

#endif
