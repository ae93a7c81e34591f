/* service_fault.c - see service_fault.h. */
#include "service_fault.h"

static const int statuses[] = {
#define X(name, word, status) [SERVICE_##name] = (status),
    SERVICE_FAULTS(X)
#undef X
};

int
service_fault_status(enum service_fault fault)
{
    return statuses[fault];
}

bool
service_fault_is_the_services(enum service_fault fault)
{
    return fault != SERVICE_NONE && fault != SERVICE_FULL && fault != SERVICE_INTERNAL;
}

enum service_fault
service_fault_of(const struct http_answer *http)
{
    if (http->outcome == HTTP_ANSWERED)
        return SERVICE_NONE;
    if (http->outcome == HTTP_TIMEOUT)
        return SERVICE_TIMEOUT;
    return http->outcome == HTTP_TOO_LARGE ? SERVICE_GARBLED : SERVICE_UNREACHABLE;
}
