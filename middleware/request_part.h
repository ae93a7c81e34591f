/*
 * request_part.h - a part of a request that an option names by a word, as in "address" or
 * "header:X-Tenant": by which limits count, and by which answers are kept.
 *
 * What a request has not is a value of its own, in which all are alike who have it not. Who
 * somebody is, and what is claimed of him, is told apart by issuer.
 */
#ifndef WSGATE_REQUEST_PART_H
#define WSGATE_REQUEST_PART_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

#include <openssl/evp.h>

#define REQUEST_PART_WORDS                                                                        \
    "address, identity, route, host, path, header:NAME, cookie:NAME, query:NAME or claim:NAME"

struct request_part {
    const struct request_part_kind *kind;
    const char *name;   /* behind the colon; NULL: the kind has none */
    unsigned v6_prefix; /* bits of an IPv6 address that count: all, or what the caller sets */
};

/* Reads item i of `word`; text == NULL: it was refused. false: the fault was reported. */
bool request_part_read(struct request_part *part, const struct mw_options *options,
                       const struct mw_host *host, const char *word, size_t i,
                       const char *text) MUST_CHECK;

/* Adds it to a digest, so that it cannot run into the next one. false: no memory. */
bool request_part_add(const struct request_part *part, EVP_MD_CTX *digest,
                      const struct mw_host *host, const struct mw_request *request) MUST_CHECK;

#endif
