/*
 * cache_control.h - how long an answer may be kept, by its Cache-Control (RFC 9111 5.2.2). Pure.
 */
#ifndef WSGATE_CACHE_CONTROL_H
#define WSGATE_CACHE_CONTROL_H

#include "base/str.h"

#include <stdint.h>

/* No word about it; and what larger numbers count as (RFC 9111 1.2.2), in seconds. */
#define CACHE_CONTROL_SILENT (-1)
#define CACHE_CONTROL_MAX INT32_MAX

/*
 * One field's value, taken together with what the fields before it said (SILENT before the first).
 * Seconds: those of max-age; 0 for no-store, no-cache, and a max-age that is no number. The
 * strictest word holds. Other directives are not ours: s-maxage is for caches that many share.
 */
int64_t cache_control_max_age(int64_t before, struct str value);

#endif
