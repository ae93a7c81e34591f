/* digest.c - see digest.h. */
#include "protocol/digest.h"

EVP_MD_CTX *
digest_new(const char *hash)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_MD *md = EVP_MD_fetch(NULL, hash, NULL);
    bool ok = context && md && EVP_DigestInit_ex2(context, md, NULL) > 0;

    EVP_MD_free(md); /* the context holds it */
    if (ok)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

bool
digest_add(EVP_MD_CTX *digest, struct str text)
{
    uint64_t len = text.at ? text.len : UINT64_MAX;

    return EVP_DigestUpdate(digest, &len, sizeof(len)) > 0 &&
           (!text.at || EVP_DigestUpdate(digest, text.at, text.len) > 0);
}
