/*
 * waits_module.c - a test-only middleware that uses every function of the interface that a
 * module can use: it waits, is resumed or cancelled, holds a slot, labels, counts, posts to its
 * worker, and can end the session that it let in. Its workers greet its part on the control thread,
 * which greets them back. It counts what happened to it and says so when its worker ends.
 */
#include <wsgate/middleware.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "waits_module.h"

/* The part on the control thread. */
struct control {
    const struct mw_host *host;
    struct mw_worker *view;
    unsigned greeted;
};

/* From a worker to the control thread, where `state` may not be looked at. */
struct greeting {
    struct control *control;
    struct mw_worker *worker;
    void *state;
};

/* The choices of `again`, in their order. */
enum again { AGAIN_PASS, AGAIN_DENY, AGAIN_WAIT_PASS, AGAIN_WAIT_DENY, AGAIN_HANG, AGAIN_AT_ONCE };

struct instance {
    const struct mw_host *host;
    struct control *control;
    struct timeval delay;
    bool wait, pass, too_much, twice;
    int64_t broken;
    const char *forward; /* a header that it never reserved; NULL: none */
    size_t challenge;    /* bytes of one; 0: none */
    struct timeval close_after; /* 0: it is left alone */
    int64_t again, good_rounds; /* what revalidate does, after so many rounds that pass */
    int64_t again_status;       /* how it denies; 0: without a word */
};

struct state {
    const struct instance *instance;
    struct mw_worker *worker;
    unsigned started, resumed, cancelled, released, posted, greeted, asked;
    unsigned waiting, most; /* tunnels that are waited for, and how many at a time at most */
    int held;
    struct pending *pending;
};

/* A decision that waits. */
struct pending {
    struct pending *next, **link;
    struct state *state;
    struct mw_task *task;
    struct mw_request *request; /* NULL: a revalidation */
    struct slot *slot;          /* of that */
    struct event *timer;
};

/* What a slot holds: the session's end, where it is asked for. */
struct slot {
    struct state *state;
    uint64_t id;
    struct event *timer;
    int64_t rounds;          /* of revalidation */
    struct pending *pending; /* one of those waits */
};

static const struct mw_option options[] = {
    {.word = "verdict", .type = MW_WORD, .choices = "pass|deny", .fallback = "pass",
     .help = "What it comes to."},
    {.word = "delay", .type = MW_DURATION, .fallback = "0", .help = "How long it waits; 0: not."},
    {.word = "close_after", .type = MW_DURATION, .fallback = "0",
     .help = "Ends the session that long after it was let in; 0: never."},
    {.word = "too_much", .type = MW_BOOL, .fallback = "false",
     .help = "Attaches more labels than fit, and passes all the same."},
    {.word = "again", .type = MW_WORD, .fallback = "pass",
     .choices = "pass|deny|wait_pass|wait_deny|hang|at_once",
     .help = "What becomes of a live tunnel that is judged again."},
    {.word = "again_status", .type = MW_INTEGER, .fallback = "0",
     .help = "With which status it is denied then; 0: without a word."},
    {.word = "good_rounds", .type = MW_INTEGER, .fallback = "0",
     .help = "After how many judgements that pass at once."},
    {.word = "twice", .type = MW_BOOL, .fallback = "false",
     .help = "Resumes once more, when nobody waits for it."},
    {.word = "forward", .type = MW_STRING, .help = "A header that it sets and never reserved."},
    {.word = "challenge", .type = MW_SIZE, .fallback = "0",
     .help = "Bytes of the challenge with which it denies; 0: none."},
    {.word = "broken", .type = MW_WORD, .choices = "no|control|worker", .fallback = "no",
     .help = "Where it does not start."},
    {.word = NULL},
};

