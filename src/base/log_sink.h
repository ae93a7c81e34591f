/*
 * log_sink.h - where log lines go: a standard stream, a file, or syslog.
 *
 * One thread uses a sink. Lines go out whole: what a failing write left of a
 * line is kept and goes before the next one.
 */
#ifndef WSGATE_LOG_SINK_H
#define WSGATE_LOG_SINK_H

#include "base/log.h"

/* A line that waits to be written. */
struct log_record {
    enum log_level level;
    struct str text; /* with its newline */
};

struct log_sink {
    char *name; /* as configured; the sink's own copy */
    enum { LOG_SINK_STREAM, LOG_SINK_FILE, LOG_SINK_SYSLOG } kind;
    int fd;
    bool may_block; /* no regular file: a pipe, a socket, a terminal */
    bool stalled;   /* its reader did not take a line in time; not waited for until it does */
    size_t rest_len;
    char rest[LOG_LINE_MAX]; /* the end of a line whose beginning is out */
};

/* Could a file be opened for appending, or made? Nothing is made. false: errno says why not. */
bool log_sink_can_open(const char *path) MUST_CHECK;
/* name: "stdout", "stderr", "syslog" or a path. false: errno. */
bool log_sink_open(struct log_sink *sink, const char *name) MUST_CHECK;
/* A file is opened again by its path; the others stay. false: errno, and the old one goes on. */
bool log_sink_reopen(struct log_sink *sink) MUST_CHECK;
/* Returns how many of the lines were lost. */
size_t log_sink_write(struct log_sink *sink, const struct log_record *records, size_t count);
void log_sink_close(struct log_sink *sink);

#endif
