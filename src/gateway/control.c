/*
 * control.c - the control thread; see control.h.
 *
 * Order at the start: log, descriptors, listeners (as whoever we were started), then the
 * ordinary user, then the modules' part here, then threads. At the end: workers drain and
 * join, then the last mail is read, then the modules' part ends and the configuration goes,
 * then the log, so that everything can still be said.
 */
#include "gateway/control.h"

#include "gateway/certificates.h"
#include "gateway/descriptors.h"
#include "gateway/endpoint.h"
#include "gateway/event_words.h"
#include "gateway/notify.h"
#include "gateway/privileges.h"
#include "gateway/reload.h"
#include "gateway/start_fault.h"
#include "gateway/worker.h"
#include "token/revocations.h"
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

struct control {
    struct event_base *base;
    struct mailbox mailbox;
    struct event mail_event, signal_events[COUNT_OF(signals)];
    struct mw_worker module_view; /* this thread, as a module sees it */
    struct metrics metrics;
    struct reload reload; /* with the present generation */
    struct certificates certificates;
    struct log *log;
    struct crowd *crowd;
    struct revocations *revocations;
    struct worker *workers;
    unsigned worker_count, workers_running;
    bool stopping;
};

/* ---- Stopping -------------------------------------------------------------------- */

struct drain_order {
    struct worker *worker;
    uint64_t within_ms;
};

static void
on_drain_order(void *arg)
{
    struct drain_order *order = arg;

    worker_drain(order->worker, order->within_ms);
    free(order);
}

static void
drain_all(struct control *control, uint64_t within_ms)
{
    for (unsigned i = 0; i < control->worker_count; i++) {
        if (!control->workers[i].running)
            continue;
        struct drain_order *order = malloc(sizeof(*order));
        if (order == NULL)
            continue;
        *order = (struct drain_order){&control->workers[i], within_ms};
        if (!worker_post(&control->workers[i], on_drain_order, order))
            free(order); /* that one has ended already */
    }
}

static void
stop(struct control *control, const char *why)
{
    log_message(control->log, LOG_LEVEL_INFO, "stop", "%s: %s", why,
                control->stopping ? "ending now" : "draining");
    notify_send("STOPPING=1");
    reload_stop(&control->reload); /* its Unix sockets would go on queueing clients */
    drain_all(control, control->stopping
                           ? 0
                           : control->reload.present->settings->timeouts.drain);
    control->stopping = true;
}

/* ---- Signals --------------------------------------------------------------------- */

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
    struct control *control = arg;

    (void)what;
    switch (number) {
    case SIGTERM:
        stop(control, "SIGTERM");
        break;
    case SIGINT:
        stop(control, "SIGINT");
        break;
    case SIGHUP:
        reload_ask(&control->reload, NULL);
        break;
    case SIGUSR1:
        log_reopen(control->log);
        break;
    default:
        break;
    }
}

/* ---- Workers' messages -------------------------------------------------------------- */

static void
on_worker_gone(void *arg)
{
    struct control *control = arg;

    if (--control->workers_running == 0)
        (void)event_base_loopbreak(control->base);
}

/* On the worker's thread. */
static void
on_worker_ended(void *arg)
{
    struct control *control = arg;

    (void)!mailbox_post(&control->mailbox, on_worker_gone, control);
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct control *control = arg;

    (void)fd, (void)what;
    mailbox_run(&control->mailbox);
}

/* ---- Starting -------------------------------------------------------------------------- */

static bool
open_events(struct control *control)
{
    control->base = loop_new();
    if (control->base == NULL || !mailbox_open(&control->mailbox))
        return false;
    control->module_view =
        (struct mw_worker){control->base, {&control->mailbox, false}, &control->metrics};
    event_assign(&control->mail_event, control->base, control->mailbox.fd, EV_READ | EV_PERSIST,
                 on_mail, control);
    if (event_add(&control->mail_event, NULL) == -1)
        return false;
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)signal(signals[i], SIG_IGN); /* what one that comes at the very end finds again */
        evsignal_assign(&control->signal_events[i], control->base, signals[i], on_signal, control);
        if (event_add(&control->signal_events[i], NULL) == -1)
            return false;
    }
    return true;
}

static bool
open_sockets(struct control *control)
{
    struct reload *reload = &control->reload;
    size_t failed;

    reload->mailbox = &control->mailbox;
    reload->view = &control->module_view;
    reload->metrics = &control->metrics;
    reload->log = control->log;
    reload->orders = calloc(reload->worker_count, sizeof(*reload->orders));
    if (reload->orders == NULL)
        return start_fault(control->log, "listen", "out of memory");
    if (endpoints_open(reload->present, NULL, &failed))
        return true;
    return start_fault(control->log, "listen", "%s: %s",
                       reload->present->settings->listeners[failed].text, strerror(errno));
}

static bool
open_workers(struct control *control)
{
    unsigned count = control->reload.worker_count;

    control->workers = calloc(count, sizeof(*control->workers));
    control->crowd = crowd_new();
    control->revocations = revocations_new();
    if (control->workers == NULL || control->crowd == NULL || control->revocations == NULL)
        return start_fault(control->log, "worker", "out of memory");
    control->reload.workers = control->workers;
    control->worker_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker = &control->workers[i];
        if (!worker_open(worker, i, control->reload.present, control->log))
            return false;
        worker->crowd = control->crowd;
        worker->revocations = control->revocations;
        worker->control = &control->mailbox;
        worker->ended = on_worker_ended;
        worker->ended_arg = control;
    }
    return true;
}

