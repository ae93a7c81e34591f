/*
 * jwt_worker.h - what a jwt instance has on one worker: its verifier, and who waits for a key to
 * be fetched.
 *
 * A handshake waits only where its token has nothing against it but that no known key verifies it,
 * and a fetch may bring the one that does; a tunnel that is judged again, only where keys were not
 * fetched yet. News from the control thread swap the keys and have the waiting judged again; it is
 * over when every source was asked after they came. Fetches are rationed (token/key_schedule.h):
 * where the next one is too far away, none is waited for.
 */
#ifndef WSGATE_JWT_WORKER_H
#define WSGATE_JWT_WORKER_H

#include "jwt_remote.h"
#include "token/verify.h"

enum { JWT_WAITERS_MAX = 1024 }; /* of a worker; each holds its request's memory */

struct bearer_session;
struct jwt_worker;

/* A handshake whose token was found, or a tunnel. */
struct jwt_asker {
    struct mw_task *task;
    struct mw_request *request;           /* NULL: a tunnel */
    struct str token;                     /* lives as long as the request */
    const struct bearer_session *session; /* a tunnel's */
};

/* May call jwt_worker_wait again. */
typedef enum mw_verdict jwt_judge(const void *instance, struct jwt_worker *worker,
                                  const struct jwt_asker *asker);

/* remote: NULL where there are no keys by URL; else the keys are its own. NULL: out of memory. */
struct jwt_worker *jwt_worker_new(const struct mw_host *host, struct mw_worker *worker,
                                  const struct keyset *keyset, struct jwt_remote *remote,
                                  jwt_judge *judge, const void *instance) MUST_CHECK;
/* These two as in struct mw_module; the state is a jwt_worker. */
void jwt_worker_free(void *state);
void jwt_worker_cancel(void *state, struct mw_task *task);

struct verifier *jwt_worker_verifier(struct jwt_worker *worker);
/* Is a key that it does not have unknown? Else some could not be fetched yet. */
bool jwt_worker_is_certain(const struct jwt_worker *worker);
const void *jwt_worker_instance(const struct jwt_worker *worker);
/*
 * No known key verifies this token: *reason is KEY_UNKNOWN or SIGNATURE. true: the asker waits,
 * for which the answer is MW_WAIT. false: *reason says what it is refused for: that, or
 * KEYS_UNAVAILABLE where nobody can know the key.
 */
bool jwt_worker_wait(struct jwt_worker *worker, const struct jwt_asker *asker,
                     enum jose_reason *reason) MUST_CHECK;

#endif
