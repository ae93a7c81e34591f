/* log_targets.c - see log_targets.h. */
#include "base/log_targets.h"

#include "base/log_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* false: errno. */
static bool
open_sinks(struct log_targets *targets, const struct log_settings *settings, const char **failed)
{
    bool one = strcmp(settings->access, settings->error) == 0;

    targets->by_target[LOG_ACCESS] = &targets->sinks[0];
    targets->by_target[LOG_ERROR] = &targets->sinks[one ? 0 : 1];
    *failed = settings->access;
    if (!log_sink_open(&targets->sinks[0], settings->access))
        return false;
    *failed = settings->error;
    return one || log_sink_open(&targets->sinks[1], settings->error);
}

struct log_targets *
log_targets_open(const struct log_settings *settings, const char **error)
{
    static _Thread_local char message[512];
    struct log_targets *targets = calloc(1, sizeof(*targets));
    const char *failed;

    *error = "out of memory";
    if (targets == NULL || open_sinks(targets, settings, &failed))
        return targets;
    snprintf(message, sizeof(message), "cannot open \"%s\" for appending: %s", failed,
             strerror(errno));
    *error = message;
    log_targets_close(targets);
    return NULL;
}

void
log_targets_close(struct log_targets *targets)
{
    for (size_t i = 0; targets != NULL && i < COUNT_OF(targets->sinks); i++)
        if (targets->sinks[i].name != NULL)
            log_sink_close(&targets->sinks[i]);
    free(targets);
}

void
log_targets_settle(struct log_targets *targets)
{
    for (size_t i = 0; i < COUNT_OF(targets->sinks); i++)
        if (targets->sinks[i].kind == LOG_SINK_SYSLOG)
            (void)!log_sink_reopen(&targets->sinks[i]);
}

void
log_targets_chown(const struct log_targets *targets, uid_t uid, gid_t gid)
{
    for (size_t i = 0; i < COUNT_OF(targets->sinks); i++) {
        const struct log_sink *sink = &targets->sinks[i];

        if (sink->name != NULL && sink->kind == LOG_SINK_FILE)
            (void)!fchown(sink->fd, uid, gid);
    }
}

void
log_targets_reopen(struct log_targets *targets, struct log *log)
{
    for (size_t i = 0; i < COUNT_OF(targets->sinks); i++) {
        struct log_sink *sink = &targets->sinks[i];

        if (sink->name == NULL || log_sink_reopen(sink))
            continue;
        struct log_line line;

        log_begin(&line, log, LOG_ERROR, LOG_LEVEL_ERROR, "log_reopen_failed");
        log_text(&line, "path", sink->name);
        log_text(&line, "message", strerror(errno));
        log_targets_write(targets, LOG_ERROR, line.level, log_line_finish(&line));
    }
}

size_t
log_targets_write(struct log_targets *targets, enum log_target target, enum log_level level,
                  struct str text)
{
    struct log_record record = {level, text};

    return log_sink_write(targets->by_target[target], &record, 1);
}
