/*
 * http_trust.h - the certificates of those who may vouch for a server: libcurl keeps what it read
 * of a file, until the file is another one.
 */
#ifndef WSGATE_HTTP_TRUST_H
#define WSGATE_HTTP_TRUST_H

#include "base/compiler.h"
#include "net/file_state.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* What a client knows of its file. Zeroed: nothing yet. */
struct http_trust {
    struct file_state file; /* as it was seen last */
    bool seen, changed;
    uint64_t changed_us; /* of the monotonic clock: when it was first seen as it is */
};

/*
 * For one transfer. file NULL: whom the system trusts. What was read before the file was seen to
 * change is read anew; a connection that stands stays. false: out of memory.
 */
bool http_trust_set(struct http_trust *trust, CURL *easy, const char *file) MUST_CHECK;

/* Does the file hold at least one certificate, and none that is broken? false: *error says what is
 * wrong. */
bool http_trust_check(const char *file, const char **error) MUST_CHECK;

#endif
