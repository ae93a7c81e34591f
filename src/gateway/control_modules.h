/*
 * control_modules.h - the modules' part on the control thread's loop (control_start, control_stop).
 */
#ifndef WSGATE_CONTROL_MODULES_H
#define WSGATE_CONTROL_MODULES_H

#include "base/log.h"
#include "config/settings.h"

/* Belongs to the control thread. Zeroed: nothing was started. */
struct control_modules {
    const struct settings *settings;
    void **states; /* one for each instance; NULL where a module has no such part */
};

/* Starts the instances' parts, in order. `view` is the control thread as a module sees it; it stays
 * valid until control_modules_stop, which is due after a failure too. false: it was logged. */
bool control_modules_start(struct control_modules *modules, const struct settings *settings,
                           struct mw_worker *view, struct log *log) MUST_CHECK;
/* In the opposite order. After the workers have ended and the last mail was read. */
void control_modules_stop(struct control_modules *modules);

#endif
