/*
 * control.h - the control thread: it opens everything, starts the workers, takes the signals,
 * and ends everything in reverse.
 */
#ifndef WSGATE_CONTROL_H
#define WSGATE_CONTROL_H

#include "config/settings.h"
#include "gateway/module_host.h"

/* Takes the settings over. Returns the program's exit status, after the last connection. */
int control_run(struct settings *settings, struct host_functions *host);

#endif
