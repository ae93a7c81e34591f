/* probe_summary.c - see probe_summary.h. Times are kept whole: a median needs all of them. */
#include "wsgatectl/probe_summary.h"

#include "wsgatectl/safe_text.h"

#include <stdlib.h>
#include <string.h>

struct spread {
    size_t count;
    double min_ms, median_ms, max_ms;
};

bool
probe_summary_begin(struct probe_summary *summary, unsigned count)
{
    *summary = (struct probe_summary){.count = count};
    summary->times = calloc(count, sizeof(*summary->times));
    return summary->times;
}

void
probe_summary_free(struct probe_summary *summary)
{
    free(summary->times);
    summary->times = NULL;
}

/* ---- Adding ------------------------------------------------------------------ */

static void
count_outcome(struct probe_summary *summary, const char *text)
{
    struct probe_outcome *outcome = summary->outcomes;
    struct probe_outcome *end = outcome + summary->outcome_count;

    while (outcome < end && strncmp(outcome->text, text, sizeof(outcome->text) - 1) != 0)
        outcome++;
    if (outcome == end && summary->outcome_count < PROBE_OUTCOMES_MAX) {
        bool last = ++summary->outcome_count == PROBE_OUTCOMES_MAX;
        snprintf(outcome->text, sizeof(outcome->text), "%s", last ? "something else" : text);
    } else if (outcome == end) {
        outcome--;
    }
    outcome->times++;
}

bool
probe_summary_add(struct probe_summary *summary, const json_t *report,
                  const struct probe_times *times)
{
    const char *result = json_string_value(json_object_get(report, "result"));
    const char *error = json_string_value(json_object_get(report, "error"));
    char text[sizeof(summary->outcomes->text)];

    if (!result)
        return false;
    summary->times[summary->times_count++] = *times;
    if (strcmp(result, "connected") == 0) {
        summary->connected++;
        snprintf(text, sizeof(text), "connected");
    } else if (strcmp(result, "refused") == 0) {
        snprintf(text, sizeof(text), "refused with %d",
                 (int)json_integer_value(json_object_get(report, "status")));
    } else {
        snprintf(text, sizeof(text), "failed: %s", error ? error : "for a reason unknown");
    }
    count_outcome(summary, text);
    return true;
}

/* ---- Times --------------------------------------------------------------------- */

static int
compare_times(const void *one, const void *other)
{
    const uint64_t *a = one, *b = other;

    return *a < *b ? -1 : *a > *b;
}

/* Of the probes that came to that phase. false: out of memory. */
static bool
measure(const struct probe_summary *summary, size_t phase, struct spread *spread)
{
    uint64_t *sorted = calloc(summary->times_count + 1, sizeof(*sorted));
    size_t count = 0;

    *spread = (struct spread){.count = 0};
    if (!sorted)
        return false;
    for (size_t i = 0; i < summary->times_count; i++) {
        uint64_t us = probe_time_us(&summary->times[i], phase);
        if (us != 0)
            sorted[count++] = us;
    }
    if (count > 0) {
        qsort(sorted, count, sizeof(*sorted), compare_times);
        *spread = (struct spread){
            count, (double)sorted[0] / 1000,
            ((double)sorted[(count - 1) / 2] + (double)sorted[count / 2]) / 2000,
            (double)sorted[count - 1] / 1000};
    }
    free(sorted);
    return true;
}

/* ---- Printing -------------------------------------------------------------------- */

static bool
print_lines(const struct probe_summary *summary)
{
    bool is_titled = false;
    struct spread spread;

    printf("%u probes\n", summary->count);
    for (size_t i = 0; i < summary->outcome_count; i++) {
        printf("%6u  ", summary->outcomes[i].times);
        safe_text_print(stdout, str_of(summary->outcomes[i].text), sizeof(summary->outcomes->text));
        putchar('\n');
    }
    for (size_t i = 0; i < PROBE_PHASE_COUNT; i++) {
        if (!measure(summary, i, &spread))
            return false;
        if (spread.count == 0)
            continue;
        if (!is_titled)
            printf("\n%-14s %7s %10s %10s %10s\n", "milliseconds", "probes", "min", "median",
                   "max");
        is_titled = true;
        printf("%-14s %7zu %10.2f %10.2f %10.2f\n", probe_phases[i].word, spread.count,
               spread.min_ms, spread.median_ms, spread.max_ms);
    }
    return true;
}

static json_t *
outcomes_json(const struct probe_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->outcome_count; i++)
        (void)json_array_append_new(
            list, json_pack("{s:o*, s:i}", "outcome",
                            safe_text_json(str_of(summary->outcomes[i].text)), "times",
                            (int)summary->outcomes[i].times));
    return list;
}

static json_t *
times_json(const struct probe_summary *summary)
{
    json_t *object = json_object();
    struct spread spread;

    for (size_t i = 0; i < PROBE_PHASE_COUNT; i++)
        if (measure(summary, i, &spread) && spread.count > 0)
            (void)json_object_set_new(object, probe_phases[i].key,
                                      json_pack("{s:I, s:f, s:f, s:f}", "probes",
                                                (json_int_t)spread.count, "min", spread.min_ms,
                                                "median", spread.median_ms, "max", spread.max_ms));
    return object;
}

static bool
print_json(const struct probe_summary *summary, const char *url)
{
    json_t *object = json_pack("{s:o*, s:i, s:i, s:o*, s:o*}", "url", safe_text_json(str_of(url)),
                               "probes", (int)summary->count, "connected", (int)summary->connected,
                               "outcomes", outcomes_json(summary), "timing_ms",
                               times_json(summary));
    bool printed =
        object && safe_text_dump(stdout, object, JSON_INDENT(2) | JSON_REAL_PRECISION(6));

    putchar('\n');
    json_decref(object);
    return printed;
}

bool
probe_summary_print(struct probe_summary *summary, const char *url, bool json)
{
    bool printed = json ? print_json(summary, url) : print_lines(summary);

    return printed && summary->connected == summary->count;
}
