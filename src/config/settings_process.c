/*
 * settings_process.c - threads, user and log; limits and timeouts.
 *
 * It opens no log and becomes nobody, but looks whether both could be done.
 *
 * The hard thing: bounds on bounds. A limit of 0 is "off" only where the gateway
 * can live without it; a head has a size and every wait a deadline.
 */
#include "base/log_sink.h"
#include "config/settings_build.h"
#include "config/suggest.h"

#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

enum { THREADS_MAX = 256 };

#define MILLION (1000 * 1000)
#define HOUR_MS (3600LL * 1000)
#define DAY_MS (24 * HOUR_MS)

/* The CPUs that we may run on: in a container or under taskset fewer than there are. */
static unsigned
usable_cpus(void)
{
    cpu_set_t set;

    /* It fails on machines of more than 1024 CPUs, where nobody misses the last ones. */
    if (sched_getaffinity(0, sizeof(set), &set) == -1)
        return THREADS_MAX;
    return (unsigned)CPU_COUNT(&set);
}

static void
build_threads(struct settings_build *build)
{
    static const struct settings_range range = {"threads", 1, THREADS_MAX, "auto, or 1 to 256"};
    int64_t threads = options_integer(build->root, "threads");

    if (threads < 0) /* auto */
        threads = usable_cpus() < THREADS_MAX ? usable_cpus() : THREADS_MAX;
    else
        settings_check_ranges(build->root, &range, 1);
    build->settings->threads = (unsigned)threads;
}

/* Only root can become somebody else, so only then must there be somebody. */
static void
build_user(struct settings_build *build)
{
    const char *user = options_string(build->root, "user");

    build->settings->user = user;
    if (user == NULL || geteuid() != 0)
        return;
    errno = 0;
    if (getpwnam(user) == NULL)
        options_fault(build->root, "user", 0, "there is no user `%s`", user);
}

static void
check_file(struct settings_build *build, const struct mw_options *log, const char *word)
{
    const char *path = options_string(log, word);

    if (build->use == SETTINGS_TO_RUN && !log_sink_can_open(path))
        options_fault(log, word, 0, "`%s` cannot be opened for appending: %s", path,
                      strerror(errno));
}

static void
check_target(struct settings_build *build, const struct mw_options *log, const char *word)
{
    static const char *const words[] = {"stdout", "stderr", "syslog"};
    const char *text = options_string(log, word);
    struct suggest suggest;

    if (text == NULL)
        return;
    if (text[0] == '/') {
        check_file(build, log, word);
        return;
    }
    suggest_start(&suggest, str_of(text));
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(text, words[i]) == 0)
            return;
        suggest_try(&suggest, words[i]);
    }
    options_fault(log, word, 0,
                  "expected stdout, stderr, syslog or an absolute path, found `%s`" SUGGEST_FMT,
                  text, SUGGEST_ARG(suggest));
}

static void
build_log(struct settings_build *build)
{
    const struct mw_options *log = options_member(build->root, "log", 0);

    if (log == NULL)
        return;
    check_target(build, log, "access");
    check_target(build, log, "error");
    build->settings->log = (struct log_settings){
        .access = options_string(log, "access"),
        .error = options_string(log, "error"),
        .level = (enum log_level)options_integer(log, "level"),
    };
}

void
settings_build_process(struct settings_build *build)
{
    build_threads(build);
    build_user(build);
    build_log(build);
}

static void
build_limits(struct settings_build *build, const struct mw_options *limits)
{
    /* head: it goes on through a worker's buffer of 64 KiB, with what we and modules add. headers:
     * a handshake alone has six fields. The others: more descriptors than Linux gives to a process
     * by default at most. */
    static const struct settings_range ranges[] = {
        {"head", 1 << 10, 48 << 10, "1KiB to 48KiB"},
        {"uri", 64, 48 << 10, "64B to 48KiB"},
        {"headers", 8, 1000, "8 to 1000"},
        {"connections", 0, 10 * MILLION, "at most 10000000"},
        {"handshakes", 0, 10 * MILLION, "at most 10000000"},
        {"handshakes_per_address", 0, 10 * MILLION, "at most 10000000"},
    };
    size_t head = (size_t)options_integer(limits, "head");
    size_t uri = (size_t)options_integer(limits, "uri");

    settings_check_ranges(limits, ranges, COUNT_OF(ranges));
    /* Whoever makes heads smaller need not think of targets. */
    if (!options_given(limits, "uri") && uri > head / 2)
        uri = head / 2;
    else if (!limits->faulty && uri >= head)
        options_fault(limits, "uri", 0, "expected less than `head`, found `%s`",
                      options_find(limits, "uri")->items[0].text);
    build->settings->limits.head = head;
    build->settings->limits.uri = uri;
    build->settings->limits.headers = (size_t)options_integer(limits, "headers");
    build->settings->limits.connections = (uint64_t)options_integer(limits, "connections");
    build->settings->limits.handshakes = (uint64_t)options_integer(limits, "handshakes");
    build->settings->limits.handshakes_per_address =
        (uint64_t)options_integer(limits, "handshakes_per_address");
}

static void
build_timeouts(struct settings_build *build, const struct mw_options *timeouts)
{
    static const struct settings_range ranges[] = {
        {"head", 1, HOUR_MS, "1ms to 1h"},  {"auth", 1, HOUR_MS, "1ms to 1h"},
        {"close", 1, HOUR_MS, "1ms to 1h"}, {"fin", 1, DAY_MS, "1ms to 1d"},
        {"drain", 0, DAY_MS, "at most 1d"},
    };

    settings_check_ranges(timeouts, ranges, COUNT_OF(ranges));
    build->settings->timeouts.head = (uint64_t)options_integer(timeouts, "head");
    build->settings->timeouts.auth = (uint64_t)options_integer(timeouts, "auth");
    build->settings->timeouts.close = (uint64_t)options_integer(timeouts, "close");
    build->settings->timeouts.fin = (uint64_t)options_integer(timeouts, "fin");
    build->settings->timeouts.drain = (uint64_t)options_integer(timeouts, "drain");
}

void
settings_build_limits(struct settings_build *build)
{
    const struct mw_options *limits = options_member(build->root, "limits", 0);
    const struct mw_options *timeouts = options_member(build->root, "timeouts", 0);

    if (limits != NULL)
        build_limits(build, limits);
    if (timeouts != NULL)
        build_timeouts(build, timeouts);
}
