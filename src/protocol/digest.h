/*
 * digest.h - OpenSSL's digests, set up once and used again and again, and what goes into one. Not
 * thread safe: a context is its owner's.
 */
#ifndef WSGATE_DIGEST_H
#define WSGATE_DIGEST_H

#include "base/compiler.h"
#include "base/str.h"

#include <openssl/evp.h>

/* Ready for the first update; EVP_DigestInit_ex2(context, NULL, NULL) makes it so again. hash: its
 * name, as EVP_MD_fetch takes it. EVP_MD_CTX_free ends it. NULL: no memory, or no such hash. */
EVP_MD_CTX *digest_new(const char *hash) MUST_CHECK;
/* A text with its length in front, so that two cannot be taken for two others; an absent one
 * (at == NULL) is not an empty one. */
bool digest_add(EVP_MD_CTX *digest, struct str text) MUST_CHECK;

#endif
