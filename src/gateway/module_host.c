/*
 * module_host.c - what a module can have done; what it asks and answers of a request are
 * module_questions.c and module_answers.c; see wsgate/middleware.h for the contract.
 */
#include "gateway/module_host.h"

#include "gateway/chain.h"
#include "gateway/revalidation.h"
#include "gateway/session_order.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- The worker --------------------------------------------------------- */

static struct event_base *
host_worker_base(struct mw_worker *worker)
{
    return worker->base;
}

static bool
host_post(struct mw_worker *worker, void (*fn)(void *arg), void *arg)
{
    return mailbox_door_post(&worker->door, fn, arg);
}

/* ---- Waiting, ending, telling ------------------------------------------- */

static struct mw_task *
host_task(struct mw_request *mw)
{
    return &request_from(mw)->chain.tasks[request_from(mw)->chain.next];
}

static void
host_resume(struct mw_task *task, enum mw_verdict verdict)
{
    struct request *request = task->request;

    if (request == NULL) {
        revalidation_resume(task, verdict);
        return;
    }
    /* From inside decide, twice, for another module, or after cancel: a fault of the module. It
     * must not admit; the chain, and the hub before the 101, ask for the reason. */
    const struct chain *chain = &request->chain;
    if (chain->deciding || !chain->waiting || task->index != chain->next) {
        (void)request_fail(request, REASON_DENIED, "a module resumed out of turn");
        return;
    }
    request->resumed(request, verdict);
}

static void
host_end_session(const struct mw_host *host, uint64_t id, enum mw_close close, const char *reason)
{
    const struct host_functions *own = (const struct host_functions *)host;
    const struct worker_list workers = {own->workers, own->worker_count};
    const struct session_query query = {
        .action = SESSIONS_KILL,
        .filter.id = id,
        .reason = close == MW_CLOSE_QUOTA ? REASON_QUOTA : REASON_CLOSED_BY_MODULE,
    };

    log_message(own->log, LOG_LEVEL_INFO, "close_session", "%016llx: %s", (unsigned long long)id,
                reason);
    if (!session_order_send(workers, &query, NULL, NULL, NULL))
        log_message(own->log, LOG_LEVEL_ERROR, "close_session", "%016llx: out of memory",
                    (unsigned long long)id);
}

static void
host_close_session(const struct mw_host *host, uint64_t id, const char *reason)
{
    host_end_session(host, id, MW_CLOSE_POLICY, reason);
}

static void PRINTF_LIKE(4, 5)
host_log(const struct mw_host *host, enum mw_log_level level, const char *module,
         const char *format, ...)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
                                            LOG_LEVEL_DEBUG};
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_message(((const struct host_functions *)host)->log,
                levels[(size_t)level < COUNT_OF(levels) ? level : MW_LOG_ERROR], module, "%s",
                text);
}

static void
host_count(struct mw_request *mw, const char *word, uint64_t n)
{
    struct request *request = request_from(mw);
    size_t at = request->route->require[request->chain.next].instance;

    metrics_count(&request->worker->metrics, request->settings->instances[at].module->name, word,
                  n);
}

static void
host_count_on(struct mw_worker *worker, const char *module, const char *word, uint64_t n)
{
    metrics_count(worker->metrics, module, word, n);
}

void
host_fill(struct host_functions *host)
{
    host->public = (struct mw_host){
        .size = sizeof(struct mw_host),
        .worker_base = host_worker_base,
        .post = host_post,
        .task = host_task,
        .resume = host_resume,
        .close_session = host_close_session,
        .end_session = host_end_session,
        .log = host_log,
        .count = host_count,
        .count_on = host_count_on,
    };
    module_answers_fill(&host->public);
    module_questions_fill(&host->public);
    settings_fill_host(&host->public);
}
