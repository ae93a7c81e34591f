/*
 * upgrade.h - the UPGRADE stage: the backend's answer, verified in full.
 *
 * Only a 101 that satisfies RFC 6455 4.1 to the letter leads to a tunnel. Any
 * other final answer is read whole, bounded, and handed to the refusal; whatever breaks the
 * rules is a 502. Up to UPGRADE_INTERIM_MAX answers 1xx are skipped.
 */
#ifndef WSGATE_UPGRADE_H
#define WSGATE_UPGRADE_H

#include "gateway/request.h"

enum {
    UPGRADE_HEAD_MAX = 16 * 1024, /* a backend's head; nginx's default is 4 to 8 KiB */
    UPGRADE_FIELDS_MAX = 100,
    UPGRADE_BODY_MAX = 64 * 1024,
    UPGRADE_INTERIM_MAX = 8,
};

/* Before the first read, and again for the next server. */
enum step upgrade_prepare(struct request *request) MUST_CHECK;
/* Reads once. STEP_DONE: the 101 holds; bytes behind its head are in upgrade_early. */
enum step upgrade_read(struct request *request, struct side *backend) MUST_CHECK;
/* Did the server end without one byte of an answer? Then another may be asked. */
bool upgrade_unanswered(const struct request *request);
struct str upgrade_early(const struct request *request);

#endif
