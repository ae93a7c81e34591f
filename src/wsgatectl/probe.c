/*
 * probe.c - `wsgatectl probe`: opens a WebSocket as a client would and says what happened.
 *
 * The steps, in order: the handshake, the message that should come back, then
 * either waiting for the other side's end or a Close of ours. The options are
 * probe_options.c's, the words probe_report.c's, the protocol ws_client.c's.
 */
#include "wsgatectl/probe.h"

#include "base/clock.h"
#include "wsgatectl/probe_options.h"
#include "wsgatectl/probe_report.h"

#include <stdlib.h>

enum { EXIT_CONNECTED = 0, EXIT_NOT_CONNECTED = 1, EXIT_USAGE = 2, BODY_SHOWN_MAX = 4096 };

struct probe {
    struct probe_options options;
    struct probe_report report;
    struct ws_client *client;
    uint64_t opened_us;
};

static uint64_t
deadline_after(uint64_t us)
{
    return clock_monotonic_us() + us;
}

static double
seconds_open(const struct probe *probe)
{
    return (double)(clock_monotonic_us() - probe->opened_us) / 1e6;
}

/* ---- The handshake ------------------------------------------------------------ */

static const char *
report_refusal(struct probe *probe)
{
    char body[BODY_SHOWN_MAX];
    uint64_t deadline_us = deadline_after(probe->options.timeout_us);

    probe_report_head(&probe->report, &probe->client->head);
    size_t len = ws_client_body(probe->client, body, sizeof(body), deadline_us);
    probe_report_body(&probe->report, (struct str){body, len});
    return "refused";
}

static const char *
report_failure(struct probe *probe)
{
    if (probe->client->head.status != 0)
        probe_report_head(&probe->report, &probe->client->head);
    probe_report_error(&probe->report, "%s", probe->client->error);
    return "failed";
}

/* NULL: connected; else how it ended. */
static const char *
open_connection(struct probe *probe)
{
    const struct probe_options *options = &probe->options;
    const struct ws_client_request request = {
        .url = &options->url,
        .bind_address = options->bind_address,
        .origin = options->origin,
        .token = options->token,
        .protocols = options->protocols,
        .protocol_count = options->protocol_count,
        .fields = options->fields,
        .field_count = options->field_count,
        .has_host = options->has_host,
    };

    switch (ws_client_open(probe->client, &request, deadline_after(options->timeout_us))) {
    case WS_CLIENT_OPEN:
        probe->opened_us = clock_monotonic_us();
        probe_report_head(&probe->report, &probe->client->head);
        return NULL;
    case WS_CLIENT_REFUSED:
        return report_refusal(probe);
    case WS_CLIENT_FAILED:
        break;
    }
    return report_failure(probe);
}

/* ---- The tunnel ----------------------------------------------------------------- */

/* An event that is no message. false: it is an end that nobody asked for. */
static bool
report_end(struct probe *probe, const struct ws_client_event *event)
{
    switch (event->kind) {
    case WS_CLIENT_CLOSE:
        probe_report_close(&probe->report, event, seconds_open(probe));
        return true;
    case WS_CLIENT_END:
        probe_report_end(&probe->report, event->reset, seconds_open(probe));
        return true;
    case WS_CLIENT_BROKEN:
        probe_report_error(&probe->report, "the other side sent %s", probe->client->error);
        return false;
    case WS_CLIENT_TIMEOUT:
    case WS_CLIENT_TEXT:
    case WS_CLIENT_BINARY:
        break;
    }
    return false;
}

static bool
is_message(const struct ws_client_event *event)
{
    return event->kind == WS_CLIENT_TEXT || event->kind == WS_CLIENT_BINARY;
}

/* Sends the text and reads until it comes back; what else comes is shown. */
static bool
echo_text(struct probe *probe, struct str text)
{
    uint64_t deadline_us = deadline_after(probe->options.timeout_us);
    struct ws_client_event event;

    if (!ws_client_send_text(probe->client, text, deadline_us)) {
        probe_report_error(&probe->report, "%s", probe->client->error);
        return false;
    }
    probe_report_sent(&probe->report, text);
    while (event = ws_client_receive(probe->client, deadline_us), is_message(&event)) {
        probe_report_received(&probe->report, &event);
        if (event.kind == WS_CLIENT_TEXT && str_equal(event.payload, text))
            return true;
    }
    (void)report_end(probe, &event);
    if (event.kind == WS_CLIENT_TIMEOUT)
        probe_report_error(&probe->report, "the message did not come back in time");
    else if (event.kind != WS_CLIENT_BROKEN)
        probe_report_error(&probe->report, "the message did not come back");
    return false;
}

/* After a Close has gone both ways: the server's part is to end the connection first. */
static void
wait_for_fin(struct probe *probe)
{
    uint64_t deadline_us = deadline_after(probe->options.timeout_us);
    struct ws_client_event event;

    do
        event = ws_client_receive(probe->client, deadline_us);
    while (is_message(&event) || event.kind == WS_CLIENT_CLOSE);
}

static bool
wait_for_end(struct probe *probe)
{
    const struct probe_options *options = &probe->options;
    uint64_t deadline_us = options->wait_us == 0 ? 0 : deadline_after(options->wait_us);
    struct ws_client_event event;

    while (event = ws_client_receive(probe->client, deadline_us), is_message(&event))
        probe_report_received(&probe->report, &event);
    if (event.kind == WS_CLIENT_TIMEOUT)
        probe_report_error(&probe->report, "still open after %.1f s", seconds_open(probe));
    if (!report_end(probe, &event))
        return false;
    if (event.kind == WS_CLIENT_CLOSE)
        wait_for_fin(probe);
    return true;
}

/* The probe has seen what it wanted: how the farewell goes changes nothing. */
static void
close_connection(struct probe *probe)
{
    uint64_t deadline_us = deadline_after(probe->options.timeout_us);
    struct ws_client_event event = {.kind = WS_CLIENT_END, .reset = true};

    if (ws_client_send_close(probe->client, 1000, deadline_us))
        do
            event = ws_client_receive(probe->client, deadline_us);
        while (is_message(&event));
    if (event.kind == WS_CLIENT_TIMEOUT)
        probe_report_error(&probe->report, "our Close was not answered in time");
    if (report_end(probe, &event) && event.kind == WS_CLIENT_CLOSE)
        wait_for_fin(probe);
}

static const char *
run(struct probe *probe)
{
    const struct probe_options *options = &probe->options;
    const char *result = open_connection(probe);

    if (result)
        return result;
    if (options->send && !echo_text(probe, str_of(options->send)))
        return "failed";
    if (options->wait_close)
        return wait_for_end(probe) ? "connected" : "failed";
    close_connection(probe);
    return "connected";
}

int
probe_run(int argc, char **argv)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    int status = EXIT_NOT_CONNECTED;

    if (!probe)
        return EXIT_NOT_CONNECTED;
    if (!probe_options_parse(&probe->options, argc, argv)) {
        status = EXIT_USAGE;
    } else if (probe->options.help) {
        status = EXIT_CONNECTED;
    } else if ((probe->client = ws_client_new()) &&
               probe_report_begin(&probe->report, probe->options.json, probe->options.url_text)) {
        const char *result = run(probe);
        probe_report_finish(&probe->report, result);
        if (strcmp(result, "connected") == 0)
            status = EXIT_CONNECTED;
    }
    ws_client_free(probe->client);
    free(probe);
    return status;
}
