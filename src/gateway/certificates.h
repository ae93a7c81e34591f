/*
 * certificates.h - the certificates of the listeners, watched on the control thread: how long they
 * last is told, and files that have changed are read again.
 *
 * Where a file is not good the old certificates stay, and the error log says so, once for each
 * change. A file is read when it has been the same for one look: what is being written is let be.
 */
#ifndef WSGATE_CERTIFICATES_H
#define WSGATE_CERTIFICATES_H

#include "base/log.h"
#include "gateway/metrics.h"
#include "gateway/reload.h"

#include <event2/event_struct.h>

enum {
    CERTIFICATES_LOOK_S = 1,     /* a few stat(2) */
    CERTIFICATES_WARN_DAYS = 14, /* fewer are a warning */
};

struct certificates {
    struct event timer;
    const struct reload *reload; /* whose present generation it is */
    struct log *log;
    struct metrics *metrics; /* of the control thread */
    uint64_t reloads;        /* as many were done when all was told last */
};

/* Tells of all, and looks from then on. false: no memory. */
bool certificates_watch(struct certificates *certificates, struct event_base *base,
                        const struct reload *reload, struct log *log,
                        struct metrics *metrics) MUST_CHECK;
/* Idempotent. */
void certificates_leave(struct certificates *certificates);

/* When the first of them all ends, in seconds since 1970; INT64_MAX: there is none. */
int64_t certificates_first_end(const struct settings *settings);

#endif
