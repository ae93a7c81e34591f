/*
 * probe_report.h - what a probe saw, as lines for people or as one JSON object.
 *
 * Lines go out as things happen; the object at the end. Everything that came
 * from the other side is made safe first.
 */
#ifndef WSGATE_PROBE_REPORT_H
#define WSGATE_PROBE_REPORT_H

#include "base/compiler.h"
#include "protocol/http_head.h"
#include "wsgatectl/ws_client.h"

#include <jansson.h>
#include <stdio.h>

struct probe_report {
    FILE *out;
    json_t *json; /* NULL: lines */
};

/* false: out of memory. */
bool probe_report_begin(struct probe_report *report, bool json, const char *url) MUST_CHECK;
/* The status line and the fields that say something. */
void probe_report_head(struct probe_report *report, const struct http_head *head);
void probe_report_body(struct probe_report *report, struct str body);
void probe_report_sent(struct probe_report *report, struct str text);
void probe_report_received(struct probe_report *report, const struct ws_client_event *message);
void probe_report_close(struct probe_report *report, const struct ws_client_event *close,
                        double seconds);
void probe_report_end(struct probe_report *report, bool reset, double seconds);
void probe_report_error(struct probe_report *report, const char *format, ...) PRINTF_LIKE(2, 3);
/* result: "connected", "refused" or "failed". Frees. */
void probe_report_finish(struct probe_report *report, const char *result);

#endif
