/* probe_report.c - see probe_report.h. json_object_set_new takes a NULL value as a failure and
 * leaves the member out: a report that runs out of memory is shorter, not wrong. */
#include "wsgatectl/probe_report.h"

#include "wsgatectl/safe_text.h"

#include <stdarg.h>
#include <stdlib.h>

enum { SHOWN_MAX = 4096 };

/* The fields that tell why; the others of an answer are for machines. */
static const char *const telling_fields[] = {
    "WWW-Authenticate",       "Allow",    "Retry-After",  "Upgrade",
    "Sec-WebSocket-Version",  "Location", "Content-Type", "X-Request-Id",
    "Sec-WebSocket-Protocol",
};

static void
set(struct probe_report *report, const char *key, json_t *value)
{
    (void)json_object_set_new(report->json, key, value);
}

bool
probe_report_begin(struct probe_report *report, bool json, const char *url)
{
    *report = (struct probe_report){.out = stdout};
    if (!json)
        return true;
    report->json = json_object();
    if (report->json)
        set(report, "url", safe_text_json(str_of(url)));
    return report->json;
}

/* ---- The head ---------------------------------------------------------------- */

static bool
is_telling(const struct http_head *head, struct str name)
{
    /* That it upgrades to websocket is what a 101 says anyway. */
    if (head->status == 101 && str_equal_nocase(name, STR("Upgrade")))
        return false;
    for (size_t i = 0; i < COUNT_OF(telling_fields); i++)
        if (str_equal_nocase(name, str_of(telling_fields[i])))
            return true;
    return false;
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
        if (!is_telling(head, head->fields[i].name))
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
    fflush(report->out);
    fprintf(stderr, "wsgatectl probe: %s\n", text);
}

void
probe_report_finish(struct probe_report *report, const char *result)
{
    if (report->json) {
        set(report, "result", json_string(result));
        (void)json_dumpf(report->json, report->out, JSON_INDENT(2));
        fputc('\n', report->out);
        json_decref(report->json);
        report->json = NULL;
    }
    fflush(report->out);
}
