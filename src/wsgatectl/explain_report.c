/* explain_report.c - an explanation as lines; see explain_report.h. JSON is in explain_json.c. */
#include "wsgatectl/explain_report.h"

#include "gateway/refusal.h"
#include "wsgatectl/redact.h"
#include "wsgatectl/safe_text.h"

#include <stdlib.h>
#include <time.h>

enum { SHOWN_MAX = 4096 };

/* ---- For both reports ----------------------------------------------------------- */

const char *
explain_listener_name(const struct listener_settings *listener)
{
    return listener->name[0] != '\0' ? listener->name : listener->text;
}

void
explain_time(int64_t wall_ms, char text[EXPLAIN_TIME_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, EXPLAIN_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
}

bool
explain_next_line(struct str *rest, struct str *line)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;

    *line = (struct str){rest->at, len > 0 && rest->at[len - 1] == '\r' ? len - 1 : len};
    len += end != NULL;
    *rest = (struct str){rest->at + len, rest->len - len};
    return line->len > 0;
}

const char *
explain_source_word(enum mw_source source)
{
    switch (source) {
    case MW_HEADER:
        return "header";
    case MW_COOKIE:
        return "cookie";
    case MW_QUERY:
        return "query argument";
    case MW_SUBPROTOCOL:
        break;
    }
    return "subprotocol";
}

const char *
explain_group_word(enum require_kind kind)
{
    return kind == REQUIRE_ANY_OF ? "any_of" : "all_of";
}

/* ---- Lines -------------------------------------------------------------------------- */

struct lines {
    FILE *out;
    const struct explanation *explanation;
    struct str secret;
    int width; /* of the first column */
};

static void
print_safe(const struct lines *lines, struct str text)
{
    safe_text_print(lines->out, text, SHOWN_MAX);
}

static void
print_label(const struct lines *lines, const char *label)
{
    fprintf(lines->out, "%-*s  ", lines->width, label);
}

static void
print_redacted(const struct lines *lines, redact_function *redact, struct str piece)
{
    char *text = redact_copy(redact, piece, lines->secret);

    if (text != NULL)
        print_safe(lines, str_of(text));
    free(text);
}

/* ---- What was asked ---------------------------------------------------------------- */

static void
print_address(const struct lines *lines, const char *label, const struct sockaddr *sockaddr)
{
    char buffer[ADDRESS_TEXT_MAX];
    struct address address;

    address_of(&address, sockaddr);
    print_label(lines, label);
    fprintf(lines->out, STR_FMT "\n", STR_ARG(address_format_ip(&address, buffer)));
}

static void
print_question(const struct lines *lines)
{
    const struct explain_question *question = lines->explanation->question;
    const struct request *request = lines->explanation->request;
    struct str rest = question->head, line;

    print_label(lines, "listener");
    fprintf(lines->out, "%s", explain_listener_name(question->listener));
    if (question->listener->name[0] != '\0')
        fprintf(lines->out, " (%s)", question->listener->text);
    fputc('\n', lines->out);
    print_address(lines, "client", request->peer);
    if (request->peer != request->socket)
        print_address(lines, "peer", request->socket);
    print_label(lines, "request");
    (void)explain_next_line(&rest, &line);
    print_redacted(lines, redact_request_line, line);
    fputc('\n', lines->out);
}

/* ---- Verdicts ---------------------------------------------------------------------- */

static void
print_refusal(const struct lines *lines, const struct answer *answer)
{
    if (explanation_is_unknown(answer)) {
        fprintf(lines->out, "unknown: %s", answer->detail);
        return;
    }
    fprintf(lines->out, "deny: %u %s", refusal_status(answer), refusal_word(answer));
    if (answer->detail != NULL)
        fprintf(lines->out, " (%s)", answer->detail);
}

static void
print_verdict(const struct lines *lines, const struct explain_verdict *verdict)
{
    if (!verdict->asked)
        fputs(verdict->outcome == EXPLAIN_UNKNOWN ? "not asked" : "not asked, would be ",
              lines->out);
    if (verdict->outcome == EXPLAIN_PASS)
        fputs("pass", lines->out);
    else if (verdict->outcome == EXPLAIN_DENY)
        print_refusal(lines, &verdict->answer);
}

