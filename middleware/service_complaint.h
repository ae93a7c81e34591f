/*
 * service_complaint.h - lines in the error log about a service that fails: one every ten seconds,
 * however many handshakes fail for it.
 */
#ifndef WSGATE_SERVICE_COMPLAINT_H
#define WSGATE_SERVICE_COMPLAINT_H

#include "net/http_client.h"

#include <wsgate/middleware.h>

/* Zeroed: nothing was said yet. One thread's. */
struct service_complaint {
    uint64_t quiet_until_us;
};

/* name: the service's address without what may be secret in it; word: the fault's. */
void service_complain(struct service_complaint *complaint, const struct mw_host *host,
                      const char *module, struct str name, const char *word,
                      const struct http_answer *http);

#endif
