/*
 * module_host.c - what a module can answer and have done; its questions are in
 * module_questions.c; see wsgate/middleware.h for the contract.
 *
 * Everything is bounded: an answer that does not fit (too many headers, no memory) makes
 * the function return false and marks the request as failed, so that even a
 * module that ignores the result cannot let a half-prepared request through.
 */
#include "gateway/module_host.h"

#include "base/clock.h"
#include "gateway/chain.h"
#include "gateway/revalidation.h"
#include "gateway/session_order.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"
#include "token/revocations.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct request *
of(const struct mw_request *request)
{
    return (struct request *)(uintptr_t)request;
}

static struct str
in(struct mw_str text)
{
    return (struct str){text.at, text.len};
}

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

/* ---- Answers ------------------------------------------------------------ */

static enum mw_verdict
host_deny(struct mw_request *mw, int status, const char *word, const char *challenge)
{
    struct request *request = of(mw);

    if (request->answer.reason != REASON_NONE)
        return MW_DENY;
    request->answer.reason = REASON_DENIED;
    request->answer.status = status >= 400 && status <= 599 ? (unsigned)status : 403;
    request->answer.word = word;
    if (challenge != NULL) {
        request->answer.challenge = arena_copy(&request->arena, str_of(challenge));
        if (memchr(challenge, '\r', strlen(challenge)) || strchr(challenge, '\n'))
            request->answer.challenge = STR_NONE;
    }
    return MW_DENY;
}

static enum mw_verdict
host_undecided(struct mw_request *mw, const char *why)
{
    (void)request_fail(of(mw), REASON_UNDECIDED, why);
    return MW_DENY;
}

static void
host_retry_after(struct mw_request *mw, uint32_t seconds)
{
    of(mw)->answer.retry_after_s = seconds;
}

static bool
too_much(struct request *request)
{
    (void)request_fail(request, REASON_NO_MEMORY, "a module's answer does not fit");
    return false;
}

/* No control may stand in a field's value: it could end the line (RFC 9110 5.5). */
static bool
is_field_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] < 0x20 ? value.at[i] != '\t' : value.at[i] == 0x7F)
            return false;
    return true;
}

static bool
host_answer_body(struct mw_request *mw, struct mw_str type, struct mw_str body)
{
    struct request *request = of(mw);
    struct answer *answer = &request->answer;

    if (body.len > MW_BODY_MAX || !is_field_value(in(type)))
        return false;
    struct str copy = arena_copy(&request->arena, in(body));
    answer->body_type = arena_copy(&request->arena, in(type));
    if (copy.at == NULL || answer->body_type.at == NULL)
        return false;
    answer->body = copy;
    return true;
}

/* Two values for one header would let the backend choose who the client is; and what the gateway
 * writes itself is there already. */
static bool
is_forwarded(const struct request *request, struct str name)
{
    for (size_t i = 0; i < request->forward_count; i++)
        if (http_names_alike(request->forwards[i].name, name))
            return true;
    return field_names_have(&field_names_own, name);
}

static bool
host_forward_header(struct mw_request *mw, const char *name, struct mw_str value)
{
    struct request *request = of(mw);

    if (!http_is_token(str_of(name)) || !is_field_value(in(value)) ||
        request->forward_count == ROUTE_FORWARDS_MAX)
        return too_much(request);
    if (is_forwarded(request, str_of(name))) {
        (void)request_fail(request, REASON_HEADER_TWICE, name);
        return false;
    }
    struct header *header = &request->forwards[request->forward_count];
    header->name = arena_copy(&request->arena, str_of(name));
    header->value = arena_copy(&request->arena, in(value));
    if (header->name.at == NULL || header->value.at == NULL)
        return too_much(request);
    request->forward_count++;
    return true;
}

/* As many as the chain asks for: how many that is, no client can choose. */
static bool
make_room_for_strip(struct request *request)
{
    size_t room = request->strip_room > 0 ? 2 * request->strip_room : 8;
    struct strip *strips;

    if (request->strip_count < request->strip_room)
        return true;
    strips = arena_alloc(&request->arena, room * sizeof(*strips));
    if (strips == NULL)
        return false;
    if (request->strip_count > 0)
        memcpy(strips, request->strips, request->strip_count * sizeof(*strips));
    request->strips = strips;
    request->strip_room = room;
    return true;
}

