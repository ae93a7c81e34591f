/*
 * resident.h - an instance as it lives on one worker: its state there, and who needs it.
 *
 * On that worker's thread. A handle on a generation is a user, and so is a tunnel that holds a
 * slot. With the last one nothing more is posted to it; it ends once what was posted has run.
 */
#ifndef WSGATE_RESIDENT_H
#define WSGATE_RESIDENT_H

#include "gateway/instance.h"

/* One user more. The first one starts the state. false: that failed; the user is one all the
 * same. */
bool resident_enter(struct resident *resident, struct worker *worker) MUST_CHECK;
/* One more, where there is one. */
void resident_hold(struct resident *resident);
void resident_leave(struct resident *resident);
/* Those that are left, in reverse, when the worker ends. */
void residents_stop(struct worker *worker);

#endif
