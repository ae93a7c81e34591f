/* keyset.c - an array of keys with a count of its holders. */
#include "token/keyset.h"

#include <stdatomic.h>
#include <stdlib.h>

struct keyset {
    atomic_uint holders;
    size_t count;
    struct key *keys[KEYSET_KEYS_MAX];
};

struct keyset *
keyset_new(void)
{
    struct keyset *keyset = calloc(1, sizeof(*keyset));

    if (keyset)
        atomic_init(&keyset->holders, 1);
    return keyset;
}

/* The count is the one part of a shared set that changes. */
static struct keyset *
writable(const struct keyset *keyset)
{
    union {
        const struct keyset *shared;
        struct keyset *own;
    } pointer = {keyset};

    return pointer.own;
}

const struct keyset *
keyset_ref(const struct keyset *keyset)
{
    atomic_fetch_add_explicit(&writable(keyset)->holders, 1, memory_order_relaxed);
    return keyset;
}

void
keyset_unref(const struct keyset *keyset)
{
    if (!keyset)
        return;
    struct keyset *own = writable(keyset);
    if (atomic_fetch_sub_explicit(&own->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < own->count; i++)
        key_free(own->keys[i]);
    free(own);
}

static bool
is_twin(const struct key *a, const struct key *b)
{
    return a->kid && b->kid && strcmp(a->kid, b->kid) == 0 && (a->algorithms & b->algorithms);
}

bool
keyset_add(struct keyset *keyset, struct key *key, struct key_error *error)
{
    bool fits = keyset->count < KEYSET_KEYS_MAX;

    if (!fits)
        key_error_set(error, "more than %d keys", KEYSET_KEYS_MAX);
    for (size_t i = 0; fits && i < keyset->count; i++) {
        fits = !is_twin(keyset->keys[i], key);
        if (!fits)
            key_error_set(error,
                          "an earlier key has the same kid and can serve the same algorithm");
    }
    if (fits)
        keyset->keys[keyset->count++] = key;
    else
        key_free(key);
    return fits;
}

static bool
has_the_same(const struct keyset *keyset, const struct key *key)
{
    for (size_t i = 0; i < keyset->count; i++)
        if (is_twin(keyset->keys[i], key) && key_is_same(keyset->keys[i], key))
            return true;
    return false;
}

bool
keyset_add_all(struct keyset *keyset, const struct keyset *from,
               void (*left_out)(void *arg, const struct key *key, const char *why), void *arg)
{
    struct key_error error;

    for (size_t i = 0; i < from->count; i++) {
        if (has_the_same(keyset, from->keys[i]))
            continue;
        struct key *copy = key_copy(from->keys[i], &error);
        if (!copy)
            return false;
        if (!keyset_add(keyset, copy, &error))
            left_out(arg, from->keys[i], error.text);
    }
    return true;
}

size_t
keyset_count(const struct keyset *keyset)
{
    return keyset->count;
}

const struct key *
keyset_at(const struct keyset *keyset, size_t i)
{
    return keyset->keys[i];
}

static bool
has_thumbprint(const struct key *key, const unsigned char *thumbprint)
{
    return memcmp(key->thumbprint, thumbprint, KEY_THUMBPRINT_LEN) == 0;
}

size_t
keyset_find(const struct keyset *keyset, const unsigned char *thumbprint, size_t hint)
{
    size_t i = 0;

    if (hint < keyset->count && has_thumbprint(keyset->keys[hint], thumbprint))
        return hint;
    while (i < keyset->count && !has_thumbprint(keyset->keys[i], thumbprint))
        i++;
    return i;
}

unsigned
keyset_algorithms(const struct keyset *keyset)
{
    unsigned mask = 0;

    for (size_t i = 0; i < keyset->count; i++)
        mask |= keyset->keys[i]->algorithms;
    return mask;
}
