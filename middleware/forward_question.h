/*
 * forward_question.h - what a forward_auth service is asked about one request: header fields in one
 * block of memory, which outlive the request where its tunnel will be judged again. Wiped when
 * they go, for credentials are among them.
 */
#ifndef WSGATE_FORWARD_QUESTION_H
#define WSGATE_FORWARD_QUESTION_H

#include "forward_auth_settings.h"

struct forward_question {
    bool is_kept; /* else an answer to it is neither kept nor looked for */
    unsigned char digest[TOKEN_DIGEST_LEN]; /* of the parts that an answer is kept by */
    size_t bytes;                           /* of the block */
    const char *fields[];                   /* "Name: value" each, NULL behind the last */
};

/* NULL: no memory. */
struct forward_question *forward_question_new(const struct forward_auth_settings *settings,
                                              const struct mw_host *host,
                                              struct mw_request *request) MUST_CHECK;
/* NULL is allowed. */
void forward_question_free(struct forward_question *question);

#endif
