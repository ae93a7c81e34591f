/* service_complaint.c - see service_complaint.h. */
#include "service_complaint.h"

#include "base/clock.h"

/* Between two lines. */
#define QUIET_US UINT64_C(10000000)

void
service_complain(struct service_complaint *complaint, const struct mw_host *host,
                 const char *module, struct str name, const char *word,
                 const struct http_answer *http)
{
    uint64_t now_us = clock_monotonic_us();

    if (now_us < complaint->quiet_until_us)
        return;
    complaint->quiet_until_us = now_us + QUIET_US;
    if (http->outcome == HTTP_ANSWERED)
        host->log(host, MW_LOG_WARNING, module, STR_FMT ": %s, status %u", STR_ARG(name), word,
                  http->status);
    else
        host->log(host, MW_LOG_WARNING, module, STR_FMT ": %s, %s: %s", STR_ARG(name), word,
                  http_outcome_word(http->outcome), http->error);
}
