/*
 * probe.c - `wsgatectl probe`: opens a WebSocket as a client would and says what happened.
 *
 * The steps, in order: the handshake, the message that should come back, then
 * either waiting for the other side's end or a Close of ours. The options are
 * probe_options.c's, the words probe_report.c's, the protocol ws_client.c's.
 */
#include "wsgatectl/probe.h"

#include "base/clock.h"
#include "wsgatectl/command.h"
#include "wsgatectl/probe_options.h"
#include "wsgatectl/probe_report.h"
#include "wsgatectl/probe_summary.h"

#include <signal.h>
#include <stdlib.h>

enum { BODY_SHOWN_MAX = 4096 };

struct probe {
    struct probe_options options;
    struct probe_report report;
    struct ws_client *client;
    struct probe_times times;
    uint64_t opened_us;  /* when the 101 was there */
    uint64_t waiting_us; /* since when the first message is waited for */
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

static void
report_opening(struct probe *probe)
{
    const struct ws_client_times *times = &probe->client->times;
    struct ws_tls_facts facts;

    probe->times = (struct probe_times){.connect_us = times->connect_us,
                                        .tls_us = times->tls_us,
                                        .handshake_us = times->handshake_us};
    if (times->tls_us == 0)
        return;
    ws_tls_tell(&probe->client->sock, &facts);
    probe_report_tls(&probe->report, &facts);
}

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
        .unix_socket = options->unix_socket,
        .bind_address = options->bind_address,
        .tls = options->tls,
        .given = {.origin = options->origin,
                  .token = options->token.token,
                  .protocols = options->protocols,
                  .protocol_count = options->protocol_count,
                  .fields = options->fields,
                  .field_count = options->field_count},
        .has_host = options->has_host,
    };

    enum ws_client_open opened =
        ws_client_open(probe->client, &request, deadline_after(options->timeout_us));
    report_opening(probe);
    switch (opened) {
    case WS_CLIENT_OPEN:
        probe->opened_us = probe->waiting_us = clock_monotonic_us();
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

/* Let in for as long as it takes to say no: a gateway that refuses with a Close frame, for browsers
 * to see. A tunnel that was waited for may well end so. */
static bool
is_refusal(const struct probe *probe, const struct ws_client_event *event)
{
    static const unsigned codes[] = {4401, 4403, 4429, 1011, 1013};

    if (event->kind != WS_CLIENT_CLOSE || probe->times.first_message_us != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (event->code == codes[i])
            return true;
    return false;
}

static bool
is_message(const struct ws_client_event *event)
{
    return event->kind == WS_CLIENT_TEXT || event->kind == WS_CLIENT_BINARY;
}

static void
report_message(struct probe *probe, const struct ws_client_event *event)
{
    uint64_t took_us = clock_monotonic_us() - probe->waiting_us;

    if (probe->times.first_message_us == 0)
        probe->times.first_message_us = took_us != 0 ? took_us : 1;
    probe_report_received(&probe->report, event);
}

/* Sends the text and reads until it comes back; what else comes is shown. NULL: it came. */
static const char *
echo_text(struct probe *probe, struct str text)
{
    uint64_t deadline_us = deadline_after(probe->options.timeout_us);
    struct ws_client_event event;

    probe->waiting_us = clock_monotonic_us();
    if (!ws_client_send_text(probe->client, text, deadline_us)) {
        probe_report_error(&probe->report, "%s", probe->client->error);
        return "failed";
    }
    probe_report_sent(&probe->report, text);
    while (event = ws_client_receive(probe->client, deadline_us), is_message(&event)) {
        report_message(probe, &event);
        if (event.kind == WS_CLIENT_TEXT && str_equal(event.payload, text))
            return NULL;
    }
    (void)report_end(probe, &event);
    if (is_refusal(probe, &event))
        return "refused";
    if (event.kind == WS_CLIENT_TIMEOUT)
        probe_report_error(&probe->report, "the message did not come back in time");
    else if (event.kind != WS_CLIENT_BROKEN)
        probe_report_error(&probe->report, "the message did not come back");
    return "failed";
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
        report_message(probe, &event);
    if (event.kind == WS_CLIENT_TIMEOUT)
        probe_report_error(&probe->report, "still open after %.1f s", seconds_open(probe));
    if (!report_end(probe, &event))
        return false;
    if (event.kind == WS_CLIENT_CLOSE)
        wait_for_fin(probe);
    return true;
}

/* The probe has seen what it wanted: how the farewell goes changes nothing, unless it was none. */
static const char *
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
    return is_refusal(probe, &event) ? "refused" : "connected";
}

static const char *
run(struct probe *probe)
{
    const struct probe_options *options = &probe->options;
    const char *result = open_connection(probe);

    if (result)
        return result;
    if (options->send)
        result = echo_text(probe, str_of(options->send));
    if (result)
        return result;
    if (options->wait_close)
        return wait_for_end(probe) ? "connected" : "failed";
    return close_connection(probe);
}

/* ---- Once, and many times --------------------------------------------------------- */

/* false: out of memory. With a summary nothing is printed. */
static bool
run_once(struct probe *probe, struct probe_summary *summary, bool *connected)
{
    const struct probe_options *options = &probe->options;

    probe->report = (struct probe_report){
        .out = stdout, .all_headers = options->all_headers, .quiet = summary != NULL};
    probe->client = ws_client_new();
    bool ready = probe->client && probe_report_begin(&probe->report, options->json || summary,
                                                     options->url_text);
    if (ready) {
        const char *result = run(probe);
        *connected = strcmp(result, "connected") == 0;
        if (options->timing || options->json)
            probe_report_times(&probe->report, &probe->times);
        probe_report_finish(&probe->report, result);
    }
    if (ready && summary)
        ready = probe_summary_add(summary, probe->report.json, &probe->times);
    probe_report_free(&probe->report);
    ws_client_free(probe->client);
    return ready;
}

static int
run_many(struct probe *probe)
{
    struct probe_summary summary;
    bool connected, ready = probe_summary_begin(&summary, probe->options.count);

    for (unsigned i = 0; ready && i < probe->options.count; i++)
        ready = run_once(probe, &summary, &connected);
    bool all = ready && probe_summary_print(&summary, probe->options.url_text,
                                            probe->options.json);
    probe_summary_free(&summary);
    return all ? COMMAND_OK : COMMAND_REFUSED;
}

static int
run_as_told(struct probe *probe)
{
    bool connected = false;

    /* OpenSSL writes to a socket without MSG_NOSIGNAL. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (probe->options.count > 1)
        return run_many(probe);
    return run_once(probe, NULL, &connected) && connected ? COMMAND_OK : COMMAND_REFUSED;
}

int
probe_run(int argc, char **argv)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    int status = COMMAND_REFUSED;

    if (!probe)
        return status;
    switch (probe_options_parse(&probe->options, argc, argv)) {
    case OPTIONS_TAKEN:
        status = run_as_told(probe);
        break;
    case OPTIONS_HELPED:
        status = COMMAND_OK;
        break;
    case OPTIONS_WRONG:
        status = COMMAND_USAGE;
        break;
    }
    free(probe);
    return status;
}
