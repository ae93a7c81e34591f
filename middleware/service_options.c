/* service_options.c - see service_options.h. */
#include "service_options.h"

#include "net/http_trust.h"
#include "protocol/service_url.h"

enum { TIMEOUT_MAX_MS = 60 * 1000 };

bool
service_ca_file_read(const char **ca_file, const struct mw_options *options,
                     const struct mw_host *host)
{
    const char *error;

    *ca_file = host->option_string(options, "ca_file");
    if (!*ca_file || http_trust_check(*ca_file, &error))
        return true;
    host->option_fault(options, "ca_file", 0, "%s", error);
    return false;
}

bool
service_options_read(struct service *service, const struct mw_options *options,
                     const struct mw_host *host)
{
    int64_t timeout_ms = host->option_integer(options, "timeout");
    const char *error;
    bool ok = true;

    service->url = host->option_string(options, "url");
    if (service->url && !service_url_check(service->url, &error)) {
        host->option_fault(options, "url", 0, "%s", error);
        ok = false;
    }
    if (service->url)
        service->name = (struct str){service->url, strcspn(service->url, "?")};
    ok = service_ca_file_read(&service->ca_file, options, host) && ok;
    service->timeout_ms = (uint64_t)timeout_ms;
    if (timeout_ms < 1 || timeout_ms > TIMEOUT_MAX_MS) {
        host->option_fault(options, "timeout", 0, "expected 1ms to 1m");
        ok = false;
    }
    return ok && service->url;
}
