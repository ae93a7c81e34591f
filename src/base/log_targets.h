/*
 * log_targets.h - where access and error lines go: two sinks, or one that is both. Used by log.c.
 *
 * One thread uses them at a time.
 */
#ifndef WSGATE_LOG_TARGETS_H
#define WSGATE_LOG_TARGETS_H

#include "base/log_sink.h"

struct log_targets {
    struct log_sink sinks[2]; /* the second is unused when both targets are one */
    struct log_sink *by_target[2];
};

/* NULL: *error names the target and why, until the next call of the same thread. */
struct log_targets *log_targets_open(const struct log_settings *settings,
                                     const char **error) MUST_CHECK;
void log_targets_close(struct log_targets *targets);
/* After others were closed: syslog is one connection for all. */
void log_targets_settle(struct log_targets *targets);
/* Files go to another user. */
void log_targets_chown(const struct log_targets *targets, uid_t uid, gid_t gid);
/* Files anew, by their paths. One that fails goes on, and the error target is told in a line of
 * `log`. */
void log_targets_reopen(struct log_targets *targets, struct log *log);
/* One line. Returns how many were lost. */
size_t log_targets_write(struct log_targets *targets, enum log_target target,
                         enum log_level level, struct str text);

#endif
