/*
 * log.c - the queue between those who make lines and the thread that writes them.
 *
 * It makes no lines (log_line.c) and knows nothing of descriptors (log_sink.c).
 *
 * Ownership: the log owns both buffers and the targets. The buffer that is being
 * filled, and all flags, belong to whoever holds the lock; the other buffer and
 * the targets belong to the writer thread, or before log_start to the lock too.
 *
 * The hard thing: who logs must never wait for a disk, so the lock is held for a
 * copy of one line only. The writer exchanges the buffers under it and writes
 * without it. It is woken only when it sleeps, and then first lets lines gather.
 * Other targets come into force with the line after log_move: a line that waits for them
 * says so.
 */
#include "base/log.h"
#include "base/clock.h"
#include "base/log_targets.h"
#include "base/log_writer.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 512 * 1024, /* two of them: about a thousand long or 2,500 usual lines each */
    GATHER_MS = 20,            /* how long lines gather after a wake-up */
    REPORT_MS = 1000,          /* lost lines are reported at most this often */
    BATCH_LINES = 256,
};

/* Lines, each behind a header. */
struct buffer {
    char *bytes;
    size_t len;
};

struct header {
    uint8_t target;
    uint8_t next; /* for the targets to come */
    uint16_t level;
    uint32_t len;
};

struct log {
    atomic_int level;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct buffer filling;
    uint64_t lost; /* not yet reported */
    bool started, sleeping, stopping, reopening;

    struct buffer writing;
    struct log_targets *targets;
    struct log_targets *next; /* those to come, under the lock; NULL: none */
    uint64_t next_report_us;
    bool report_failed; /* then the next line's wake-up tries again, no timer */
};

/* ---- Writing; under the lock before log_start, then on the writer thread ------- */

/* The lines of one sink, in their order. Returns how many were lost. */
static size_t
write_sink(const struct log *log, const struct log_targets *targets, struct log_sink *sink,
           bool next)
{
    struct log_record batch[BATCH_LINES];
    size_t count = 0, lost = 0;

    for (size_t at = 0; at < log->writing.len;) {
        struct header header;

        memcpy(&header, log->writing.bytes + at, sizeof(header));
        at += sizeof(header);
        if (targets->by_target[header.target] == sink && header.next == next)
            batch[count++] = (struct log_record){(enum log_level)header.level,
                                                 {log->writing.bytes + at, header.len}};
        at += header.len;
        if (count == BATCH_LINES) {
            lost += log_sink_write(sink, batch, count);
            count = 0;
        }
    }
    return lost + log_sink_write(sink, batch, count);
}

static size_t
write_lines(struct log *log, struct log_targets *targets, bool next)
{
    size_t lost = 0;

    for (size_t i = 0; i < COUNT_OF(targets->sinks) && log->writing.len > 0; i++)
        if (targets->sinks[i].name != NULL)
            lost += write_sink(log, targets, &targets->sinks[i], next);
    return lost;
}

static void
use_targets(struct log *log, struct log_targets *targets)
{
    log_targets_close(log->targets);
    log->targets = targets;
    log_targets_settle(targets);
}

/* Says how many lines were lost. Returns how many are still to be reported. */
static uint64_t
report_lost(struct log *log, uint64_t lost, uint64_t now_us)
{
    struct log_line line;

    log_begin(&line, log, LOG_ERROR, LOG_LEVEL_ERROR, "log_lost");
    log_int(&line, "count", (int64_t)lost);
    log->next_report_us = now_us + REPORT_MS * 1000;
    log->report_failed =
        log_targets_write(log->targets, LOG_ERROR, line.level, log_line_finish(&line)) != 0;
    return log->report_failed ? lost : 0;
}

/* ---- The writer thread ----------------------------------------------------------- */

static void
let_gather(void)
{
    nanosleep(&(struct timespec){.tv_nsec = GATHER_MS * 1000000L}, NULL);
}

