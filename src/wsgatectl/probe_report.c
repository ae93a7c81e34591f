/* probe_report.c - see probe_report.h. json_object_set_new takes a NULL value as a failure and
 * leaves the member out: a report that runs out of memory is shorter, not wrong. */
#include "wsgatectl/probe_report.h"

#include "wsgatectl/safe_text.h"

#include <stdarg.h>
#include <stdlib.h>

enum { SHOWN_MAX = 4096 };

/* Of a 101: what was agreed on. */
static const char *const telling_fields[] = {
    "WWW-Authenticate", "Location", "Content-Type", "X-Request-Id", "Sec-WebSocket-Protocol",
};

/* Of a refusal: what is about the transport of the answer alone. */
static const char *const framing_fields[] = {
    "Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding", "Date", "Cache-Control",
};

static void
set(struct probe_report *report, const char *key, json_t *value)
{
    (void)json_object_set_new(report->json, key, value);
}

bool
probe_report_begin(struct probe_report *report, bool as_json, const char *url)
{
    if (!as_json)
        return true;
    report->json = json_object();
    if (report->json)
        set(report, "url", safe_text_json(str_of(url)));
    return report->json;
}

/* ---- TLS ----------------------------------------------------------------------- */

static void
set_tls(struct probe_report *report, const struct ws_tls_facts *facts)
{
    json_t *object = json_object();

    (void)json_object_set_new(object, "version", json_string(facts->version));
    (void)json_object_set_new(object, "cipher", json_string(facts->cipher));
    (void)json_object_set_new(object, "subject", safe_text_json(str_of(facts->subject)));
    (void)json_object_set_new(object, "not_after", json_string(facts->not_after));
    (void)json_object_set_new(object, "trusted", json_boolean(!facts->fault));
    if (facts->fault)
        (void)json_object_set_new(object, "fault", json_string(facts->fault));
    set(report, "tls", object);
}

void
probe_report_tls(struct probe_report *report, const struct ws_tls_facts *facts)
{
    if (report->json) {
        set_tls(report, facts);
        return;
    }
    fprintf(report->out, "%s, %s, certificate ", facts->version, facts->cipher);
    safe_text_print(report->out, str_of(facts->subject), SHOWN_MAX);
    fprintf(report->out, " until %s%s%s\n", facts->not_after,
            facts->fault ? ", not trusted: " : "", facts->fault ? facts->fault : "");
}

/* ---- The head ---------------------------------------------------------------- */

static bool
is_listed(struct str name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(name, str_of(list[i])))
            return true;
    return false;
}

static bool
is_shown(const struct probe_report *report, const struct http_head *head, struct str name)
{
    if (report->all_headers)
        return true;
    return head->status == 101 ? is_listed(name, telling_fields, COUNT_OF(telling_fields))
                               : !is_listed(name, framing_fields, COUNT_OF(framing_fields));
}

/* An object by lower-case name; fields of one name become one list (RFC 9110 5.3). */
static json_t *
fields_json(const struct http_head *head)
{
    json_t *fields = json_object();

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];
        char *name = strndup(field->name.at, field->name.len);
        for (char *at = name; at && *at != '\0'; at++)
            *at |= *at >= 'A' && *at <= 'Z' ? 0x20 : 0;
        json_t *value = safe_text_json(field->value), *before = json_object_get(fields, name);
        if (before && value) {
            json_t *both =
                json_sprintf("%s, %s", json_string_value(before), json_string_value(value));
            json_decref(value);
            value = both;
        }
        (void)json_object_set_new(fields, name, value);
        free(name);
    }
    return fields;
}

void
probe_report_head(struct probe_report *report, const struct http_head *head)
{
    if (report->json) {
        set(report, "status", json_integer(head->status));
        set(report, "phrase", safe_text_json(head->phrase));
        set(report, "headers", fields_json(head));
        return;
    }
    fprintf(report->out, "HTTP/1.1 %u ", head->status);
    safe_text_print(report->out, head->phrase, SHOWN_MAX);
    fputc('\n', report->out);
    for (size_t i = 0; i < head->field_count; i++) {
        if (!is_shown(report, head, head->fields[i].name))
            continue;
        fprintf(report->out, STR_FMT ": ", STR_ARG(head->fields[i].name));
        safe_text_print(report->out, head->fields[i].value, SHOWN_MAX);
        fputc('\n', report->out);
    }
}

/* Line by line, so that a body of text looks as it was meant to. */
void
probe_report_body(struct probe_report *report, struct str body)
{
    if (report->json) {
        set(report, "body", safe_text_json(body));
        return;
    }
    while (body.len > 0) {
        const char *newline = memchr(body.at, '\n', body.len);
        size_t len = newline ? (size_t)(newline - body.at) : body.len;
        size_t shown = len > 0 && body.at[len - 1] == '\r' ? len - 1 : len;
        safe_text_print(report->out, (struct str){body.at, shown}, SHOWN_MAX);
        fputc('\n', report->out);
        len += newline ? 1 : 0;
        body = (struct str){body.at + len, body.len - len};
    }
}

