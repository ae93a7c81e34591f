/*
 * accept.h - the ACCEPT stage: what comes before the head.
 *
 * Its parts run in the order of a table in accept.c, each until it is done. A plain listener has
 * none: the stage is over at once, without a system call. All of it, and the head behind it, has
 * timeouts.head. Whoever fails here gets no HTTP answer: he is closed, with one line in the log.
 */
#ifndef WSGATE_ACCEPT_H
#define WSGATE_ACCEPT_H

#include "gateway/request.h"

struct proxy_header;

/* How far one connection has come; zeroed: not at all. */
struct accept {
    unsigned part; /* the one whose turn it is */
    bool heard;    /* somebody has sent a byte, who is no check of a proxy */
    struct proxy_header *proxy; /* in the request's arena; NULL: none was asked for yet */
};

/* From the first look on, and again whenever the client's side is readable or writable. */
enum step accept_run(struct accept *accept, struct request *request,
                     struct side *client) MUST_CHECK;

#endif