/* How many may come, once all that we need ourselves is open. */
static bool
limit_connections(struct control *control)
{
    struct reload *reload = &control->reload;
    uint64_t wanted = reload->present->settings->limits.connections;
    uint64_t possible = descriptors_connections(control->worker_count);

    if (possible == 0) {
        log_message(control->log, LOG_LEVEL_ERROR, "limits",
                    "%llu descriptors are open, and a limit of %llu leaves none for a connection",
                    (unsigned long long)descriptors_open(),
                    (unsigned long long)descriptors_limit());
        return false;
    }
    reload->descriptors =
        possible * DESCRIPTORS_PER_CONNECTION + endpoints_descriptors(reload->present);
    possible = reload_set_connections(reload, reload->present);
    if (wanted > possible)
        log_message(control->log, LOG_LEVEL_INFO, "limits",
                    "limits.connections: %llu asked for, %llu possible with the descriptor limit",
                    (unsigned long long)wanted, (unsigned long long)possible);
    return true;
}

static bool
start_modules(struct control *control)
{
    struct generation *generation = control->reload.present;

    for (size_t i = 0; i < generation->settings->instance_count; i++) {
        struct instance *instance = generation->instances[i];
        if (instance_start(instance, &control->module_view))
            continue;
        log_message(control->log, LOG_LEVEL_ERROR, "control", "middleware %s did not start",
                    instance->name);
        return false;
    }
    return true;
}

static bool
start_workers(struct control *control)
{
    for (unsigned i = 0; i < control->worker_count; i++) {
        bool started = worker_start(&control->workers[i]);
        control->workers_running += control->workers[i].running;
        if (!started)
            return false;
    }
    return true;
}

/* ---- The end ------------------------------------------------------------------------------ */

/* The last line: what was counted, and that nothing is left. */
static void
log_totals(struct control *control)
{
    struct metrics sum = control->metrics;
    struct log_line line;

    for (unsigned i = 0; i < control->worker_count; i++)
        metrics_add(&sum, &control->workers[i].metrics);
    log_begin(&line, control->log, LOG_ERROR, LOG_LEVEL_INFO, "stopped");
#define M(name) log_int(&line, #name, (int64_t)sum.name);
    METRICS(M)
#undef M
    for (size_t i = 0; i < METRICS_MODULE_COUNTERS_MAX && sum.modules[i].module != NULL; i++)
        log_int(&line, sum.modules[i].word, (int64_t)sum.modules[i].n);
    log_end(&line);
}

/* The modules' part here may still get mail, and answer it, until the workers have ended. */
static void
end_generations(struct control *control)
{
    for (unsigned i = 0; i < control->worker_count; i++)
        worker_join(&control->workers[i]);
    if (control->mailbox.fd != -1)
        mailbox_close(&control->mailbox);
    reload_end(&control->reload);
}

static void
close_all(struct control *control)
{
    end_generations(control);
    for (unsigned i = 0; i < control->worker_count; i++)
        worker_close(&control->workers[i]);
    if (control->worker_count > 0)
        log_totals(control);
    free(control->workers);
    if (control->base != NULL) {
        for (size_t i = 0; i < COUNT_OF(signals); i++)
            if (event_initialized(&control->signal_events[i]))
                (void)event_del(&control->signal_events[i]);
        certificates_leave(&control->certificates);
        if (event_initialized(&control->mail_event))
            (void)event_del(&control->mail_event);
        if (control->mailbox.fd != -1)
            mailbox_destroy(&control->mailbox);
        event_base_free(control->base);
    }
    crowd_free(control->crowd);
    revocations_free(control->revocations);
    event_words_go_to(NULL, NULL, NULL);
    log_close(control->log);
}

/* libevent ends the process: no socket file stays, no line is lost. */
static void
on_libevent_end(void *arg)
{
    struct control *control = arg;

    reload_stop(&control->reload);
    log_stop(control->log);
}

/* Everything up to the moment at which clients are served. */
static bool
start(struct control *control, struct host_functions *host)
{
    const struct settings *settings = control->reload.present->settings;

    descriptors_raise();
    if (!open_events(control))
        return start_fault(control->log, "start", "%s", strerror(errno));
    if (!open_sockets(control) || !open_workers(control) || !limit_connections(control) ||
        !privileges_drop(settings, control->log))
        return false;
    if (!log_start(control->log))
        return start_fault(control->log, "log", "its thread does not start");
    reload_warn(settings, control->log);
    host->workers = control->workers;
    host->worker_count = control->worker_count;
    host->revocations = control->revocations;
    if (!start_modules(control))
        return false;
    if (certificates_watch(&control->certificates, control->base, &control->reload, control->log,
                           &control->metrics) &&
        start_workers(control))
        return true;
    drain_all(control, 0);
    return false;
}

int
control_run(struct settings *settings, struct host_functions *host)
{
    struct control control = {0};
    const char *error;
    int status = EXIT_FAILURE;

    control.log = log_open(&settings->log, &error);
    if (control.log == NULL) {
        fprintf(stderr, "wsgate: log: %s\n", error);
        settings_free(settings);
        return status;
    }
    host->log = control.log;
    control.reload.worker_count = settings->threads;
    control.reload.present = generation_new(settings, settings->threads, NULL);
    if (control.reload.present == NULL) {
        (void)start_fault(control.log, "start", "out of memory");
        log_close(control.log);
        return status;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    event_words_go_to(control.log, on_libevent_end, &control);
    if (start(&control, host)) {
        log_message(control.log, LOG_LEVEL_INFO, "start", "%s, %u workers", settings->file,
                    control.worker_count);
        notify_send("READY=1");
        (void)event_base_dispatch(control.base);
        status = EXIT_SUCCESS;
    }
    close_all(&control);
    return status;
}
