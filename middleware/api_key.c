/*
 * api_key.c - who has a key, of those whose digests stand in files (api_key_table.h).
 *
 * Over all places in which a key may stand a request has one; a second one, equal or not, makes it
 * ambiguous. Whatever becomes of the request, the backend sees no key unless it shall.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "api_key_settings.h"
#include "protocol/subprotocol.h"

#include <stdlib.h>

static void
teardown(void *instance)
{
    struct api_keys *keys = instance;

    if (keys != NULL)
        api_key_settings_free(keys);
    free(keys);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct api_keys *keys = calloc(1, sizeof(*keys));

    if (keys == NULL)
        host->option_fault(options, "files", 0, "out of memory");
    else if (api_key_settings_read(keys, options, host))
        return keys;
    teardown(keys);
    return NULL;
}

/* ---- Deciding -------------------------------------------------------------------------- */

struct found {
    struct mw_str key;
    size_t count;
    bool alone; /* as the only subprotocol: the backend would have nothing to choose */
};

static void
find_subprotocol(const struct api_keys *keys, const struct mw_request *request, struct found *found)
{
    size_t prefix = strlen(SUBPROTOCOL_API_KEY), others = 0, before = found->count;
    struct mw_str entry;

    for (size_t i = 0; (entry = keys->host->subprotocol(request, i)).at != NULL; i++) {
        if (!subprotocol_is_api_key((struct str){entry.at, entry.len})) {
            others += subprotocol_credential((struct str){entry.at, entry.len}) == 0;
            continue;
        }
        found->key = (struct mw_str){entry.at + prefix, entry.len - prefix};
        found->count++;
    }
    found->alone = found->count > before && others == 0;
}

static void
find(const struct api_keys *keys, const struct mw_request *request, struct found *found)
{
    const struct mw_host *host = keys->host;

    for (size_t i = 0; i < keys->place_count; i++) {
        const struct api_key_place *place = &keys->places[i];
        struct mw_str text;

        if (place->source == MW_SUBPROTOCOL) {
            find_subprotocol(keys, request, found);
            continue;
        }
        for (size_t k = 0;; k++) {
            text = place->source == MW_HEADER ? host->header(request, place->name, k)
                                              : host->query(request, place->name, k);
            if (text.at == NULL)
                break;
            found->key = text;
            found->count++;
        }
    }
}

static bool
strip(const struct api_keys *keys, struct mw_request *request)
{
    const struct mw_host *host = keys->host;
    bool good = true;
    struct mw_str entry;

    for (size_t i = 0; i < keys->place_count && good; i++) {
        const struct api_key_place *place = &keys->places[i];

        if (place->source != MW_SUBPROTOCOL) {
            good = keys->keep || host->strip(request, place->source, place->name, 0);
            continue;
        }
        for (size_t k = 0; good && (entry = host->subprotocol(request, k)).at != NULL; k++)
            if (subprotocol_is_api_key((struct str){entry.at, entry.len}))
                good = host->strip(request, MW_SUBPROTOCOL, NULL, k);
    }
    return good;
}

/* What a tunnel keeps that will be judged again: which key let it in, and as whom. */
struct kept {
    unsigned char digest[API_KEY_DIGEST];
    char identity[];
};

static bool
keep(const struct mw_host *host, struct mw_request *request, const struct api_key *key)
{
    if (!host->is_revalidated(request))
        return true;
    size_t bytes = strlen(key->identity) + 1;
    struct kept *kept = malloc(sizeof(*kept) + bytes);

    if (kept == NULL)
        return false;
    memcpy(kept->digest, key->digest, sizeof(kept->digest));
    memcpy(kept->identity, key->identity, bytes);
    host->slot_set(request, kept);
    return true;
}

static void
release(void *state, void *slot, enum mw_end end)
{
    (void)state, (void)end;
    free(slot);
}

static enum mw_verdict
admit(const struct api_keys *keys, struct mw_request *request, const struct api_key *key)
{
    const struct mw_host *host = keys->host;
    struct mw_str identity = {key->identity, strlen(key->identity)};
    bool good =
        host->identify(request, (struct mw_str){keys->issuer, strlen(keys->issuer)}, identity);

    for (size_t i = 0; i < key->label_count && good; i++)
        good = host->label(request, key->labels[i].name,
                           (struct mw_str){key->labels[i].value, strlen(key->labels[i].value)});
    if (good && keys->forward != NULL)
        good = host->forward_header(request, keys->forward, identity);
    return good && keep(host, request, key) ? MW_PASS : MW_DENY;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct api_keys *keys = instance;
    const struct mw_host *host = keys->host;
    struct found found = {.count = 0};

    (void)state;
    find(keys, request, &found);
    if (!strip(keys, request))
        return MW_DENY;
    if (found.count > 1)
        return host->deny(request, 400, "key-several", NULL);
    if (found.alone)
        return host->deny(request, 400, "key-alone", NULL);
    if (found.count == 0)
        return host->deny(request, 401, "key-missing", keys->challenge);
    const struct api_key *key =
        api_key_table_find(keys->table, (struct str){found.key.at, found.key.len});

    return key != NULL ? admit(keys, request, key)
                       : host->deny(request, 401, "key-unknown", keys->challenge);
}

/* ---- Judging again --------------------------------------------------------------------- */

struct api_key_worker {
    const struct api_keys *keys;
};

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    struct api_key_worker *mine = malloc(sizeof(*mine));

    (void)worker;
    if (mine != NULL)
        mine->keys = instance;
    return mine;
}

/* The key must stand in the files still, for the same identity. */
static enum mw_verdict
revalidate(void *state, void *slot, struct mw_task *task)
{
    const struct api_keys *keys = ((struct api_key_worker *)state)->keys;
    const struct kept *kept = slot;
    const struct api_key *key = kept != NULL ? api_key_table_at(keys->table, kept->digest) : NULL;

    return key != NULL && strcmp(key->identity, kept->identity) == 0
               ? MW_PASS
               : keys->host->deny_tunnel(task, 401, "key-unknown");
}

const struct mw_module api_key_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "api_key",
    .options = api_key_options,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = free,
    .decide = decide,
    .release = release,
    .revalidate = revalidate,
};
