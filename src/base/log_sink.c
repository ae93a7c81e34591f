/*
 * log_sink.c - where log lines go: a standard stream, a file, or syslog.
 *
 * It does not queue and takes no lock. The standard streams are not ours to
 * close or to make non-blocking: others hold the same descriptors.
 *
 * The hard thing: a reader that stops must not stop us for ever, and a line must never
 * be torn. Whatever may block is asked with poll first and then given at most
 * PIPE_BUF bytes of whole lines: a pipe that is writable takes those at once and
 * in one piece, even beside other writers. A line is never longer than that.
 */
#include "base/log_sink.h"

#include "base/file_place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

enum {
    GROUP_LINES = 128, /* lines in one system call */
    STALL_MS = 1000,   /* how long a reader that takes nothing is waited for, once */
};

static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line must fit into one atomic write to a pipe");

/* O_NONBLOCK: a FIFO without a reader is an error, not a wait. */
static int
open_file(const char *path, int flags)
{
    return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags, 0640);
}

bool
log_sink_can_open(const char *path)
{
    int fd = open_file(path, 0);

    if (fd == -1)
        return errno == ENOENT && file_place_can_make(path);
    (void)close(fd);
    return true;
}

static void
use_fd(struct log_sink *sink, int fd)
{
    struct stat about;

    sink->fd = fd;
    sink->stalled = false;
    sink->may_block = fstat(fd, &about) != 0 || !S_ISREG(about.st_mode);
}

bool
log_sink_open(struct log_sink *sink, const char *name)
{
    *sink = (struct log_sink){.fd = -1, .kind = LOG_SINK_FILE};
    sink->name = strdup(name);
    if (sink->name == NULL)
        return false;
    if (strcmp(name, "syslog") == 0) {
        sink->kind = LOG_SINK_SYSLOG;
        openlog("wsgate", LOG_PID | LOG_NDELAY, LOG_DAEMON);
        return true;
    }
    if (strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0) {
        sink->kind = LOG_SINK_STREAM;
        use_fd(sink, strcmp(name, "stdout") == 0 ? STDOUT_FILENO : STDERR_FILENO);
        return true;
    }
    int fd = open_file(name, O_CREAT);

    if (fd >= 0)
        use_fd(sink, fd);
    return fd >= 0;
}

/* ---- Writing --------------------------------------------------------------- */

static bool
wait_writable(struct log_sink *sink)
{
    struct pollfd poller = {.fd = sink->fd, .events = POLLOUT};
    int ready;

    if (!sink->may_block)
        return true;
    do
        ready = poll(&poller, 1, sink->stalled ? 0 : STALL_MS);
    while (ready < 0 && errno == EINTR);
    sink->stalled = ready == 0;
    return ready > 0;
}

/* Moves over what was written. *parts: those that are left. */
static void
advance(struct iovec **at, size_t *parts, size_t written)
{
    while (*parts > 0 && written >= (*at)->iov_len) {
        written -= (*at)->iov_len;
        (*at)++;
        (*parts)--;
    }
    if (*parts > 0) {
        (*at)->iov_base = (char *)(*at)->iov_base + written;
        (*at)->iov_len -= written;
    }
}

/* Until all is out or nothing goes. Returns the number of parts that are not out, or not
 * wholly; *at is the first of them. */
static size_t
write_parts(struct log_sink *sink, struct iovec **at, size_t parts)
{
    while (parts > 0) {
        if (!wait_writable(sink))
            return parts;
        ssize_t written = writev(sink->fd, *at, (int)parts);

        if (written > 0)
            advance(at, &parts, (size_t)written);
        else if (written == 0 || (errno != EINTR && errno != EAGAIN))
            return parts;
    }
    return 0;
}

static bool
write_rest(struct log_sink *sink)
{
    struct iovec rest = {sink->rest, sink->rest_len}, *at = &rest;

    if (sink->rest_len == 0)
        return true;
    if (write_parts(sink, &at, 1) == 0) {
        sink->rest_len = 0;
        return true;
    }
    memmove(sink->rest, at->iov_base, at->iov_len);
    sink->rest_len = at->iov_len;
    return false;
}

/* A line that was begun is kept; those behind it are lost. Returns how many. */
static size_t
write_group(struct log_sink *sink, const struct log_record *records, size_t count)
{
    struct iovec parts[GROUP_LINES], *at = parts;

    if (!write_rest(sink))
        return count;
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct iovec){(void *)(uintptr_t)records[i].text.at, records[i].text.len};
    size_t left = write_parts(sink, &at, count);

    if (left == 0 || at->iov_base == records[count - left].text.at)
        return left;
    memcpy(sink->rest, at->iov_base, at->iov_len);
    sink->rest_len = at->iov_len;
    return left - 1;
}

/* How many of the lines go into one system call. */
static size_t
group_length(const struct log_sink *sink, const struct log_record *records, size_t count)
{
    size_t lines = 0, bytes = 0;
    size_t most = sink->may_block ? PIPE_BUF : (size_t)GROUP_LINES * LOG_LINE_MAX;

    while (lines < count && lines < GROUP_LINES && bytes + records[lines].text.len <= most)
        bytes += records[lines++].text.len;
    assert(lines > 0);
    return lines;
}

static void
write_syslog(const struct log_record *record)
{
    static const int priorities[] = {[LOG_LEVEL_ERROR] = LOG_ERR,
                                     [LOG_LEVEL_WARNING] = LOG_WARNING,
                                     [LOG_LEVEL_INFO] = LOG_INFO,
                                     [LOG_LEVEL_DEBUG] = LOG_DEBUG};

    syslog(priorities[record->level], "%.*s", (int)record->text.len - 1, record->text.at);
}

size_t
log_sink_write(struct log_sink *sink, const struct log_record *records, size_t count)
{
    size_t lost = 0;

    if (sink->kind == LOG_SINK_SYSLOG) {
        for (size_t i = 0; i < count; i++)
            write_syslog(&records[i]);
        return 0;
    }
    for (size_t i = 0, lines; i < count; i += lines) {
        lines = group_length(sink, records + i, count - i);
        lost += write_group(sink, records + i, lines);
    }
    return lost;
}

/* ---- Opening again, closing -------------------------------------------------- */

bool
log_sink_reopen(struct log_sink *sink)
{
    if (sink->kind == LOG_SINK_SYSLOG)
        openlog("wsgate", LOG_PID | LOG_NDELAY, LOG_DAEMON); /* another sink may have closed it */
    if (sink->kind != LOG_SINK_FILE)
        return true;
    int fd = open_file(sink->name, O_CREAT);

    if (fd < 0)
        return false;
    /* The end of a torn line belongs to the file that has its beginning. */
    if (!write_rest(sink))
        sink->rest_len = 0;
    close(sink->fd);
    use_fd(sink, fd);
    return true;
}

void
log_sink_close(struct log_sink *sink)
{
    if (sink->fd >= 0 && !write_rest(sink))
        sink->rest_len = 0;
    if (sink->kind == LOG_SINK_FILE && sink->fd >= 0)
        close(sink->fd);
    if (sink->kind == LOG_SINK_SYSLOG)
        closelog();
    free(sink->name);
    *sink = (struct log_sink){.fd = -1};
}
