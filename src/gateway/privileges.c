/*
 * privileges.c - see privileges.h. A step that fails ends the start: never half a user.
 *
 * What root could read the user may not: then everything works until the next reload. So the file
 * is loaded once more as the user, with all that it names. At the start faults are warnings.
 */
#include "gateway/privileges.h"

#include "base/file_place.h"
#include "gateway/start_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
        return start_fault(log, "user", "%s: %s", listener->text, strerror(errno));
    }
    return true;
}

static bool
become(const struct passwd *user)
{
    return setgroups(0, NULL) == 0 && initgroups(user->pw_name, user->pw_gid) == 0 &&
           setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

/* ---- What the user could not do again --------------------------------------------- */

/* Hands each fault to `say`, a line without its end. */
static void
read_again(const struct settings *settings, void (*say)(void *arg, const char *fault), void *arg)
{
    char *faults = NULL, *rest, *line;
    size_t len;
    FILE *out = open_memstream(&faults, &len);

    if (out == NULL) {
        say(arg, "out of memory");
        return;
    }
    bool good = settings_read_again(settings, out);

    (void)fclose(out);
    for (line = strtok_r(faults, "\n", &rest); !good && line; line = strtok_r(NULL, "\n", &rest))
        say(arg, line);
    free(faults);
}

struct warning {
    const struct settings *settings;
    struct log *log;
};

static void
warn(void *arg, const char *fault)
{
    const struct warning *warning = arg;

    log_message(warning->log, LOG_LEVEL_WARNING, "user",
                "%s (as user `%s`): a later reload will fail", fault, warning->settings->user);
}

static void
warn_of_log(const struct settings *settings, struct log *log, const char *target)
{
    if (target[0] == '/' && !file_place_can_make(target))
        log_message(log, LOG_LEVEL_WARNING, "user",
                    "`%s` could not be made by user `%s`: %s; whatever rotates it must make it",
                    target, settings->user, strerror(errno));
}

static void
warn_of_all(const struct settings *settings, struct log *log)
{
    struct warning warning = {settings, log};

    read_again(settings, warn, &warning);
    warn_of_log(settings, log, settings->log.access);
    if (strcmp(settings->log.error, settings->log.access) != 0)
        warn_of_log(settings, log, settings->log.error);
}

struct report {
    const struct settings *settings;
    FILE *faults;
    bool good;
};

static void
report(void *arg, const char *fault)
{
    struct report *report = arg;

    fprintf(report->faults, "%s (as user `%s`)\n", fault, report->settings->user);
    report->good = false;
}

/* In a process of its own: there is no way back. */
static bool
check_as(const struct settings *settings, const struct passwd *user, FILE *faults)
{
    struct report to = {settings, faults, true};

    if (become(user))
        read_again(settings, report, &to);
    else
        report(&to, strerror(errno));
    return fflush(faults) == 0 && to.good;
}

bool
privileges_check(const struct settings *settings, FILE *faults)
{
    const struct passwd *user =
        settings->user != NULL && geteuid() == 0 ? getpwnam(settings->user) : NULL;
    struct report to = {settings, faults, true};
    int status;

    if (user == NULL) /* the settings know of it already */
        return true;
    (void)fflush(faults);
    pid_t child = fork();

    if (child == 0)
        _exit(check_as(settings, user, faults) ? EXIT_SUCCESS : EXIT_FAILURE);
    if (child == -1 || waitpid(child, &status, 0) == -1) {
        report(&to, strerror(errno));
        return false;
    }
    if (!WIFEXITED(status))
        report(&to, "the check did not come to an end");
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* ---- At the start ------------------------------------------------------------------- */

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
    if (!hand_over_sockets(settings, user, log))
        return false;
    log_chown(log, user->pw_uid, user->pw_gid);
    if (!become(user))
        return start_fault(log, "user", "%s: %s", settings->user, strerror(errno));
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    warn_of_all(settings, log);
    return true;
}
