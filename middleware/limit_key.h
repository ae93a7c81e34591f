/*
 * limit_key.h - by what a limit counts: a part of the request (request_part.h).
 *
 * A key is a digest with a secret of the instance's, so that nobody can choose keys that meet in
 * one place of a table, and no text of a client's is kept. Who has no such key (no such header, no
 * identity yet, no such claim, a Unix peer without an address) shares one with all others who have
 * none.
 */
#ifndef WSGATE_LIMIT_KEY_H
#define WSGATE_LIMIT_KEY_H

#include "request_part.h"

struct limit_key {
    uint64_t words[2];
};

/* What to count by; constant after limit_by_read. */
struct limit_by {
    struct request_part part;
    unsigned char secret[32];
};

/* The rows of these options, for a module's own table. */
#define LIMIT_BY_OPTIONS                                                                          \
    {"key", MW_STRING, NULL, "What is counted by: " REQUEST_PART_WORDS ".", MW_REQUIRED},         \
    {"v6_prefix", MW_INTEGER, "64", "Bits of an IPv6 address that are one client, 16 to 128."}

/* false: every fault was reported. */
bool limit_by_read(struct limit_by *by, const struct mw_options *options,
                   const struct mw_host *host) MUST_CHECK;

/* At a reload: where it is the same to count by, the old keys hold, and what was counted by them.
 * false: it is not. */
bool limit_by_adopt(struct limit_by *by, const struct limit_by *old) MUST_CHECK;

/* What a module that counts has on each worker; its worker_start and worker_stop. */
struct limit_worker {
    const void *instance;
    EVP_MD_CTX *digest;
};

void *limit_worker_start(const void *instance, struct mw_worker *worker);
void limit_worker_stop(void *state);

/* worker may be NULL, where there was no memory for it. false: there is no key to be had. */
bool limit_key_of(const struct limit_by *by, const struct limit_worker *worker,
                  const struct mw_host *host, const struct mw_request *request,
                  struct limit_key *key) MUST_CHECK;

#endif
