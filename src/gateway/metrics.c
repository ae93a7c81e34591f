/* metrics.c - counters of one worker; see metrics.h. */
#include "gateway/metrics.h"

#include <stddef.h>
#include <string.h>

void
metrics_count(struct metrics *metrics, const char *module, const char *word, uint64_t n)
{
    for (size_t i = 0; i < METRICS_MODULE_COUNTERS_MAX; i++) {
        struct module_counter *counter = &metrics->modules[i];
        if (counter->module == NULL)
            *counter = (struct module_counter){module, word, 0};
        if (strcmp(counter->module, module) == 0 && strcmp(counter->word, word) == 0) {
            counter->n += n;
            return;
        }
    }
    metrics->counts_lost++;
}

void
metrics_add(struct metrics *sum, const struct metrics *metrics)
{
#define M(name) sum->name += metrics->name;
    METRICS(M)
#undef M
    for (size_t i = 0; i < REASON_COUNT; i++)
        sum->reasons[i] += metrics->reasons[i];
    for (size_t i = 0; i < METRICS_MODULE_COUNTERS_MAX && metrics->modules[i].module; i++)
        metrics_count(sum, metrics->modules[i].module, metrics->modules[i].word,
                      metrics->modules[i].n);
}
