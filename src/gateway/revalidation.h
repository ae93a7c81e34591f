/*
 * revalidation.h - a live tunnel judged again, now and then, by the modules that let it in.
 *
 * Where the route asks for it, those of its chain that have `revalidate` are asked every
 * interval, in order, one at a time. A refusal ends the tunnel; so does an answer that is not
 * there in time. What is needed of the route is copied. A module judges by its instance of that
 * name in the newest configuration; where there is none any more, by the one that let it in.
 *
 * An instance is asked about so many tunnels at a time (turns.h). The time of an answer is that of
 * a handshake, and runs while it is waited for, not before the tunnel's turn has come; that it
 * waits for its turns is bounded, too.
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
struct tunnel_record;

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
/* For mw_host.deny_tunnel and mw_host.tunnel_capture. */
void revalidation_deny(struct mw_task *task, int status, const char *word);
struct str revalidation_capture(const struct mw_task *task, struct str name);
/* Who has ended the tunnel for that reason, and the module's word; where it was no revalidation
 * *record stays as it is. */
void revalidation_tell(const struct connection *connection, enum reason reason,
                       struct tunnel_record *record);

/* Milliseconds to the next round. The first one comes up to half of the interval sooner, a later
 * one up to a tenth: so those who came together are not asked together. */
uint64_t revalidation_pause(uint64_t interval_ms, bool is_first, uint64_t random);
/* Milliseconds of waiting for turns in one round; 0: any. */
uint64_t revalidation_turn_patience(uint64_t interval_ms, uint64_t patience_ms);

#endif
