/* privileges.h - from root to the configured user, once the ports are bound. */
#ifndef WSGATE_PRIVILEGES_H
#define WSGATE_PRIVILEGES_H

#include "base/log.h"
#include "config/settings.h"

/* Does nothing when not started as root. Before any thread exists. false: said (start_fault.h). */
bool privileges_drop(const struct settings *settings, struct log *log) MUST_CHECK;

#endif
