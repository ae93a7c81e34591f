/* names.c - shared texts, by a hash; see names.h. */
#include "base/names.h"

#include "base/hash.h"

#include <stdlib.h>

static struct name **
bucket_of(struct names *names, struct str text)
{
    return &names->buckets[hash_text(HASH_START, text) % NAMES_BUCKETS];
}

struct name *
names_hold(struct names *names, struct str text)
{
    struct name **bucket = bucket_of(names, text), *name;

    for (name = *bucket; name != NULL; name = name->next)
        if (str_equal(name_str(name), text)) {
            name->holders++;
            return name;
        }
    if (text.len > UINT32_MAX || (name = malloc(sizeof(*name) + text.len)) == NULL)
        return NULL;
    *name = (struct name){*bucket, 1, (uint32_t)text.len};
    memcpy(name->text, text.at, text.len);
    *bucket = name;
    return name;
}

void
names_drop(struct names *names, struct name *name)
{
    if (name == NULL || --name->holders > 0)
        return;
    struct name **link = bucket_of(names, name_str(name));
    while (*link != name)
        link = &(*link)->next;
    *link = name->next;
    free(name);
}

struct str
name_str(const struct name *name)
{
    return name != NULL ? (struct str){name->text, name->len} : STR_NONE;
}