static void
print_route(const struct lines *lines)
{
    const struct route_settings *route = lines->explanation->request->route;

    fprintf(lines->out, ": routes[%zu]", route->index);
    if (route->host.at != NULL)
        fprintf(lines->out, ", host %s" STR_FMT, route->host_wildcard ? "*" : "",
                STR_ARG(route->host));
    fprintf(lines->out, ", path " STR_FMT "%s, backend %s", STR_ARG(route->path),
            route->match == PATH_BELOW ? "*" : "", route->backend->name);
}

static void
print_target(const struct lines *lines)
{
    const struct request *request = lines->explanation->request;

    fputs(": host ", lines->out);
    print_safe(lines, request->host.name);
    fputs(", path ", lines->out);
    print_redacted(lines, redact_target, request->target.path);
}

static void
print_stages(const struct lines *lines)
{
    for (size_t i = 0; i < EXPLAIN_STAGE_COUNT; i++) {
        const struct explain_verdict *verdict = &lines->explanation->stages[i];
        print_label(lines, explain_stage_word((enum explain_stage)i));
        print_verdict(lines, verdict);
        if (verdict->outcome == EXPLAIN_PASS && i == EXPLAIN_TARGET)
            print_target(lines);
        if (verdict->outcome == EXPLAIN_PASS && i == EXPLAIN_ROUTE)
            print_route(lines);
        fputc('\n', lines->out);
    }
}

/* ---- Modules ------------------------------------------------------------------------- */

static void
print_detail(const struct lines *lines, const char *what, struct str text)
{
    print_label(lines, "");
    fputs("  ", lines->out);
    fputs(what, lines->out);
    print_safe(lines, text);
    fputc('\n', lines->out);
}

/* Some of what is set are credentials of ours for the backend. */
static void
print_headers(const struct lines *lines, const char *what, const struct header *headers,
              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *value = redact_value_copy(headers[i].name, headers[i].value, lines->secret), *text;
        int len = asprintf(&text, STR_FMT ": %s", STR_ARG(headers[i].name), value ? value : "");
        if (len != -1)
            print_detail(lines, what, (struct str){text, (size_t)len});
        free(len != -1 ? text : NULL);
        free(value);
    }
}

/* Who it is, and why: a refusal has these too. */
static void
print_labels(const struct lines *lines, const struct explain_findings *found)
{
    if (found->issuer.at != NULL)
        print_detail(lines, "issuer: ", found->issuer);
    if (found->subject.at != NULL)
        print_detail(lines, "subject: ", found->subject);
    print_headers(lines, "labels: ", found->labels, found->label_count);
}

static void
print_findings(const struct lines *lines, const struct explain_findings *found)
{
    char text[256];

    for (size_t i = 0; i < found->strip_count; i++) {
        snprintf(text, sizeof(text), "%s %s", explain_source_word(found->strips[i].source),
                 found->strips[i].name);
        print_detail(lines, "takes out: ", str_of(text));
    }
    if (found->stripped_protocols != 0) /* not which: they may be credentials */
        print_detail(lines, "takes out: ", str_of(explain_source_word(MW_SUBPROTOCOL)));
    print_labels(lines, found);
    print_headers(lines, "claims: ", found->claims, found->claim_count);
    print_headers(lines, "sets: ", found->forwards, found->forward_count);
    if (found->deadline_wall_ms != INT64_MAX) {
        char time[EXPLAIN_TIME_MAX];
        explain_time(found->deadline_wall_ms, time);
        print_detail(lines, "ends the tunnel at ", str_of(time));
    }
}