/* ---- Messages and the end ------------------------------------------------------- */

void
probe_report_sent(struct probe_report *report, struct str text)
{
    if (report->json) {
        set(report, "sent", safe_text_json(text));
        return;
    }
    fputs("sent: ", report->out);
    safe_text_print(report->out, text, SHOWN_MAX);
    fputc('\n', report->out);
}

static void
add_received(struct probe_report *report, const struct ws_client_event *message)
{
    json_t *received = json_object_get(report->json, "received");
    json_t *entry = json_object();

    if (!received) {
        received = json_array();
        set(report, "received", received);
    }
    if (message->kind == WS_CLIENT_TEXT)
        (void)json_object_set_new(entry, "text", safe_text_json(message->payload));
    (void)json_object_set_new(entry, "bytes", json_integer((json_int_t)message->payload.len));
    (void)json_array_append_new(received, entry);
}

void
probe_report_received(struct probe_report *report, const struct ws_client_event *message)
{
    if (report->json) {
        add_received(report, message);
    } else if (message->kind == WS_CLIENT_TEXT) {
        fputs("received: ", report->out);
        safe_text_print(report->out, message->payload, SHOWN_MAX);
        fputc('\n', report->out);
    } else {
        fprintf(report->out, "received: a binary message of %zu bytes\n", message->payload.len);
    }
    fflush(report->out);
}

void
probe_report_close(struct probe_report *report, const struct ws_client_event *close, double seconds)
{
    if (report->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "code", json_integer(close->code));
        (void)json_object_set_new(object, "reason", safe_text_json(close->payload));
        (void)json_object_set_new(object, "after_seconds", json_real(seconds));
        set(report, "close", object);
        return;
    }
    fputs("closed with ", report->out);
    if (close->code == WS_CLIENT_CLOSE_NONE)
        fputs("no code", report->out);
    else
        fprintf(report->out, "%u", close->code);
    if (close->payload.len > 0) {
        fputs(" (", report->out);
        safe_text_print(report->out, close->payload, SHOWN_MAX);
        fputc(')', report->out);
    }
    fprintf(report->out, " after %.1f s\n", seconds);
}

void
probe_report_end(struct probe_report *report, bool reset, double seconds)
{
    if (report->json) {
        set(report, "ended_after_seconds", json_real(seconds));
        set(report, "reset", json_boolean(reset));
    } else {
        fprintf(report->out, "connection %s after %.1f s, without a Close frame\n",
                reset ? "reset" : "ended", seconds);
    }
}

void
probe_report_error(struct probe_report *report, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (report->json)
        set(report, "error", safe_text_json(str_of(text)));
    if (report->quiet)
        return;
    fflush(report->out);
    fprintf(stderr, "wsgatectl probe: %s\n", text);
}

/* ---- Times and the end ------------------------------------------------------------ */

const struct probe_phase probe_phases[PROBE_PHASE_COUNT] = {
    {"connect", "connect", offsetof(struct probe_times, connect_us)},
    {"tls", "tls", offsetof(struct probe_times, tls_us)},
    {"handshake", "handshake", offsetof(struct probe_times, handshake_us)},
    {"first message", "first_message", offsetof(struct probe_times, first_message_us)},
};

uint64_t
probe_time_us(const struct probe_times *times, size_t phase)
{
    return *(const uint64_t *)((const char *)times + probe_phases[phase].offset);
}

static void
set_times(struct probe_report *report, const struct probe_times *times)
{
    json_t *object = json_object();

    for (size_t i = 0; i < PROBE_PHASE_COUNT; i++)
        if (probe_time_us(times, i) != 0)
            (void)json_object_set_new(object, probe_phases[i].key,
                                      json_real((double)probe_time_us(times, i) / 1000));
    set(report, "timing_ms", object);
}

void
probe_report_times(struct probe_report *report, const struct probe_times *times)
{
    const char *between = "timing: ";

    if (report->json) {
        set_times(report, times);
        return;
    }
    for (size_t i = 0; i < PROBE_PHASE_COUNT; i++) {
        if (probe_time_us(times, i) == 0)
            continue;
        fprintf(report->out, "%s%s %.2f ms", between, probe_phases[i].word,
                (double)probe_time_us(times, i) / 1000);
        between = ", ";
    }
    if (between[0] == ',')
        fputc('\n', report->out);
}

void
probe_report_finish(struct probe_report *report, const char *result)
{
    if (report->json)
        set(report, "result", json_string(result));
    if (report->json && !report->quiet) {
        (void)safe_text_dump(report->out, report->json, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        fputc('\n', report->out);
    }
    fflush(report->out);
}

void
probe_report_free(struct probe_report *report)
{
    json_decref(report->json);
    report->json = NULL;
}
