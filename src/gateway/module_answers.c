/*
 * module_answers.c - what a module can answer about a request, or about a tunnel that it judges
 * again.
 *
 * Everything is bounded: an answer that does not fit (too many headers, no memory) makes
 * the function return false and marks the request as failed, so that even a
 * module that ignores the result cannot let a half-prepared request through.
 */
#include "gateway/module_host.h"

#include "base/clock.h"
#include "gateway/chain.h"
#include "gateway/revalidation.h"
#include "gateway/worker.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"
#include "token/revocations.h"

static struct str
in(struct mw_str text)
{
    return (struct str){text.at, text.len};
}

static enum mw_verdict
host_deny(struct mw_request *mw, int status, const char *word, const char *challenge)
{
    struct request *request = request_from(mw);

    if (request->answer.reason != REASON_NONE)
        return MW_DENY;
    request->answer.reason = REASON_DENIED;
    request->answer.status = status >= 400 && status <= 599 ? (unsigned)status : 403;
    request->answer.word = word;
    if (challenge != NULL && http_is_field_value(str_of(challenge)))
        request->answer.challenge = arena_copy(&request->arena, str_of(challenge));
    return MW_DENY;
}

static enum mw_verdict
host_undecided(struct mw_request *mw, const char *why)
{
    (void)request_fail(request_from(mw), REASON_UNDECIDED, why);
    return MW_DENY;
}

static void
host_retry_after(struct mw_request *mw, uint32_t seconds)
{
    request_from(mw)->answer.retry_after_s = seconds;
}

static bool
too_much(struct request *request)
{
    (void)request_fail(request, REASON_NO_MEMORY, "a module's answer does not fit");
    return false;
}

static bool
host_answer_body(struct mw_request *mw, struct mw_str type, struct mw_str body)
{
    struct request *request = request_from(mw);
    struct answer *answer = &request->answer;

    if (body.len > MW_BODY_MAX || !http_is_field_value(in(type)))
        return false;
    struct str copy = arena_copy(&request->arena, in(body));
    answer->body_type = arena_copy(&request->arena, in(type));
    if (copy.at == NULL || answer->body_type.at == NULL)
        return false;
    answer->body = copy;
    return true;
}

/* The first of those that a header could meet: what a `not` and a dry run set is taken back, so it
 * meets nobody else's. */
static size_t
first_forward(const struct request *request)
{
    const struct require_node *node = &request->route->require[request->chain.next];
    bool is_taken_back =
        node->kind == REQUIRE_NOT || request->settings->instances[node->instance].dry_run;

    return is_taken_back ? request->marks[node->depth].forward_count : 0;
}

/* Two values for one header would let the backend choose who the client is; and what the gateway
 * writes itself is there already. */
static bool
is_forwarded(const struct request *request, struct str name)
{
    for (size_t i = first_forward(request); i < request->forward_count; i++)
        if (http_names_alike(request->forwards[i].name, name))
            return true;
    return field_names_have(&field_names_own, name);
}

static bool
host_forward_header(struct mw_request *mw, const char *name, struct mw_str value)
{
    struct request *request = request_from(mw);

    if (!http_is_token(str_of(name)) || !http_is_field_value(in(value))) {
        (void)request_fail(request, REASON_DENIED, "a module's header has a forbidden character");
        return false;
    }
    if (request->forward_count == ROUTE_FORWARDS_MAX)
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
    struct request *request = request_from(mw);

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
    struct request *request = request_from(mw);

    return copy_if_there(request, &request->who.issuer, in(issuer)) &&
           copy_if_there(request, &request->who.subject, in(subject));
}

static bool
host_identify_token(struct mw_request *mw, struct mw_str token_id, struct mw_str session_id)
{
    struct request *request = request_from(mw);

    return copy_if_there(request, &request->who.token_id, in(token_id)) &&
           copy_if_there(request, &request->who.session_id, in(session_id));
}

/* Where nobody reads it, nobody need remember it. */
static bool
host_give_claim(struct mw_request *mw, const char *name, struct mw_str issuer, struct mw_str value)
{
    struct request *request = request_from(mw);
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
    if (wall_ms < request_from(mw)->deadline_wall_ms)
        request_from(mw)->deadline_wall_ms = wall_ms;
}

static bool
host_label(struct mw_request *mw, const char *key, struct mw_str value)
{
    struct request *request = request_from(mw);

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
    return arena_alloc(&request_from(mw)->arena, bytes);
}

static void
host_slot_set(struct mw_request *mw, void *slot)
{
    request_from(mw)->chain.slots[request_from(mw)->chain.next] = slot;
}

static void *
host_slot(const struct mw_request *mw)
{
    return request_from(mw)->chain.slots[request_from(mw)->chain.next];
}

static enum mw_verdict
host_deny_tunnel(struct mw_task *task, int status, const char *word)
{
    if (task->request != NULL) /* it has an answer of its own */
        return host_deny((struct mw_request *)task->request, status, word, NULL);
    revalidation_deny(task, status, word);
    return MW_DENY;
}

void
module_answers_fill(struct mw_host *host)
{
    host->deny = host_deny;
    host->retry_after = host_retry_after;
    host->answer_body = host_answer_body;
    host->forward_header = host_forward_header;
    host->strip = host_strip;
    host->identify = host_identify;
    host->deadline = host_deadline;
    host->label = host_label;
    host->alloc = host_alloc;
    host->slot_set = host_slot_set;
    host->slot = host_slot;
    host->identify_token = host_identify_token;
    host->is_revoked = host_is_revoked;
    host->give_claim = host_give_claim;
    host->undecided = host_undecided;
    host->deny_tunnel = host_deny_tunnel;
}
