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
    bool all_headers;
    json_t *json; /* NULL: lines */
    bool quiet;   /* one of many: nothing is printed, the object is for a summary */
};

/* How long each phase took; 0: it did not come to that. */
struct probe_times {
    uint64_t connect_us, tls_us, handshake_us, first_message_us;
};

enum { PROBE_PHASE_COUNT = 4 };

struct probe_phase {
    const char *word, *key; /* for people, for JSON */
    size_t offset;          /* in struct probe_times */
};

extern const struct probe_phase probe_phases[PROBE_PHASE_COUNT];
uint64_t probe_time_us(const struct probe_times *times, size_t phase);

/* Of `report` all but json is set; as_json: an object is made. false: out of memory. */
bool probe_report_begin(struct probe_report *report, bool as_json, const char *url) MUST_CHECK;
void probe_report_tls(struct probe_report *report, const struct ws_tls_facts *facts);
/* The status line and the fields that say something; of a refusal, all but those about framing. */
void probe_report_head(struct probe_report *report, const struct http_head *head);
void probe_report_body(struct probe_report *report, struct str body);
void probe_report_sent(struct probe_report *report, struct str text);
void probe_report_received(struct probe_report *report, const struct ws_client_event *message);
void probe_report_close(struct probe_report *report, const struct ws_client_event *close,
                        double seconds);
void probe_report_end(struct probe_report *report, bool reset, double seconds);
void probe_report_error(struct probe_report *report, const char *format, ...) PRINTF_LIKE(2, 3);
void probe_report_times(struct probe_report *report, const struct probe_times *times);
/* result: "connected", "refused" or "failed". */
void probe_report_finish(struct probe_report *report, const char *result);
void probe_report_free(struct probe_report *report);

#endif