static bool
host_strip(struct mw_request *mw, enum mw_source source, const char *name, size_t i)
{
    struct request *request = of(mw);

    if (source == MW_SUBPROTOCOL) {
        if (i < request->handshake.protocol_count)
            request->stripped_protocols |= UINT32_C(1) << i;
        return true;
    }
    struct str copy = arena_copy(&request->arena, str_of(name));
    if (copy.at == NULL || !make_room_for_strip(request))
        return too_much(request);
    request->strips[request->strip_count++] = (struct strip){source, copy.at};
    return true;
}

/* Half an identity is fine: a token need not name its issuer. */
static bool
copy_if_there(struct request *request, struct str *to, struct str text)
{
    *to = text.at != NULL ? arena_copy(&request->arena, text) : STR_NONE;
    return text.at == NULL || to->at != NULL || too_much(request);
}

static bool
host_identify(struct mw_request *mw, struct mw_str issuer, struct mw_str subject)
{
    struct request *request = of(mw);

    return copy_if_there(request, &request->who.issuer, in(issuer)) &&
           copy_if_there(request, &request->who.subject, in(subject));
}

static bool
host_identify_token(struct mw_request *mw, struct mw_str token_id, struct mw_str session_id)
{
    struct request *request = of(mw);

    return copy_if_there(request, &request->who.token_id, in(token_id)) &&
           copy_if_there(request, &request->who.session_id, in(session_id));
}

/* Where nobody reads it, nobody need remember it. */
static bool
host_give_claim(struct mw_request *mw, const char *name, struct mw_str issuer, struct mw_str value)
{
    struct request *request = of(mw);
    const char *expected = route_claim(request->route, name);

    if (expected == NULL || value.at == NULL)
        return true;
    struct request_claim *claim = arena_alloc(&request->arena, sizeof(*claim));
    if (claim == NULL)
        return too_much(request);
    *claim = (struct request_claim){.older = request->claims, .name = expected};
    if (!copy_if_there(request, &claim->issuer, in(issuer)) ||
        !copy_if_there(request, &claim->value, in(value)))
        return false;
    request->claims = claim;
    return true;
}

static bool
host_is_revoked(const struct mw_host *host, struct mw_str issuer, struct mw_str subject,
                struct mw_str token_id, struct mw_str session_id)
{
    const struct host_functions *own = (const struct host_functions *)host;
    const struct token_identity identity = {in(issuer), in(subject), in(token_id),
                                            in(session_id)};

    return revocations_hold(own->revocations, &identity, clock_wall_ms());
}

static void
host_deadline(struct mw_request *mw, int64_t wall_ms)
{
    if (wall_ms < of(mw)->deadline_wall_ms)
        of(mw)->deadline_wall_ms = wall_ms;
}

static bool
host_label(struct mw_request *mw, const char *key, struct mw_str value)
{
    struct request *request = of(mw);

    if (request->label_count == REQUEST_LABELS_MAX)
        return too_much(request);
    struct header *label = &request->labels[request->label_count];
    label->name = arena_copy(&request->arena, str_of(key));
    label->value = arena_copy(&request->arena, in(value));
    if (label->name.at == NULL || label->value.at == NULL)
        return too_much(request);
    request->label_count++;
    return true;
}

static void *
host_alloc(struct mw_request *mw, size_t bytes)
{
    return arena_alloc(&of(mw)->arena, bytes);
}

static void
host_slot_set(struct mw_request *mw, void *slot)
{
    of(mw)->chain.slots[of(mw)->chain.next] = slot;
}

static void *
host_slot(const struct mw_request *mw)
{
    return of(mw)->chain.slots[of(mw)->chain.next];
}

/* ---- Waiting, ending, telling ------------------------------------------- */

static struct mw_task *
host_task(struct mw_request *mw)
{
    return &of(mw)->chain.tasks[of(mw)->chain.next];
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
    struct request *request = of(mw);
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
        .deny = host_deny,
        .retry_after = host_retry_after,
        .answer_body = host_answer_body,
        .forward_header = host_forward_header,
        .strip = host_strip,
        .identify = host_identify,
        .deadline = host_deadline,
        .label = host_label,
        .alloc = host_alloc,
        .slot_set = host_slot_set,
        .slot = host_slot,
        .task = host_task,
        .resume = host_resume,
        .close_session = host_close_session,
        .end_session = host_end_session,
        .log = host_log,
        .count = host_count,
        .count_on = host_count_on,
        .identify_token = host_identify_token,
        .is_revoked = host_is_revoked,
        .give_claim = host_give_claim,
        .undecided = host_undecided,
    };
    module_questions_fill(&host->public);
    settings_fill_host(&host->public);
}
