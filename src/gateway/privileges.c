/* privileges.c - see privileges.h. A step that fails ends the start: never half a user. */
#include "gateway/privileges.h"

#include "gateway/start_fault.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Socket files were made as root: their user must be able to remove them. */
static void
hand_over_sockets(const struct settings *settings, uid_t uid, gid_t gid)
{
    for (size_t i = 0; i < settings->listener_count; i++)
        if (settings->listeners[i].address.any.sa_family == AF_UNIX)
            (void)!chown(settings->listeners[i].address.local.sun_path, uid, gid);
}

bool
privileges_drop(const struct settings *settings, struct log *log)
{
    if (geteuid() != 0)
        return true;
    if (settings->user == NULL) {
        log_message(log, LOG_LEVEL_WARNING, "user", "running as root: `user` is not set");
        return true;
    }
    errno = 0;
    const struct passwd *user = getpwnam(settings->user);
    if (user == NULL)
        return start_fault(log, "user", "%s: %s", settings->user,
                           errno != 0 ? strerror(errno) : "no such user");
    hand_over_sockets(settings, user->pw_uid, user->pw_gid);
    log_chown(log, user->pw_uid, user->pw_gid);
    if (setgroups(0, NULL) == -1 || initgroups(user->pw_name, user->pw_gid) == -1 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == -1 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == -1)
        return start_fault(log, "user", "%s: %s", settings->user, strerror(errno));
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (access(settings->file, R_OK) == -1)
        log_message(log, LOG_LEVEL_WARNING, "user", "%s cannot read %s: a later reload will fail",
                    settings->user, settings->file);
    return true;
}
