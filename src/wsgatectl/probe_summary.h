/*
 * probe_summary.h - what came of many probes: how often what, and the times of each phase.
 */
#ifndef WSGATE_PROBE_SUMMARY_H
#define WSGATE_PROBE_SUMMARY_H

#include "wsgatectl/probe_report.h"

enum { PROBE_OUTCOMES_MAX = 16 };

/* "refused with 401", 3 times. */
struct probe_outcome {
    char text[160];
    unsigned times;
};

struct probe_summary {
    unsigned count, connected;
    struct probe_outcome outcomes[PROBE_OUTCOMES_MAX]; /* the last one takes what has no room */
    size_t outcome_count;
    struct probe_times *times; /* of each probe that was made */
    size_t times_count;
};

/* false: out of memory. probe_summary_free is due either way. */
bool probe_summary_begin(struct probe_summary *summary, unsigned count) MUST_CHECK;
/* report: the JSON object of a finished probe. At most count times. */
bool probe_summary_add(struct probe_summary *summary, const json_t *report,
                       const struct probe_times *times) MUST_CHECK;
/* Prints to standard output. true: every probe connected. */
bool probe_summary_print(struct probe_summary *summary, const char *url, bool json) MUST_CHECK;
void probe_summary_free(struct probe_summary *summary);

#endif
