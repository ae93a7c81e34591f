/*
 * forward_answer.h - what a forward_auth service has said: yes, with what is handed on; no, with
 * its own words; or nothing that counts. Pure.
 *
 * No is said by the head alone: a 401 or 403 whose body is too large, too slow or broken is no all
 * the same, or whoever can make it so would be let in where on_error says pass. Yes needs a whole
 * answer.
 *
 * A yes is kept and shared as an object of claims (token/claims.h), whose members are ":identity",
 * ":deadline" and, by their names, the headers for the backend. It names one identity, where it has
 * to name any; several fields of a header for the backend are one list (RFC 9110 5.3).
 */
#ifndef WSGATE_FORWARD_ANSWER_H
#define WSGATE_FORWARD_ANSWER_H

#include "forward_auth_settings.h"
#include "service_fault.h"

/* For log and metric. */
const char *forward_fault_word(enum service_fault fault);

struct forward_answer {
    enum service_fault fault;
    unsigned refused;      /* 401 or 403; 0: no */
    char *challenge;       /* of a no: all fields WWW-Authenticate as one; NULL: none */
    struct claims *claims; /* of a yes; else NULL */
};

/* The caller calls forward_answer_free. */
void forward_answer_read(struct forward_answer *answer,
                         const struct forward_auth_settings *settings,
                         const struct http_answer *http);
void forward_answer_free(struct forward_answer *answer);

#endif