static struct timespec
timespec_of_us(uint64_t us)
{
    return (struct timespec){(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
}

static bool
has_work(const struct log *log)
{
    return log->filling.len > 0 || log->reopening || log->stopping || log->next != NULL;
}

/* Under the lock, which the wait gives up. */
static void
wait_for_work(struct log *log)
{
    bool to_report = log->lost > 0 && !log->report_failed;
    struct timespec until = timespec_of_us(log->next_report_us);
    int result = 0;

    log->sleeping = true;
    while (!has_work(log) && result == 0)
        result = to_report ? pthread_cond_timedwait(&log->wake, &log->lock, &until)
                           : pthread_cond_wait(&log->wake, &log->lock);
    log->sleeping = false;
}

/* What one turn of the writer takes with it out of the lock. */
struct turn {
    uint64_t lost;
    struct log_targets *next;
    bool reopen;
    bool last;
};

static struct turn
take_turn(struct log *log)
{
    struct buffer filled = log->filling;
    struct turn turn = {log->lost, log->next, log->reopening, log->stopping};

    log->filling = log->writing;
    log->writing = filled;
    log->lost = 0;
    log->next = NULL;
    log->reopening = false;
    return turn;
}

static uint64_t
write_turn(struct log *log, const struct turn *turn)
{
    uint64_t lost = turn->lost + write_lines(log, log->targets, false);
    uint64_t now_us = clock_monotonic_us();

    if (turn->next != NULL) {
        use_targets(log, turn->next);
        lost += write_lines(log, log->targets, true);
    }
    log->writing.len = 0;
    if (turn->reopen)
        log_targets_reopen(log->targets, log);
    if (lost > 0 && (now_us >= log->next_report_us || turn->last))
        return report_lost(log, lost, now_us);
    return lost;
}

static void *
run_writer(void *arg)
{
    struct log *log = arg;
    struct turn turn;

    pthread_mutex_lock(&log->lock);
    do {
        wait_for_work(log);
        if (!log->stopping) {
            pthread_mutex_unlock(&log->lock);
            let_gather();
            pthread_mutex_lock(&log->lock);
        }
        turn = take_turn(log);
        pthread_mutex_unlock(&log->lock);
        uint64_t lost = write_turn(log, &turn);

        pthread_mutex_lock(&log->lock);
        log->lost += lost;
    } while (!turn.last);
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

/* ---- Opening and closing -------------------------------------------------------- */

/* The writer's time-outs are meant in monotonic time. */
static bool
make_lock(struct log *log)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&log->lock, NULL);
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool made = pthread_cond_init(&log->wake, &attributes) == 0;

    pthread_condattr_destroy(&attributes);
    return made;
}

static void
free_log(struct log *log)
{
    log_targets_close(log->targets);
    log_targets_close(log->next);
    free(log->filling.bytes);
    free(log->writing.bytes);
    free(log);
}

struct log *
log_open(const struct log_settings *settings, const char **error)
{
    struct log *log = calloc(1, sizeof(*log));

    *error = "out of memory";
    if (log != NULL) {
        atomic_init(&log->level, settings->level);
        log->filling.bytes = malloc(BUFFER_BYTES);
        log->writing.bytes = malloc(BUFFER_BYTES);
    }
    if (log != NULL && log->filling.bytes != NULL && log->writing.bytes != NULL &&
        make_lock(log)) {
        log->targets = log_targets_open(settings, error);
        if (log->targets != NULL)
            return log;
    }
    if (log != NULL)
        free_log(log);
    return NULL;
}

void
log_chown(struct log *log, uid_t uid, gid_t gid)
{
    log_targets_chown(log->targets, uid, gid);
}

/* Signals are the control thread's business: the writer takes none. */
bool
log_start(struct log *log)
{
    log->started = thread_start(&log->thread, run_writer, log);
    return log->started;
}

void
log_stop(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    bool started = log->started;
    log->started = false;
    log->stopping = true;
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
    if (started)
        pthread_join(log->thread, NULL);
}

void
log_close(struct log *log)
{
    if (log == NULL)
        return;
    if (log->started) {
        log_stop(log);
    } else if (log->lost > 0) {
        report_lost(log, log->lost, 0);
    }
    pthread_cond_destroy(&log->wake);
    pthread_mutex_destroy(&log->lock);
    free_log(log);
}

/* ---- From any thread -------------------------------------------------------------- */

void
log_reopen(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    if (log->started) {
        log->reopening = true;
        pthread_cond_signal(&log->wake);
    } else {
        log_targets_reopen(log->targets, log);
    }
    pthread_mutex_unlock(&log->lock);
}

void
log_move(struct log *log, struct log_targets *targets, enum log_level level)
{
    struct log_targets *unused = NULL;

    atomic_store_explicit(&log->level, level, memory_order_relaxed);
    if (targets == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    if (log->started) {
        unused = log->next; /* what was to go there goes to these */
        log->next = targets;
        pthread_cond_signal(&log->wake);
    } else {
        use_targets(log, targets);
    }
    pthread_mutex_unlock(&log->lock);
    log_targets_close(unused);
}

bool
log_is_stderr(const struct log *log)
{
    return strcmp(log->targets->by_target[LOG_ERROR]->name, "stderr") == 0;
}

bool
log_takes(const struct log *log, enum log_target target, enum log_level level)
{
    return target == LOG_ACCESS ||
           (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

static bool
enqueue(struct buffer *buffer, struct header header, const char *text)
{
    if (sizeof(header) + header.len > BUFFER_BYTES - buffer->len)
        return false;
    memcpy(buffer->bytes + buffer->len, &header, sizeof(header));
    memcpy(buffer->bytes + buffer->len + sizeof(header), text, header.len);
    buffer->len += sizeof(header) + header.len;
    return true;
}

void
log_submit(struct log *log, enum log_target target, enum log_level level, struct str text)
{
    struct header header = {(uint8_t)target, false, (uint16_t)level, (uint32_t)text.len};

    pthread_mutex_lock(&log->lock);
    header.next = log->next != NULL;
    if (!log->started)
        log->lost += log_targets_write(log->targets, target, level, text);
    else if (!enqueue(&log->filling, header, text.at))
        log->lost++;
    if (log->started && log->sleeping)
        pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
}
