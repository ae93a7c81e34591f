/*
 * log.h - JSON lines, through a bounded queue, written by a thread of its own.
 *
 * A worker never waits for a disk: a line that finds the queue full is dropped
 * and counted, and the writer says how many were lost ("log_lost"). The writer
 * is woken when it sleeps and otherwise collects lines for some milliseconds,
 * so that a busy gateway pays one system call for many lines.
 *
 * Values are escaped as JSON (RFC 8259); bytes that are no UTF-8 become U+FFFD.
 * A line longer than LOG_LINE_MAX loses the ends of its longest strings, never
 * its last brace. Secrets: whoever writes a value makes sure that it is none.
 */
#ifndef WSGATE_LOG_H
#define WSGATE_LOG_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* "stdout", "stderr", "syslog" or a path, which is opened for appending. */
struct log_settings {
    const char *access;
    const char *error;
    enum log_level level;
};

struct log;
struct log_targets;

/* Opens the targets; no thread yet: lines are written at once until log_start. NULL: *error
 * names the target and why (static or owned by the log module until the next call). */
struct log *log_open(const struct log_settings *settings, const char **error) MUST_CHECK;
bool log_start(struct log *log) MUST_CHECK;
/* Log files go to another user, who must be able to open them again. Before log_start. */
void log_chown(struct log *log, uid_t uid, gid_t gid);
/* USR1: closes and opens files by path, on the writer thread. */
void log_reopen(struct log *log);
/* From now on lines go to these (log_targets_open), which are taken over, and from that level on.
 * NULL: the targets stay. */
void log_move(struct log *log, struct log_targets *targets, enum log_level level);
/* Does the error target go to standard error? */
bool log_is_stderr(const struct log *log) MUST_CHECK;
/* Writes what waits and ends the thread; from here on lines are written at once again. */
void log_stop(struct log *log);
/* The same, and closes the targets. */
void log_close(struct log *log);

enum log_target { LOG_ACCESS, LOG_ERROR };

#define LOG_LINE_MAX 4096

/* A line being made, on the caller's stack. */
struct log_line {
    struct log *log; /* NULL: below the level, everything else is a no-op */
    enum log_target target;
    enum log_level level;
    size_t len;
    char text[LOG_LINE_MAX];
};

/* Starts {"time":"2026-01-01T00:00:00.000Z","level":"info","event":"<event>" */
void log_begin(struct log_line *line, struct log *log, enum log_target target,
               enum log_level level, const char *event);
/* A NULL `at` or text writes nothing. */
void log_str(struct log_line *line, const char *key, struct str value);
void log_text(struct log_line *line, const char *key, const char *value);
void log_format(struct log_line *line, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
void log_int(struct log_line *line, const char *key, int64_t value);
void log_end(struct log_line *line);

/* A whole line: {"time":..,"level":..,"event":event,"message":"..."} to the error target. */
void log_message(struct log *log, enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
