/*
 * revalidation.h - a live tunnel judged again, now and then, by the modules that let it in.
 *
 * Where the route asks for it, those of its chain that have `revalidate` are asked every
 * interval, in order, one at a time. A refusal ends the tunnel; so does an answer that is not
 * there in time. What is needed of the route is copied. A module judges by its instance of that
 * name in the newest configuration; where there is none any more, by the one that let it in.
 *
 * Ownership: the connection's, as the first of what it holds (held_take): so it goes before the
 * slots that it shows to modules. It hangs in a wheel of its worker. A tunnel that is not judged
 * again has none, and costs nothing.
 */
#ifndef WSGATE_REVALIDATION_H
#define WSGATE_REVALIDATION_H

#include "base/wheel.h"
#include "gateway/request.h"

struct revalidation;

/* Does that one judge live tunnels again? Not where it is only tried out. */
bool revalidation_is_by(const struct instance_settings *instance);
/* For a tunnel that is about to start, while its request is still there. *made stays NULL where
 * nobody is to be asked. false: no memory. */
bool revalidation_new(struct request *request, struct revalidation **made) MUST_CHECK;
/* Takes back what is waited for, and frees it. As mw_module.release; `slot` is the revalidation. */
void revalidation_release(void *state, void *slot, enum mw_end end);
/* Another configuration has taken over on that worker: those whose routes ask for it are due. */
void revalidations_reloaded(struct worker *worker);
/* The node in worker->revalidations has come due. The connection may be closed afterwards. */
void revalidation_due(struct wheel_node *node);
/* What a module that waited has come to; for mw_host.resume. The same holds. */
void revalidation_resume(struct mw_task *task, enum mw_verdict verdict);

#endif
