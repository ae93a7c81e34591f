/*
 * explain_json.c - an explanation as one JSON object; see explain_report.h.
 *
 * jansson's _new functions take a NULL value as a failure and leave the member out; what counts
 * in the end is whether the whole could be printed.
 */
#include "wsgatectl/explain_report.h"

#include "gateway/refusal.h"
#include "wsgatectl/redact.h"
#include "wsgatectl/safe_text.h"

#include <stdlib.h>

static void
set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static void
set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        set(object, key, safe_text_json(str_of(text)));
}

static void
set_time(json_t *object, const char *key, int64_t wall_ms)
{
    char text[EXPLAIN_TIME_MAX];

    explain_time(wall_ms, text);
    set_text(object, key, text);
}

/* ---- Heads ------------------------------------------------------------------------- */

static json_t *
redacted(redact_function *redact, struct str piece, struct str secret)
{
    char *text = redact_copy(redact, piece, secret);
    json_t *json = text != NULL ? safe_text_json(str_of(text)) : NULL;

    free(text);
    return json;
}

static json_t *
field_json(struct str line, struct str secret)
{
    char *text = redact_copy(redact_field, line, secret);
    char *colon = text != NULL ? strchr(text, ':') : NULL;
    json_t *field = json_object();

    if (colon != NULL) {
        *colon = '\0';
        set_text(field, "name", text);
        set_text(field, "value", colon + 2); /* ": " */
    }
    free(text);
    return field;
}

static json_t *
head_json(struct str head, struct str secret, bool is_request)
{
    json_t *object = json_object(), *headers = json_array();
    struct str line;

    (void)explain_next_line(&head, &line);
    set(object, "line",
        is_request ? redacted(redact_request_line, line, secret) : safe_text_json(line));
    while (explain_next_line(&head, &line))
        (void)json_array_append_new(headers, field_json(line, secret));
    set(object, "headers", headers);
    if (!is_request)
        set(object, "body", safe_text_json(head));
    return object;
}

/* ---- Verdicts ------------------------------------------------------------------------ */

static void
set_refusal(json_t *object, const struct answer *answer)
{
    if (explanation_is_unknown(answer)) {
        set_text(object, "verdict", "unknown");
        set_text(object, "why", answer->detail);
        return;
    }
    set(object, "status", json_integer(refusal_status(answer)));
    set_text(object, "reason", refusal_word(answer));
    set_text(object, "detail", answer->detail);
}

static json_t *
close_json(const struct answer *answer)
{
    json_t *object = json_object();

    set(object, "code", json_integer(answer->close_code));
    set_text(object, "reason", refusal_word(answer));
    return object;
}

static json_t *
verdict_json(const char *name, const struct explain_verdict *verdict)
{
    static const char *const words[] = {NULL, "pass", "deny"};
    json_t *object = json_object();

    set_text(object, "name", name);
    set(object, "asked", json_boolean(verdict->asked));
    set_text(object, "verdict", words[verdict->outcome]);
    if (verdict->outcome == EXPLAIN_DENY)
        set_refusal(object, &verdict->answer);
    return object;
}

static json_t *
stages_json(const struct explanation *explanation)
{
    json_t *list = json_array();

    for (size_t i = 0; i < EXPLAIN_STAGE_COUNT; i++)
        (void)json_array_append_new(list, verdict_json(explain_stage_word((enum explain_stage)i),
                                                       &explanation->stages[i]));
    return list;
}

/* ---- Modules --------------------------------------------------------------------------- */

static json_t *
strips_json(const struct explain_findings *found)
{
    json_t *list = json_array();

    for (size_t i = 0; i < found->strip_count; i++)
        (void)json_array_append_new(
            list, json_sprintf("%s %s", explain_source_word(found->strips[i].source),
                               found->strips[i].name));
    if (found->stripped_protocols != 0)
        (void)json_array_append_new(list, json_string(explain_source_word(MW_SUBPROTOCOL)));
    return list;
}

/* Some of what is set are credentials of ours for the backend. */
static json_t *
headers_json(const struct header *headers, size_t count, struct str secret)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++) {
        const struct header *header = &headers[i]; /* whose name ends with a NUL */
        char *value = redact_value_copy(header->name, header->value, secret);
        set_text(object, header->name.at, value);
        free(value);
    }
    return object;
}

/* Who it is, and why: a refusal has these too. */
static void
set_labels(json_t *object, const struct explain_findings *found, struct str secret)
{
    if (found->issuer.at != NULL)
        set(object, "issuer", safe_text_json(found->issuer));
    if (found->subject.at != NULL)
        set(object, "subject", safe_text_json(found->subject));
    if (found->label_count > 0)
        set(object, "labels", headers_json(found->labels, found->label_count, secret));
}

static void
set_findings(json_t *object, const struct explain_findings *found, struct str secret)
{
    if (found->strip_count > 0 || found->stripped_protocols != 0)
        set(object, "takes_out", strips_json(found));
    set_labels(object, found, secret);
    if (found->claim_count > 0)
        set(object, "claims", headers_json(found->claims, found->claim_count, secret));
    if (found->forward_count > 0)
        set(object, "sets", headers_json(found->forwards, found->forward_count, secret));
    if (found->deadline_wall_ms != INT64_MAX)
        set_time(object, "ends_tunnel_at", found->deadline_wall_ms);
}

