/*
 * redis_lookup.c - a module for wsgate that asks a Redis server who a token belongs to.
 *
 * It waits: each worker has a connection of its own, on its own event loop, and a handshake waits
 * for its answer without anybody else waiting with it. wsgate-middleware(7) goes through it.
 *
 *     users: { redis_lookup: { server: "127.0.0.1:6379", header: X-Session, prefix: "session:" } }
 *
 * The value at PREFIX + the header's value is the identity. No such key is 403; a server that
 * does not answer is 503: without an answer nobody comes in.
 */
#include <wsgate/middleware.h>

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RETRY_MS = 1000, KEY_MAX = 1024 };

/* Constant after setup. */
struct lookup {
    const struct mw_host *host;
    const char *header, *prefix;
    const char *path; /* of a Unix socket; NULL: ip and port */
    char ip[INET6_ADDRSTRLEN];
    int port;
};

/* A worker's own. */
struct state {
    const struct lookup *lookup;
    struct mw_worker *worker;
    redisAsyncContext *redis; /* NULL: there is no connection */
    int64_t retry_ms;         /* not before; the monotonic clock */
    struct question *questions;
};

/* A question on its way. hiredis holds it until it calls back, whatever becomes of the request. */
struct question {
    struct state *state;
    struct mw_request *request;
    struct mw_task *task; /* NULL: cancelled; nobody waits for the answer */
    struct question *next, **link;
};

static const struct mw_option options[] = {
    {"server", MW_STRING, NULL, "IP:PORT, [IPv6]:PORT or unix:/path", MW_REQUIRED, NULL, NULL},
    {"header", MW_STRING, "X-Session", "the header that has the token", 0, NULL, NULL},
    {"prefix", MW_STRING, "session:", "what stands before it in the key", 0, NULL, NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

/* ---- Setup -------------------------------------------------------------------------------- */

/* Names are not looked up: that would make a worker wait for a resolver. */
static bool
read_server(struct lookup *lookup, const char *text)
{
    const char *colon = strrchr(text, ':');
    unsigned char address[16];
    char *end = NULL;

    if (strncmp(text, "unix:/", 6) == 0) {
        lookup->path = text + 5;
        return true;
    }
    bool brackets = text[0] == '[' && colon != NULL && colon[-1] == ']';
    size_t len = colon != NULL ? (size_t)(colon - text) - (brackets ? 2 : 0) : 0;
    if (len == 0 || len >= sizeof(lookup->ip))
        return false;
    memcpy(lookup->ip, text + brackets, len);
    long port = strtol(colon + 1, &end, 10);
    lookup->port = (int)port;
    return *end == '\0' && end != colon + 1 && port > 0 && port < 65536 &&
           inet_pton(brackets ? AF_INET6 : AF_INET, lookup->ip, address) == 1;
}

static void *
setup(const struct mw_options *given, const struct mw_host *host)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    const char *server = host->option_string(given, "server");

    if (lookup == NULL)
        return NULL;
    lookup->host = host;
    lookup->header = host->option_string(given, "header");
    lookup->prefix = host->option_string(given, "prefix");
    if (read_server(lookup, server))
        return lookup;
    host->option_fault(given, "server", 0,
                       "expected IP:PORT, [IPv6]:PORT or unix:/path, found `%s`", server);
    free(lookup);
    return NULL;
}

/* ---- The connection ------------------------------------------------------------------------- */

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* hiredis frees the connection itself, after it has called back for every question. */
static void
lose(struct state *state)
{
    state->redis = NULL;
    state->retry_ms = now_ms() + RETRY_MS;
}

static void
on_connected(const redisAsyncContext *redis, int status)
{
    struct state *state = redis->data;

    if (status == REDIS_OK)
        return;
    state->lookup->host->log(state->lookup->host, MW_LOG_WARNING, "redis_lookup",
                             "no connection: %s", redis->errstr);
    lose(state);
}

static void
on_disconnected(const redisAsyncContext *redis, int status)
{
    (void)status;
    lose(redis->data);
}

/* false: not now. */
static bool
connect_to_server(struct state *state)
{
    const struct lookup *lookup = state->lookup;

    if (state->redis != NULL)
        return true;
    if (now_ms() < state->retry_ms)
        return false;
    redisAsyncContext *redis = lookup->path != NULL ? redisAsyncConnectUnix(lookup->path)
                                                    : redisAsyncConnect(lookup->ip, lookup->port);
    if (redis == NULL || redis->err != 0 ||
        redisLibeventAttach(redis, lookup->host->worker_base(state->worker)) != REDIS_OK) {
        if (redis != NULL)
            redisAsyncFree(redis);
        lose(state);
        return false;
    }
    redis->data = state;
    state->redis = redis;
    (void)redisAsyncSetConnectCallback(redis, on_connected);
    (void)redisAsyncSetDisconnectCallback(redis, on_disconnected);
    return true;
}

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    struct state *state = calloc(1, sizeof(*state));

    if (state != NULL) {
        state->lookup = instance;
        state->worker = worker;
    }
    return state;
}

