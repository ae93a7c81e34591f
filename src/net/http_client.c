/*
 * http_client.c - libcurl's multi handle on a loop, and the life of a call.
 *
 * libcurl says which sockets it waits for and for how long (on_watch, on_timer); the loop tells it
 * what came (on_ready, on_time); what has ended is collected afterwards, outside of libcurl
 * (collect), for a multi handle must not be used from inside its own callbacks.
 *
 * The deadline is ours, not libcurl's: where it comes during a look-up, the call's owner gets his
 * answer at once, but the handle stays until the resolver has answered. Otherwise each call would
 * leave a thread behind that nobody counts, for as long as a name server is silent.
 */
#include "net/http_client.h"

#include "net/http_transfer.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>

struct http_call {
    struct http_client *client;
    struct http_call *next, *prev;
    struct http_transfer transfer;
    struct event deadline;
    uint64_t timeout_ms;
    http_done *done; /* NULL: its owner has been told, or has gone */
    void *arg;
};

struct http_client {
    struct event_base *base;
    CURLM *multi;
    struct http_trust trust;
    struct http_sockets sockets;
    struct event timer;
    struct http_call *calls; /* doubly linked */
    size_t call_count;
};

/* A socket that libcurl waits for. */
struct watch {
    struct event event;
};

static const char *const words[] = {
#define X(name, word) [HTTP_##name] = (word),
    HTTP_OUTCOMES(X)
#undef X
};

const char *
http_outcome_word(enum http_outcome outcome)
{
    return words[outcome];
}

bool
http_client_global_start(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* libcurl leaves that to us, with CURLOPT_NOSIGNAL */
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static struct timeval
timeval_of(uint64_t ms)
{
    return (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
}

/* ---- The end of a call ------------------------------------------------------------------- */

static void
free_call(struct http_call *call)
{
    struct http_client *client = call->client;

    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        client->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    client->call_count--;
    (void)event_del(&call->deadline);
    (void)curl_multi_remove_handle(client->multi, call->transfer.easy);
    http_transfer_close(&call->transfer);
    free(call);
}

/* Its owner has no more to do with it. */
static void
let_go(struct http_call *call)
{
    call->done = NULL;
    (void)event_del(&call->deadline);
    if (call->transfer.looking_up)
        http_transfer_forget(&call->transfer);
    else
        free_call(call);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct http_call *call = arg;
    struct http_answer answer;
    http_done *done = call->done;

    (void)fd, (void)what;
    call->done = NULL;
    http_transfer_overdue(&call->transfer, call->timeout_ms, &answer);
    done(call->arg, &answer);
    let_go(call);
}

/* False: it has ended. */
static bool
begins_anew(struct http_call *call)
{
    CURLM *multi = call->client->multi;

    return call->done != NULL && http_transfer_again(&call->transfer) &&
           curl_multi_remove_handle(multi, call->transfer.easy) == CURLM_OK &&
           curl_multi_add_handle(multi, call->transfer.easy) == CURLM_OK;
}

static void
finish(struct http_call *call, CURLcode result)
{
    struct http_answer answer;
    http_done *done = call->done;

    if (begins_anew(call))
        return;
    call->done = NULL;
    http_transfer_answer(&call->transfer, result, &answer);
    if (done != NULL)
        done(call->arg, &answer);
    free_call(call);
}

/* Asked anew after each: done may have started and cancelled others. */
static void
collect(struct http_client *client)
{
    struct CURLMsg *message;
    void *call;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK)
            finish(call, message->data.result);
}

/* ---- libcurl and the loop ------------------------------------------------------------------ */

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int ready = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    (void)curl_multi_socket_action(client->multi, fd, ready, &running);
    collect(client);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int running;

    (void)fd, (void)what;
    (void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(client);
}

/* Without memory a socket goes unwatched, and its call meets its deadline. */
static int
on_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_client *client = arg;
    struct watch *watch = known;
    short events = EV_PERSIST;

    (void)easy;
    if (watch != NULL)
        (void)event_del(&watch->event);
    if (what == CURL_POLL_REMOVE) {
        free(watch);
        return 0;
    }
    if (watch == NULL) {
        watch = calloc(1, sizeof(*watch));
        if (watch == NULL)
            return 0;
        if (curl_multi_assign(client->multi, fd, watch) != CURLM_OK) {
            free(watch);
            return 0;
        }
    }
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    event_assign(&watch->event, client->base, fd, events, on_ready, client);
    (void)event_add(&watch->event, NULL);
    return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
    struct http_client *client = arg;

    (void)multi;
    if (ms < 0) {
        (void)event_del(&client->timer);
        return 0;
    }
    struct timeval after = timeval_of((uint64_t)ms);
    return event_add(&client->timer, &after);
}

/* ---- The client ------------------------------------------------------------------------------ */

static bool
set_multi(struct http_client *client)
{
    CURLM *multi = client->multi;

    return multi != NULL &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_watch) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CLIENT_CONNECTIONS) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HTTP_CLIENT_PER_HOST) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                             (long)HTTP_CLIENT_CONNECTIONS) == CURLM_OK;
}

struct http_client *
http_client_new(struct event_base *base)
{
    struct http_client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return NULL;
    client->base = base;
    evtimer_assign(&client->timer, base, on_time, client);
    client->multi = curl_multi_init();
    if (set_multi(client))
        return client;
    http_client_free(client);
    return NULL;
}

void
http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    while (client->calls != NULL)
        free_call(client->calls);
    if (client->multi != NULL)
        (void)curl_multi_cleanup(client->multi);
    (void)event_del(&client->timer);
    free(client);
}

static bool
arm(struct http_call *call, uint64_t timeout_ms)
{
    struct timeval after = timeval_of(timeout_ms);

    call->timeout_ms = timeout_ms;
    evtimer_assign(&call->deadline, call->client->base, on_deadline, call);
    return event_add(&call->deadline, &after) == 0;
}

struct http_call *
http_call_start(struct http_client *client, const struct http_query *query, http_done *done,
                void *arg)
{
    struct http_call *call;

    if (client->call_count >= HTTP_CLIENT_CALLS_MAX || (call = calloc(1, sizeof(*call))) == NULL)
        return NULL;
    call->client = client;
    call->done = done;
    call->arg = arg;
    if (!http_transfer_open(&call->transfer, query, &client->trust, &client->sockets, call) ||
        !arm(call, query->timeout_ms) ||
        curl_multi_add_handle(client->multi, call->transfer.easy) != CURLM_OK) {
        if (event_initialized(&call->deadline))
            (void)event_del(&call->deadline);
        http_transfer_close(&call->transfer);
        free(call);
        return NULL;
    }
    call->next = client->calls;
    if (client->calls != NULL)
        client->calls->prev = call;
    client->calls = call;
    client->call_count++;
    return call;
}

void
http_call_cancel(struct http_call *call)
{
    let_go(call);
}