/* What it says itself, where `not` or a dry run make something else of it. */
static json_t *
said_json(const struct answer *said)
{
    json_t *object = json_object();

    set_text(object, "verdict", said->reason == REASON_NONE ? "pass" : "deny");
    if (said->reason != REASON_NONE)
        set_refusal(object, said);
    return object;
}

static json_t *
module_json(const struct explain_entry *entry, const struct require_node *node, struct str secret)
{
    json_t *object = verdict_json(entry->instance->name, &entry->verdict);
    bool is_not = node->kind == REQUIRE_NOT, is_dry = entry->instance->dry_run;

    set_text(object, "module", entry->instance->module->name);
    if (is_not)
        set(object, "not", json_true());
    if (is_dry)
        set(object, "dry_run", json_true());
    if (is_not || is_dry)
        set(object, "says", said_json(&entry->said));
    else if (entry->verdict.outcome == EXPLAIN_PASS)
        set_findings(object, &entry->findings, secret);
    else
        set_labels(object, &entry->findings, secret);
    return object;
}

/* The members of the group at that node; a group among them has its own in turn. */
static json_t *
members_json(const struct explanation *explanation, size_t group, struct str secret)
{
    const struct require_node *nodes = explanation->request->route->require;
    json_t *list = json_array();

    for (size_t i = group + 1; i < nodes[group].end; i = nodes[i].end) {
        const struct explain_entry *entry = &explanation->entries[i];
        json_t *object;

        if (entry->instance != NULL) {
            object = module_json(entry, &nodes[i], secret);
        } else {
            object = verdict_json(NULL, &entry->verdict);
            set(object, explain_group_word(nodes[i].kind), members_json(explanation, i, secret));
        }
        (void)json_array_append_new(list, object);
    }
    return list;
}

/* ---- The whole ---------------------------------------------------------------------------- */

static void
set_address(json_t *object, const char *key, const struct sockaddr *sockaddr)
{
    char buffer[ADDRESS_TEXT_MAX];
    struct address address;

    address_of(&address, sockaddr);
    set(object, key, safe_text_json(address_format_ip(&address, buffer)));
}

static void
set_question(json_t *object, const struct explanation *explanation, struct str secret)
{
    const struct explain_question *question = explanation->question;
    const struct request *request = explanation->request;
    struct str rest = question->head, line;

    set_text(object, "listener", explain_listener_name(question->listener));
    set_address(object, "client", request->peer);
    if (request->peer != request->socket)
        set_address(object, "peer", request->socket);
    (void)explain_next_line(&rest, &line);
    set(object, "request", redacted(redact_request_line, line, secret));
}

static json_t *
route_json(const struct explanation *explanation, struct str secret)
{
    const struct request *request = explanation->request;
    json_t *object = json_object();

    set(object, "index", json_integer((json_int_t)request->route->index));
    set(object, "host", safe_text_json(request->host.name));
    set(object, "path", redacted(redact_target, request->target.path, secret));
    set_text(object, "backend", request->route->backend->name);
    return object;
}

static json_t *
backend_json(const struct explanation *explanation, struct str secret)
{
    const struct backend_settings *backend = explanation->request->route->backend;
    json_t *object = head_json(text_str(&explanation->output), secret, true);
    json_t *servers = json_array();

    set_text(object, "name", backend->name);
    for (size_t i = 0; i < backend->server_count; i++)
        (void)json_array_append_new(servers, json_string(backend->servers[i].text));
    set(object, "servers", servers);
    return object;
}

static void
set_outcome(json_t *object, const struct explanation *explanation, struct str secret)
{
    set_text(object, "verdict", explanation->let_in ? "let in" : "refused");
    if (explanation->let_in) {
        if (explanation->request->deadline_wall_ms != INT64_MAX)
            set_time(object, "ends_tunnel_at", explanation->request->deadline_wall_ms);
        set(object, "backend", backend_json(explanation, secret));
        return;
    }
    set_refusal(object, &explanation->answer);
    if (explanation_is_unknown(&explanation->answer)) {
        set_text(object, "unknown_to", explanation->answer.module);
        return;
    }
    set_text(object, "refused_by", explanation->answer.module);
    set(object, "answer", head_json(text_str(&explanation->output), secret, false));
    if (explanation->answer.close_code != 0)
        set(object, "close", close_json(&explanation->answer));
}

bool
explain_report_json(FILE *out, const struct explanation *explanation, struct str secret)
{
    json_t *object = json_object();

    set_question(object, explanation, secret);
    set(object, "stages", stages_json(explanation));
    if (explanation->request->route != NULL)
        set(object, "route", route_json(explanation, secret));
    if (explanation->entries != NULL)
        set(object, "modules", members_json(explanation, 0, secret));
    set_outcome(object, explanation, secret);
    bool printed = safe_text_dump(out, object, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(object);
    return printed;
}
