/* privileges.h - from root to the configured user, once the ports are bound. */
#ifndef WSGATE_PRIVILEGES_H
#define WSGATE_PRIVILEGES_H

#include "base/log.h"
#include "config/settings.h"

#include <sys/types.h>

/* Does nothing when not started as root. Before any thread exists. false: said (start_fault.h). */
bool privileges_drop(const struct settings *settings, struct log *log) MUST_CHECK;
/* Could the user read it all again, as a reload must? A line to `faults` for each thing that it
 * could not. True where it is not known to be another user than ours. */
bool privileges_check(const struct settings *settings, FILE *faults) MUST_CHECK;

/* A socket file to another owner: the file itself, never what a link there points to. false: errno;
 * ENOTSOCK where it is something else. */
bool privileges_give_socket(const char *path, uid_t uid, gid_t gid) MUST_CHECK;

#endif