/* Nothing waits any more: every question was answered or cancelled. */
static void
worker_stop(void *worker_state)
{
    struct state *state = worker_state;

    if (state->redis != NULL)
        redisAsyncFree(state->redis);
    free(state);
}

/* ---- Questions ------------------------------------------------------------------------------ */

static enum mw_verdict
judge(const struct question *question, const redisReply *reply)
{
    const struct mw_host *host = question->state->lookup->host;

    if (reply == NULL)
        return host->deny(question->request, 503, "redis-unreachable", NULL);
    if (reply->type == REDIS_REPLY_NIL)
        return host->deny(question->request, 403, "redis-no-session", NULL);
    if (reply->type != REDIS_REPLY_STRING)
        return host->deny(question->request, 503, "redis-error", NULL);
    struct mw_str identity = {reply->str, (size_t)reply->len};

    return host->identify(question->request, (struct mw_str){NULL, 0}, identity) ? MW_PASS
                                                                                 : MW_DENY;
}

static void
forget(struct question *question)
{
    *question->link = question->next;
    if (question->next != NULL)
        question->next->link = question->link;
    free(question);
}

/* From the worker's loop. What resume() leads to may ask the next question, or free the request: so
 * the question is gone before. */
static void
on_reply(redisAsyncContext *redis, void *reply, void *arg)
{
    struct question *question = arg;
    const struct mw_host *host = question->state->lookup->host;
    struct mw_task *task = question->task;
    enum mw_verdict verdict = task != NULL ? judge(question, reply) : MW_DENY;

    (void)redis;
    forget(question);
    if (task != NULL)
        host->resume(task, verdict);
}

static struct question *
ask(struct state *state, struct mw_request *request, struct mw_str token)
{
    struct question *question = calloc(1, sizeof(*question));

    if (question == NULL)
        return NULL;
    *question = (struct question){state, request, state->lookup->host->task(request),
                                  state->questions, &state->questions};
    if (question->next != NULL)
        question->next->link = &question->next;
    state->questions = question;
    if (redisAsyncCommand(state->redis, on_reply, question, "GET %s%b", state->lookup->prefix,
                          token.at, token.len) == REDIS_OK)
        return question;
    forget(question);
    return NULL;
}

static enum mw_verdict
decide(const void *instance, void *worker_state, struct mw_request *request)
{
    const struct lookup *lookup = instance;
    const struct mw_host *host = lookup->host;
    struct state *state = worker_state;
    struct mw_str token = host->header(request, lookup->header, 0);

    if (token.at == NULL || token.len == 0)
        return host->deny(request, 401, "redis-no-token", NULL);
    if (token.len > KEY_MAX || host->header(request, lookup->header, 1).at != NULL)
        return host->deny(request, 400, "redis-bad-token", NULL);
    if (!host->strip(request, MW_HEADER, lookup->header, 0))
        return MW_DENY;
    if (!connect_to_server(state) || ask(state, request, token) == NULL)
        return host->deny(request, 503, "redis-unreachable", NULL);
    return MW_WAIT;
}

/* The answer will come all the same, and find that nobody waits. */
static void
cancel(void *worker_state, struct mw_task *task)
{
    struct state *state = worker_state;

    for (struct question *question = state->questions; question != NULL; question = question->next)
        if (question->task == task)
            question->task = NULL;
}

static const struct mw_module module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "redis_lookup",
    .options = options,
    .setup = setup,
    .teardown = free,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .decide = decide,
    .cancel = cancel,
};

const struct mw_module *
wsgate_module(void)
{
    return &module;
}
