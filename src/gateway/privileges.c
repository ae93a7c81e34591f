/* privileges.c - see privileges.h. A step that fails ends the start: never half a user. */
#include "gateway/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* By a descriptor: others may write to the directory, and put something else there between two
 * calls by name. */
bool
privileges_give_socket(const char *path, uid_t uid, gid_t gid)
{
    struct stat status;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd == -1)
        return false;
    errno = ENOTSOCK;
    bool given = fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) &&
                 fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0;
    int error = errno;
    (void)close(fd);
    errno = error;
    return given;
}

/* Socket files were made as root: their user must be able to remove them. */
static bool
hand_over_sockets(const struct settings *settings, const struct passwd *user, struct log *log)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];
        if (listener->address.any.sa_family != AF_UNIX ||
            privileges_give_socket(listener->address.local.sun_path, user->pw_uid, user->pw_gid))
            continue;
        log_message(log, LOG_LEVEL_ERROR, "user", "%s: %s", listener->text, strerror(errno));
        return false;
    }
    return true;
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
    if (user == NULL) {
        log_message(log, LOG_LEVEL_ERROR, "user", "%s: %s", settings->user,
                    errno != 0 ? strerror(errno) : "no such user");
        return false;
    }
    if (!hand_over_sockets(settings, user, log))
        return false;
    log_chown(log, user->pw_uid, user->pw_gid);
    if (setgroups(0, NULL) == -1 || initgroups(user->pw_name, user->pw_gid) == -1 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == -1 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == -1) {
        log_message(log, LOG_LEVEL_ERROR, "user", "%s: %s", settings->user, strerror(errno));
        return false;
    }
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (access(settings->file, R_OK) == -1)
        log_message(log, LOG_LEVEL_WARNING, "user", "%s cannot read %s: a later reload will fail",
                    settings->user, settings->file);
    return true;
}
