/*
 * forward_auth_worker.h - what a forward_auth instance has on one worker: its HTTP client, and who
 * waits for an answer.
 *
 * Each asker has a call of its own, which ends when he leaves. Kept for a while, for all workers,
 * are answers of yes, by the parts of a request that the operator has named.
 */
#ifndef WSGATE_FORWARD_AUTH_WORKER_H
#define WSGATE_FORWARD_AUTH_WORKER_H

#include "forward_auth_settings.h"
#include "net/http_client.h"

/* Handshakes of a worker; each holds its request's memory. The other calls are the tunnels'. */
enum { FORWARD_WAITERS_MAX = HTTP_CLIENT_CALLS_MAX - MW_REVALIDATIONS_MAX };

/* They leave some connections free, so that handshakes are answered meanwhile. */
_Static_assert((int)MW_REVALIDATIONS_MAX < (int)HTTP_CLIENT_PER_HOST, "some for handshakes");

struct forward_auth_worker;

/* settings are the instance's. NULL: out of memory. */
struct forward_auth_worker *
forward_auth_worker_new(const struct mw_host *host, struct mw_worker *worker,
                        const struct forward_auth_settings *settings) MUST_CHECK;
/* These as in struct mw_module; the state is a forward_auth_worker, a slot a forward_question. */
void forward_auth_worker_free(void *state);
enum mw_verdict forward_auth_worker_decide(struct forward_auth_worker *worker,
                                           struct mw_request *request) MUST_CHECK;
enum mw_verdict forward_auth_worker_revalidate(void *state, void *slot, struct mw_task *task);
void forward_auth_worker_cancel(void *state, struct mw_task *task);

#endif
