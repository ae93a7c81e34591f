/* tls_names.c - see tls_names.h. */
#include "net/tls_names.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 4 }; /* RSA, EC, Ed25519, Ed448 */

/* The certificates of one context: indexes into pairs, -1: none of that kind. */
struct set {
    int pairs[KINDS];
    SSL_CTX *context;
};

struct entry {
    char *name;
    struct set set; /* its context is the one in sets */
};

struct tls_names {
    struct entry *entries; /* sorted by name, each name once */
    size_t count;
    struct set *sets; /* the default's first */
    size_t set_count;
    bool default_taken; /* its context is somebody else's */
};

/* ---- Which certificates a name has ------------------------------------------------- */

static int
kind_of(const struct tls_pair *pair)
{
    static const int kinds[KINDS] = {EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_ED448};

    for (int i = 0; i < KINDS; i++)
        if (EVP_PKEY_get_base_id(pair->key) == kinds[i])
            return i;
    return 0; /* OpenSSL will say what it thinks of it */
}

static const struct set empty = {{-1, -1, -1, -1}, NULL};

static void
set_add(struct set *set, const struct tls_pair *pairs, size_t index)
{
    int kind = kind_of(&pairs[index]);

    if (set->pairs[kind] == -1)
        set->pairs[kind] = (int)index;
}

static struct entry *
entry_find(const struct tls_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->entries[i].name, name) == 0)
            return &names->entries[i];
    return NULL;
}

static struct entry *
entry_new(struct tls_names *names, const char *name)
{
    struct entry *entries = realloc(names->entries, (names->count + 1) * sizeof(*entries));

    if (entries == NULL)
        return NULL;
    names->entries = entries;
    entries[names->count] = (struct entry){strdup(name), empty};
    return entries[names->count].name != NULL ? &entries[names->count++] : NULL;
}

static bool
add_names(struct tls_names *names, const struct tls_pair *pairs, size_t index)
{
    char name[TLS_NAME_MAX + 1];

    for (size_t i = 0; tls_pair_name(&pairs[index], i, name); i++) {
        if (name[0] == '\0')
            continue;
        struct entry *entry = entry_find(names, name);
        if (entry == NULL && (entry = entry_new(names, name)) == NULL)
            return false;
        set_add(&entry->set, pairs, index);
    }
    return true;
}

/* What answers for the first certificate's first name answers for everybody else. */
static struct set
default_set(const struct tls_names *names, const struct tls_pair *pairs)
{
    struct set set = empty;

    if (names->count > 0 && names->entries[0].set.pairs[kind_of(&pairs[0])] == 0)
        return names->entries[0].set;
    set_add(&set, pairs, 0);
    return set;
}

/* ---- Contexts -------------------------------------------------------------------------- */

struct maker {
    const struct tls_pair *pairs;
    tls_context_maker *make;
    void *arg;
    const struct tls_reporter *reporter;
};

static SSL_CTX *
context_new(const struct set *set, const struct maker *maker)
{
    SSL_CTX *context = maker->make(maker->arg);

    for (int i = 0; i < KINDS && context != NULL; i++) {
        if (set->pairs[i] == -1)
            continue;
        size_t index = (size_t)set->pairs[i];
        if (tls_pair_use(&maker->pairs[index], context, index, maker->reporter))
            continue;
        SSL_CTX_free(context);
        context = NULL;
    }
    return context;
}

/* The context of that set, made where there is none yet. sets has room for one more. */
static SSL_CTX *
context_of(struct tls_names *names, const struct set *set, const struct maker *maker)
{
    for (size_t i = 0; i < names->set_count; i++)
        if (memcmp(names->sets[i].pairs, set->pairs, sizeof(set->pairs)) == 0)
            return names->sets[i].context;
    struct set *fresh = &names->sets[names->set_count];

    *fresh = *set;
    fresh->context = context_new(set, maker);
    if (fresh->context != NULL)
        names->set_count++;
    return fresh->context;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool
build(struct tls_names *names, size_t pair_count, const struct maker *maker)
{
    for (size_t i = 0; i < pair_count; i++)
        if (!add_names(names, maker->pairs, i))
            return false;
    struct set set = default_set(names, maker->pairs);

    names->sets = calloc(names->count + 1, sizeof(*names->sets));
    if (names->sets == NULL || context_of(names, &set, maker) == NULL)
        return false;
    for (size_t i = 0; i < names->count; i++) {
        set = names->entries[i].set;
        if ((names->entries[i].set.context = context_of(names, &set, maker)) == NULL)
            return false;
    }
    if (names->count > 0)
        qsort(names->entries, names->count, sizeof(*names->entries), compare);
    return true;
}

struct tls_names *
tls_names_new(const struct tls_pair *pairs, size_t count, tls_context_maker *make, void *arg,
              const struct tls_reporter *reporter)
{
    struct tls_names *names = calloc(1, sizeof(*names));
    const struct maker maker = {pairs, make, arg, reporter};

    if (names != NULL && build(names, count, &maker))
        return names;
    tls_names_free(names);
    return NULL;
}

void
tls_names_free(struct tls_names *names)
{
    if (names == NULL)
        return;
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].name);
    for (size_t i = names->default_taken ? 1 : 0; i < names->set_count; i++)
        SSL_CTX_free(names->sets[i].context);
    free(names->entries);
    free(names->sets);
    free(names);
}

/* ---- Asking ------------------------------------------------------------------------------ */

SSL_CTX *
tls_names_take_default(struct tls_names *names)
{
    names->default_taken = true;
    return names->sets[0].context;
}

static SSL_CTX *
look_up(const struct tls_names *names, char *name)
{
    const struct entry key = {.name = name};
    const struct entry *found = names->count > 0 ? bsearch(&key, names->entries, names->count,
                                                           sizeof(*names->entries), compare)
                                                 : NULL;

    return found != NULL ? found->set.context : NULL;
}

SSL_CTX *
tls_names_find(const struct tls_names *names, const char *name)
{
    char lower[TLS_NAME_MAX + 1];
    size_t len = strlen(name);

    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len > TLS_NAME_MAX || memchr(name, '*', len) != NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[len] = '\0';
    SSL_CTX *found = look_up(names, lower);
    char *dot = strchr(lower, '.');

    if (found != NULL || dot == NULL || dot == lower)
        return found;
    dot[-1] = '*';
    return look_up(names, dot - 1);
}