static struct timeval
timeval_of(int64_t ms)
{
    return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

static void *
setup(const struct mw_options *opts, const struct mw_host *host)
{
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return NULL;
    instance->host = host;
    instance->control = calloc(1, sizeof(*instance->control));
    if (instance->control == NULL) {
        free(instance);
        return NULL;
    }
    instance->wait = host->option_integer(opts, "delay") > 0;
    instance->delay = timeval_of(host->option_integer(opts, "delay"));
    instance->close_after = timeval_of(host->option_integer(opts, "close_after"));
    instance->broken = host->option_integer(opts, "broken");
    instance->too_much = host->option_integer(opts, "too_much") != 0;
    instance->again = host->option_integer(opts, "again");
    instance->again_status = host->option_integer(opts, "again_status");
    instance->good_rounds = host->option_integer(opts, "good_rounds");
    instance->twice = host->option_integer(opts, "twice") != 0;
    instance->forward = host->option_string(opts, "forward");
    instance->challenge = (size_t)host->option_integer(opts, "challenge");
    instance->pass = host->option_integer(opts, "verdict") == 0;
    return instance;
}

static void
teardown(void *arg)
{
    struct instance *instance = arg;

    free(instance->control);
    free(instance);
}

/* ---- The control thread ---------------------------------------------------------- */

static void *
control_start(const void *arg, struct mw_worker *view)
{
    const struct instance *instance = arg;

    if (instance->broken == 1)
        return NULL;
    *instance->control = (struct control){instance->host, view, 0};
    return instance->control;
}

static void
control_stop(void *arg)
{
    struct control *control = arg;

    control->host->count_on(control->view, "test_waits", "test_waits_greeted", control->greeted);
    control->host->log(control->host, MW_LOG_INFO, "test_waits", "the control part ends");
}

/* On the worker. */
static void
on_greeted_back(void *arg)
{
    struct state *state = arg;

    state->greeted++;
    state->instance->host->log(state->instance->host, MW_LOG_INFO, "test_waits", "hello");
}

/* On the control thread. A worker that has ended takes no posts. */
static void
on_greeted(void *arg)
{
    struct greeting *greeting = arg;
    struct control *control = greeting->control;

    control->greeted++;
    (void)control->host->post(greeting->worker, on_greeted_back, greeting->state);
    free(greeting);
}

static void
greet(struct state *state)
{
    struct control *control = state->instance->control;
    struct greeting *greeting = malloc(sizeof(*greeting));

    if (greeting == NULL)
        abort();
    *greeting = (struct greeting){control, state->worker, state};
    if (!control->host->post(control->view, on_greeted, greeting))
        abort();
}

/* ---- A worker --------------------------------------------------------------------- */

static void *
worker_start(const void *arg, struct mw_worker *worker)
{
    const struct instance *instance = arg;
    struct state *state = instance->broken == 2 ? NULL : calloc(1, sizeof(*state));

    if (state == NULL)
        return NULL;
    state->instance = instance;
    state->worker = worker;
    if (instance->control->view != NULL) /* `wsgatectl explain` has none */
        greet(state);
    return state;
}

static void
worker_stop(void *arg)
{
    struct state *state = arg;
    const struct mw_host *host = state->instance->host;

    host->log(host, MW_LOG_INFO, "test_waits",
              "started=%u resumed=%u cancelled=%u released=%u held=%d posted=%u greeted=%u "
              "asked=%u most=%u",
              state->started, state->resumed, state->cancelled, state->released, state->held,
              state->posted, state->greeted, state->asked, state->most);
    free(state);
}

/* ---- The slot ------------------------------------------------------------------ */

static void
on_close_due(evutil_socket_t fd, short what, void *arg)
{
    struct slot *slot = arg;
    const struct mw_host *host = slot->state->instance->host;

    (void)fd, (void)what;
    host->close_session(host, slot->id, "test");
}

static void
on_posted(void *arg)
{
    ((struct state *)arg)->posted++;
}

static enum mw_verdict
let_in(struct state *state, struct mw_request *request)
{
    const struct mw_host *host = state->instance->host;
    struct slot *slot = calloc(1, sizeof(*slot));

    if (slot == NULL)
        return MW_DENY;
    slot->state = state;
    slot->id = host->session_id(request);
    if (state->instance->close_after.tv_sec != 0 || state->instance->close_after.tv_usec != 0) {
        slot->timer = evtimer_new(host->worker_base(state->worker), on_close_due, slot);
        if (slot->timer != NULL)
            (void)evtimer_add(slot->timer, &state->instance->close_after);
    }
    host->slot_set(request, slot);
    if (host->slot(request) != slot || !host->label(request, "test", (struct mw_str){"waited", 6}))
        abort();
    while (state->instance->too_much &&
           host->label(request, "more", (struct mw_str){"than fits", 9}))
        continue;
    if (state->instance->forward != NULL)
        (void)host->forward_header(request, state->instance->forward, (struct mw_str){"1", 1});
    host->count(request, "test_waits_passed", 1);
    (void)host->post(state->worker, on_posted, state);
    state->held++;
    return MW_PASS;
}

static void
release(void *arg, void *held, enum mw_end end)
{
    struct state *state = arg;
    struct slot *slot = held;

    (void)end;
    state->released++;
    state->held--;
    if (slot->timer != NULL)
        event_free(slot->timer);
    free(slot);
}

/* ---- Waiting ---------------------------------------------------------------------- */

static void
pending_free(struct pending *pending)
{
    if (pending->slot != NULL) {
        pending->slot->pending = NULL;
        pending->state->waiting--;
    }
    *pending->link = pending->next;
    if (pending->next != NULL)
        pending->next->link = pending->link;
    event_free(pending->timer);
    free(pending);
}

static enum mw_verdict
deny(const struct instance *instance, struct mw_request *request)
{
    char *challenge = calloc(1, instance->challenge + 1);

    if (challenge == NULL)
        return MW_DENY;
    memset(challenge, 'c', instance->challenge);
    enum mw_verdict verdict = instance->host->deny(request, 403, "test-denied",
                                                   instance->challenge > 0 ? challenge : NULL);
    free(challenge);
    return verdict;
}

static enum mw_verdict
verdict_of(struct state *state, struct mw_request *request)
{
    return state->instance->pass ? let_in(state, request) : deny(state->instance, request);
}

static enum mw_verdict
deny_again(const struct instance *instance, struct mw_task *task)
{
    return instance->again_status == 0
               ? MW_DENY
               : instance->host->deny_tunnel(task, (int)instance->again_status, "test-again");
}

static enum mw_verdict
verdict_again(const struct state *state, struct mw_task *task)
{
    return state->instance->again == AGAIN_WAIT_PASS ? MW_PASS
                                                     : deny_again(state->instance, task);
}

static void
on_delay_over(evutil_socket_t fd, short what, void *arg)
{
    struct pending *pending = arg;
    struct state *state = pending->state;
    struct mw_task *task = pending->task;
    struct mw_request *request = pending->request;

    (void)fd, (void)what;
    pending_free(pending);
    state->resumed++;
    state->instance->host->resume(task, request != NULL ? verdict_of(state, request)
                                                        : verdict_again(state, task));
    if (state->instance->twice)
        state->instance->host->resume(task, MW_PASS);
}

static struct pending *
wait_for(struct state *state, struct mw_task *task, struct timeval delay)
{
    const struct mw_host *host = state->instance->host;
    struct pending *pending = calloc(1, sizeof(*pending));

    if (pending == NULL)
        abort();
    pending->state = state;
    pending->task = task;
    pending->timer = evtimer_new(host->worker_base(state->worker), on_delay_over, pending);
    if (pending->timer == NULL || evtimer_add(pending->timer, &delay) == -1)
        abort();
    pending->next = state->pending;
    pending->link = &state->pending;
    if (pending->next != NULL)
        pending->next->link = &pending->next;
    state->pending = pending;
    state->started++;
    return pending;
}

static enum mw_verdict
decide(const void *arg, void *worker_state, struct mw_request *request)
{
    const struct instance *instance = arg;
    struct state *state = worker_state;

    if (!instance->wait)
        return verdict_of(state, request);
    wait_for(state, instance->host->task(request), instance->delay)->request = request;
    return MW_WAIT;
}

static void
cancel(void *arg, struct mw_task *task)
{
    struct state *state = arg;

    for (struct pending *pending = state->pending; pending != NULL; pending = pending->next)
        if (pending->task == task) {
            pending_free(pending);
            state->cancelled++;
            return;
        }
    abort(); /* cancelled what was not waiting */
}

static enum mw_verdict
revalidate(void *arg, void *held, struct mw_task *task)
{
    struct state *state = arg;
    struct slot *slot = held;
    const struct instance *instance = state->instance;

    if (slot->pending != NULL)
        abort(); /* asked while it was being asked */
    state->asked++;
    instance->host->log(instance->host, MW_LOG_INFO, "test_waits", "asked again");
    if (slot->rounds++ < instance->good_rounds || instance->again == AGAIN_PASS)
        return MW_PASS;
    if (instance->again == AGAIN_DENY)
        return deny_again(instance, task);
    if (instance->again == AGAIN_AT_ONCE) { /* which it must not */
        instance->host->resume(task, MW_PASS);
        return MW_PASS;
    }
    slot->pending =
        wait_for(state, task, timeval_of(instance->again == AGAIN_HANG ? 3600000 : 250));
    slot->pending->slot = slot;
    if (++state->waiting > state->most)
        state->most = state->waiting;
    return MW_WAIT;
}

const struct mw_module waits_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "test_waits",
    .options = options,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .decide = decide,
    .cancel = cancel,
    .release = release,
    .revalidate = revalidate,
    .control_start = control_start,
    .control_stop = control_stop,
};
