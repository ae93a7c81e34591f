/*
 * service_options.h - the service that a module asks over HTTP: its address, who vouches for it,
 * and how long an answer may take. For all modules that ask one.
 *
 * Strings belong to the configuration.
 */
#ifndef WSGATE_SERVICE_OPTIONS_H
#define WSGATE_SERVICE_OPTIONS_H

#include "base/compiler.h"
#include "base/str.h"

#include <wsgate/middleware.h>

struct service {
    const char *url;
    struct str name;     /* the address without its query, for messages */
    const char *ca_file; /* NULL: the system's */
    uint64_t timeout_ms;
};

/* `ca_file`; NULL: it was left out. false: the fault was reported. */
bool service_ca_file_read(const char **ca_file, const struct mw_options *options,
                          const struct mw_host *host) MUST_CHECK;
/* `url`, `ca_file` and `timeout`. false: every fault was reported. */
bool service_options_read(struct service *service, const struct mw_options *options,
                          const struct mw_host *host) MUST_CHECK;

#endif
