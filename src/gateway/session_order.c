/* session_order.c - an order's way from worker to worker; see session_order.h. */
#include "gateway/session_order.h"

#include "gateway/connection.h"
#include "gateway/worker.h"

#include <stdlib.h>

enum {
    ROWS_PER_TURN = 8192, /* some 100 us */
    ACTS_PER_TURN = 64,   /* an end is some system calls: below a millisecond */
};

struct session_order {
    struct worker_list workers;
    struct session_query query;
    uint64_t signature;
    struct mailbox *home;
    void (*answered)(const struct session_answer *answer, void *arg);
    void *arg;
    struct session_cursor at;
    struct session_answer answer;
    char texts[]; /* the filter's */
};

static void
order_free(struct session_order *order)
{
    if (order->answer.records != NULL)
        for (uint64_t i = 0; i < order->answer.count; i++)
            free(order->answer.records[i]);
    free(order->answer.records);
    address_set_free(order->query.filter.addresses);
    free(order);
}

/* ---- The way ----------------------------------------------------------------------- */

static void
on_home(void *arg)
{
    struct session_order *order = arg;

    order->answered(&order->answer, order->arg);
    order_free(order);
}

static void
go_home(struct session_order *order)
{
    order->answer.next = order->at;
    if (order->home == NULL || !mailbox_post(order->home, on_home, order))
        order_free(order);
}

static bool
is_page_full(const struct session_order *order)
{
    return order->query.action == SESSIONS_LIST && order->answer.count == order->query.page;
}

/* An id names its worker. */
static bool
is_last_worker(const struct session_order *order)
{
    return order->query.filter.id != 0 || order->at.worker + 1 >= order->workers.count;
}

static void on_worker(void *arg);

/* To the worker at hand, or the next one that still takes mail, or home. */
static void
go_on(struct session_order *order)
{
    while (!mailbox_post(&order->workers.workers[order->at.worker].mailbox, on_worker, order)) {
        order->answer.partial = true;
        if (is_last_worker(order)) {
            go_home(order);
            return;
        }
        order->at = (struct session_cursor){order->at.worker + 1, 0};
    }
}

/* ---- On a worker ---------------------------------------------------------------------- */

static void
list(struct session_order *order, const struct session *session)
{
    struct session_record *record = session_record_new(session);

    if (record == NULL)
        order->answer.partial = true;
    else
        order->answer.records[order->answer.count++] = record;
}

static void
act(struct session_order *order, struct session *session)
{
    switch (order->query.action) {
    case SESSIONS_COUNT:
        order->answer.count++;
        break;
    case SESSIONS_LIST:
        list(order, session);
        break;
    case SESSIONS_KILL:
        order->answer.count += connection_end(session->connection, order->query.reason);
        break;
    }
}

/* Whose chain is not through is no session yet, but has an id, by which a module may end it. */
static void
end_handshake(struct session_order *order, struct worker *worker)
{
    const struct session_query *query = &order->query;

    if (query->action == SESSIONS_KILL && query->filter.id != 0 && order->answer.count == 0)
        order->answer.count += connection_end_handshake(worker, query->filter.id, query->reason);
}

/* true: this worker's table is through. */
static bool
walk(struct session_order *order, struct worker *worker)
{
    const struct sessions *sessions = &worker->sessions;
    size_t rows = ROWS_PER_TURN;
    struct session *session;

    for (int i = 0; i < ACTS_PER_TURN && !is_page_full(order); i++) {
        session = sessions_next(sessions, &order->query.filter, order->signature, &order->at.place,
                                &rows);
        if (session == NULL)
            return rows > 0;
        act(order, session);
    }
    return false;
}

static void
on_worker(void *arg)
{
    struct session_order *order = arg;
    struct worker *worker = &order->workers.workers[order->at.worker];

    if (walk(order, worker)) {
        end_handshake(order, worker);
        if (is_last_worker(order)) {
            go_home(order);
            return;
        }
        order->at = (struct session_cursor){order->at.worker + 1, 0};
    }
    order->answer.more = is_page_full(order);
    if (order->answer.more)
        go_home(order);
    else
        go_on(order);
}

/* ---- Sending ---------------------------------------------------------------------------- */

static size_t
filter_bytes(const struct session_filter *filter)
{
    size_t bytes = filter->label.name.len + filter->label.value.len;

    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        bytes += filter->texts[i].len;
    return bytes;
}

static void
filter_keep(struct session_order *order)
{
    struct session_filter *filter = &order->query.filter;
    char *at = order->texts;

    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        str_keep(&filter->texts[i], &at);
    str_keep(&filter->label.name, &at);
    str_keep(&filter->label.value, &at);
    order->signature = session_filter_signature(filter);
}

static struct session_cursor
start_of(const struct session_query *query)
{
    if (query->filter.id != 0)
        return (struct session_cursor){(uint32_t)(query->filter.id >> 56), query->from.place};
    return query->from;
}

/* NULL: no memory. */
static struct session_order *
order_new(const struct session_query *query)
{
    struct session_order *order = calloc(1, sizeof(*order) + filter_bytes(&query->filter));

    if (order == NULL) {
        address_set_free(query->filter.addresses);
        return NULL;
    }
    order->query = *query;
    filter_keep(order);
    if (query->action != SESSIONS_LIST)
        return order;
    if (query->page == 0 || query->page > SESSION_PAGE_MAX)
        order->query.page = SESSION_PAGE_MAX;
    order->answer.records = calloc(order->query.page, sizeof(struct session_record *));
    if (order->answer.records != NULL)
        return order;
    order_free(order);
    return NULL;
}

bool
session_order_send(struct worker_list workers, const struct session_query *query,
                   struct mailbox *home,
                   void (*answered)(const struct session_answer *answer, void *arg), void *arg)
{
    struct session_order *order = order_new(query);

    if (order == NULL)
        return false;
    order->workers = workers;
    order->home = home;
    order->answered = answered;
    order->arg = arg;
    order->at = start_of(query);
    if (order->at.worker >= workers.count)
        go_home(order);
    else
        go_on(order);
    return true;
}