/* "  any_of", "not office (ip_allowlist)", "users (jwt), dry run". */
static size_t
name_entry(const struct lines *lines, size_t at, char *text, size_t size)
{
    const struct require_node *node = &lines->explanation->request->route->require[at];
    const struct instance_settings *instance = lines->explanation->entries[at].instance;
    int indent = 2 * ((int)node->depth - 1), len;

    if (instance == NULL)
        len = snprintf(text, size, "%*s%s", indent, "", explain_group_word(node->kind));
    else
        len = snprintf(text, size, "%*s%s%s (%s)%s", indent, "",
                       node->kind == REQUIRE_NOT ? "not " : "", instance->name,
                       instance->module->name, instance->dry_run ? ", dry run" : "");
    return (size_t)len;
}

/* What `not` and a dry run have turned into the verdict. */
static void
print_said(const struct lines *lines, const struct answer *said)
{
    fputs("; it says ", lines->out);
    if (said->reason == REASON_NONE)
        fputs("pass", lines->out);
    else
        print_refusal(lines, said);
}

static void
print_entry(const struct lines *lines, size_t at)
{
    const struct explain_entry *entry = &lines->explanation->entries[at];
    const struct require_node *node = &lines->explanation->request->route->require[at];
    bool is_own = node->kind == REQUIRE_ONE && !entry->instance->dry_run;
    char name[256];

    (void)name_entry(lines, at, name, sizeof(name));
    print_label(lines, name);
    print_verdict(lines, &entry->verdict);
    if (entry->instance != NULL && !is_own)
        print_said(lines, &entry->said);
    fputc('\n', lines->out);
    if (is_own && entry->verdict.outcome == EXPLAIN_PASS)
        print_findings(lines, &entry->findings);
    else if (is_own)
        print_labels(lines, &entry->findings);
}

static void
print_modules(const struct lines *lines)
{
    for (size_t i = 1; i < lines->explanation->entry_count; i++)
        print_entry(lines, i);
}

/* ---- The outcome ------------------------------------------------------------------------ */

static void
print_head(const struct lines *lines, bool is_request)
{
    struct str rest = text_str(&lines->explanation->output), line;

    for (bool first = true; explain_next_line(&rest, &line); first = false) {
        fputs("    ", lines->out);
        if (first && !is_request)
            print_safe(lines, line);
        else
            print_redacted(lines, first ? redact_request_line : redact_field, line);
        fputc('\n', lines->out);
    }
    if (rest.len == 0)
        return;
    fputc('\n', lines->out);
    while (explain_next_line(&rest, &line)) {
        fputs("    ", lines->out);
        print_safe(lines, line);
        fputc('\n', lines->out);
    }
}

static void
print_backend(const struct lines *lines)
{
    const struct backend_settings *backend = lines->explanation->request->route->backend;

    fprintf(lines->out, "let in\n\nThe backend %s (", backend->name);
    for (size_t i = 0; i < backend->server_count; i++)
        fprintf(lines->out, "%s%s", i == 0 ? "" : ", ", backend->servers[i].text);
    fputs(") would be sent:\n\n", lines->out);
    print_head(lines, true);
}

static int
first_column(const struct lines *lines)
{
    size_t width = strlen("handshake");

    for (size_t i = 1; i < lines->explanation->entry_count; i++) {
        size_t len = name_entry(lines, i, NULL, 0);
        width = len > width ? len : width;
    }
    return (int)width;
}

void
explain_report_lines(FILE *out, const struct explanation *explanation, struct str secret)
{
    struct lines lines = {out, explanation, secret, 0};
    const struct answer *answer = &explanation->answer;

    lines.width = first_column(&lines);
    print_question(&lines);
    print_stages(&lines);
    print_modules(&lines);
    print_label(&lines, "verdict");
    if (explanation->let_in) {
        print_backend(&lines);
        return;
    }
    if (explanation_is_unknown(answer)) {
        fprintf(out, "unknown, to %s: %s\n", answer->module, answer->detail);
        return;
    }
    fprintf(out, "refused: %u %s", refusal_status(answer), refusal_word(answer));
    if (answer->module != NULL)
        fprintf(out, ", by %s", answer->module);
    fputs("\n\nThe client would be answered:\n\n", out);
    print_head(&lines, false);
    if (answer->close_code != 0)
        fprintf(out, "\n    Close %u %s\n", answer->close_code, refusal_word(answer));
}
