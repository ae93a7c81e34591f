/* token_entry.c - what is remembered of one token; see token_entry.h. */
#include "token/token_entry.h"

#include <stdlib.h>
#include <string.h>

struct token_entry *
token_entry_new(const unsigned char *digest, const struct key *key, size_t key_place,
                struct claims *claims, int64_t expires_ms)
{
    struct token_entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    memcpy(entry->digest, digest, TOKEN_DIGEST_LEN);
    if (key)
        memcpy(entry->thumbprint, key->thumbprint, KEY_THUMBPRINT_LEN);
    entry->key_place = key_place;
    entry->claims = claims;
    entry->expires_ms = expires_ms;
    entry->bytes = sizeof(*entry) + claims->bytes;
    atomic_init(&entry->holders, 1);
    return entry;
}

struct token_entry *
token_entry_ref(struct token_entry *entry)
{
    atomic_fetch_add_explicit(&entry->holders, 1, memory_order_relaxed);
    return entry;
}

void
token_entry_unref(struct token_entry *entry)
{
    if (!entry || atomic_fetch_sub_explicit(&entry->holders, 1, memory_order_acq_rel) != 1)
        return;
    claims_free(entry->claims);
    free(entry);
}
