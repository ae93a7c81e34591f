/*
 * introspection_worker.h - what an introspection instance has on one worker: its HTTP client, and
 * the handshakes that wait for an answer.
 *
 * A token is asked about once at a time: who comes with the same one meanwhile waits for the same
 * answer. A call goes on when all who waited have left: to end it would cost its connection, and
 * they may be back with the same token. Both are bounded, and so is the time that a call takes.
 * Tunnels that are judged again are beside these bounds.
 *
 * Kept for a while, for all workers, are answers that a token is active, by its SHA-256. Others are
 * of no use but to who makes tokens up, and could so push out the good ones.
 */
#ifndef WSGATE_INTROSPECTION_WORKER_H
#define WSGATE_INTROSPECTION_WORKER_H

#include "introspection_answer.h"
#include "introspection_settings.h"

enum {
    INTROSPECTION_WAITERS_MAX = 1024, /* handshakes of a worker; each holds its request's memory */
    INTROSPECTION_CALLS_MAX = 256,    /* theirs */
};

struct introspection_worker;

/* Judge a request by what was answered about its token, and a tunnel. Never MW_WAIT. */
typedef enum mw_verdict introspection_judge(const void *instance, struct mw_request *request,
                                            struct str token,
                                            const struct introspection_answer *answer);
typedef enum mw_verdict introspection_judge_again(const void *instance, struct mw_task *task,
                                                  const struct introspection_answer *answer);

/* settings are the instance's. NULL: out of memory. */
struct introspection_worker *introspection_worker_new(const struct mw_host *host,
                                                      struct mw_worker *worker,
                                                      const struct introspection_settings *settings,
                                                      introspection_judge *judge,
                                                      introspection_judge_again *judge_again,
                                                      const void *instance) MUST_CHECK;
/* These two as in struct mw_module; the state is an introspection_worker. */
void introspection_worker_free(void *state);
void introspection_worker_cancel(void *state, struct mw_task *task);

/* What judge says, at once or, after MW_WAIT, from the loop. The token lives as long as the request
 * and, of a tunnel, as long as its slot. */
enum mw_verdict introspection_worker_decide(struct introspection_worker *worker,
                                            struct mw_request *request, struct str token);
/* The same for judge_again. A tunnel is never too many. */
enum mw_verdict introspection_worker_revalidate(struct introspection_worker *worker,
                                                struct mw_task *task, struct str token);

#endif
