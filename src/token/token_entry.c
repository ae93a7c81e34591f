/* token_entry.c - what is remembered of one token; see token_entry.h. */
#include "token/token_entry.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/*
 * What jansson 2.14 allocates for each kind of value. Its structures are its own: these sizes are
 * written down here, and a test compares the sum with what it does allocate.
 */
enum {
    OBJECT_BYTES = 80,
    BUCKET_BYTES = 16,
    PAIR_BYTES = 64, /* and the name */
    ARRAY_BYTES = 48,
    ITEM_BYTES = 8,
    STRING_BYTES = 32, /* and the text beside it */
    NUMBER_BYTES = 24,
    SLOTS_MIN = 8, /* of an object or an array; they double when they are full */
};

/* What malloc takes for it: a word in front, all of it rounded up. */
static size_t
block(size_t bytes)
{
    return (bytes + sizeof(size_t) + 15) / 16 * 16;
}

static size_t
slots(size_t count)
{
    size_t most = SLOTS_MIN;

    while (most < count)
        most *= 2;
    return most;
}

/* Not deeper than JOSE_DEPTH_MAX, as everything that was parsed here. */
static size_t
json_bytes(json_t *json)
{
    size_t bytes = 0, i;
    const char *name;
    json_t *value;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        bytes = block(OBJECT_BYTES) + block(slots(json_object_size(json)) * BUCKET_BYTES);
        json_object_foreach(json, name, value)
            bytes += block(PAIR_BYTES + strlen(name)) + json_bytes(value);
        return bytes;
    case JSON_ARRAY:
        bytes = block(ARRAY_BYTES) + block(slots(json_array_size(json)) * ITEM_BYTES);
        json_array_foreach(json, i, value)
            bytes += json_bytes(value);
        return bytes;
    case JSON_STRING:
        return block(STRING_BYTES) + block(json_string_length(json) + 1);
    case JSON_INTEGER:
    case JSON_REAL:
        return block(NUMBER_BYTES);
    case JSON_TRUE: /* these are there once for all */
    case JSON_FALSE:
    case JSON_NULL:
        return 0;
    }
    return 0;
}

struct token_entry *
token_entry_new(const unsigned char *digest, const struct key *key, size_t key_place,
                struct json_t *claims, int64_t expires_ms)
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
    entry->bytes = block(sizeof(*entry)) + json_bytes(claims);
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
    json_decref(entry->claims);
    free(entry);
}
