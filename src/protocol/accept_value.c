/* accept_value.c - see accept_value.h. */
#include "protocol/accept_value.h"

#include "protocol/digest.h"

#include <openssl/sha.h>

/* An EVP_MD_CTX is what a maker is; nobody else looks into it. */
static EVP_MD_CTX *
context_of(struct accept_maker *maker)
{
    return (EVP_MD_CTX *)maker;
}

struct accept_maker *
accept_maker_new(void)
{
    return (struct accept_maker *)digest_new("SHA1");
}

void
accept_maker_free(struct accept_maker *maker)
{
    EVP_MD_CTX_free(context_of(maker));
}

bool
accept_value(struct accept_maker *maker, struct str key, char accept[HANDSHAKE_ACCEPT_LEN + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    EVP_MD_CTX *context = context_of(maker);

    if (EVP_DigestInit_ex2(context, NULL, NULL) <= 0 ||
        EVP_DigestUpdate(context, key.at, HANDSHAKE_KEY_LEN) <= 0 ||
        EVP_DigestUpdate(context, guid, sizeof(guid) - 1) <= 0 ||
        EVP_DigestFinal_ex(context, digest, NULL) <= 0)
        return false;
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
    return true;
}
