/*
 * api_key.c - who has a key, of those whose digests stand in files (api_key_table.h).
 *
 * Over all places in which a key may stand a request has one; a second one, equal or not, makes it
 * ambiguous. Whatever becomes of the request, the backend sees no key unless it shall.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "api_key_table.h"
#include "line_file.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"
#include "protocol/subprotocol.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLACES_MAX = 8 };

struct place {
    enum mw_source source;
    const char *name;
};

struct api_keys {
    const struct mw_host *host;
    struct api_key_table *table;
    struct place places[PLACES_MAX];
    size_t place_count;
    const char *issuer, *forward; /* forward: a header; NULL: none */
    bool keep;
    char challenge[256];
};

static const struct mw_option options_table[] = {
    {"files", MW_FILES, NULL, "Files of keys: the SHA-256 of one and its owner on a line.",
     MW_REQUIRED},
    {"key_from", MW_LIST, "header:X-API-Key",
     "Where a key stands: header:NAME, query:NAME, subprotocol."},
    {"forward_key", MW_BOOL, "false", "Whether the backend sees a key in a header or the query."},
    {"issuer", MW_STRING, "api_key", "The issuer in the identity, whose subject the file has."},
    {"forward_identity", MW_STRING, NULL, "The header in which the backend gets the identity."},
    {"realm", MW_STRING, "wsgate", "The realm in WWW-Authenticate."},
    {0},
};

/* ---- Setup ---------------------------------------------------------------------------------- */

static bool
parse_place(struct place *place, const char *text)
{
    static const struct {
        const char *prefix;
        enum mw_source source;
    } kinds[] = {{"header:", MW_HEADER}, {"query:", MW_QUERY}};

    if (strcmp(text, "subprotocol") == 0) {
        *place = (struct place){MW_SUBPROTOCOL, NULL};
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, len) != 0)
            continue;
        *place = (struct place){kinds[i].source, text + len};
        struct str name = str_of(text + len);
        return kinds[i].source == MW_HEADER
                   ? http_is_token(name) && !field_names_have(&field_names_own, name)
                   : name.len > 0;
    }
    return false;
}

/* Nobody's key could be found there but twice. */
static bool
is_place_taken(const struct api_keys *keys, const struct place *place)
{
    for (size_t i = 0; i < keys->place_count; i++) {
        const struct place *other = &keys->places[i];
        struct str name = str_of(place->name), taken = str_of(other->name);
        if (other->source == place->source &&
            (place->source == MW_HEADER ? str_equal_nocase(name, taken) : str_equal(name, taken)))
            return true;
    }
    return false;
}

static bool
read_places(struct api_keys *keys, const struct mw_options *options)
{
    const struct mw_host *host = keys->host;
    size_t count = host->option_count(options, "key_from");

    if (count == 0 || count > PLACES_MAX) {
        host->option_fault(options, "key_from", 0, "expected 1 to %d places", PLACES_MAX);
        return false;
    }
    for (; keys->place_count < count; keys->place_count++) {
        const char *text = host->option_item(options, "key_from", keys->place_count);
        struct place *place = &keys->places[keys->place_count];
        bool is_place = parse_place(place, text);
        if (is_place && !is_place_taken(keys, place))
            continue;
        host->option_fault(options, "key_from", keys->place_count,
                           is_place ? "`%s` stands here twice"
                                    : "expected header:NAME, query:NAME or subprotocol, found `%s`",
                           text);
        return false;
    }
    return true;
}

static bool
take_key(void *table, struct str line, const char **error)
{
    return api_key_table_add(table, line, error) || *error == NULL;
}

static bool
seal(struct api_keys *keys, const struct mw_options *options)
{
    const struct api_key *twins[2];

    if (api_key_table_seal(keys->table, twins))
        return true;
    if (twins[0] != NULL)
        keys->host->option_fault(options, "files", 0, "one key stands there twice, for %s and %s",
                                 twins[0]->identity, twins[1]->identity);
    else
        keys->host->option_fault(options, "files", 0, "out of memory");
    return false;
}

static bool
read_files(struct api_keys *keys, const struct mw_options *options)
{
    const struct mw_host *host = keys->host;
    bool good = true;

    for (size_t i = 0; i < host->option_count(options, "files"); i++)
        good &= line_file_read(host, options, "files", i, take_key, keys->table);
    if (good && api_key_table_count(keys->table) == 0) {
        host->option_fault(options, "files", 0, "there is no key in them: nobody could connect");
        return false;
    }
    return good && seal(keys, options);
}

static bool
read_words(struct api_keys *keys, const struct mw_options *options)
{
    const struct mw_host *host = keys->host;
    const char *realm = host->option_string(options, "realm");

    keys->keep = host->option_integer(options, "forward_key") != 0;
    keys->issuer = host->option_string(options, "issuer");
    keys->forward = host->option_string(options, "forward_identity");
    if (keys->forward != NULL && !host->reserve_header(options, keys->forward)) {
        host->option_fault(options, "forward_identity", 0,
                           "`%s` is no header that a module can set", keys->forward);
        return false;
    }
    for (const char *at = realm; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\' || (unsigned char)*at > '~') {
            host->option_fault(options, "realm", 0, "expected printable ASCII without \" and \\");
            return false;
        }
    if ((size_t)snprintf(keys->challenge, sizeof(keys->challenge), "ApiKey realm=\"%s\"", realm) <
        sizeof(keys->challenge))
        return true;
    host->option_fault(options, "realm", 0, "is too long");
    return false;
}

static void
teardown(void *instance)
{
    struct api_keys *keys = instance;

    if (keys != NULL)
        api_key_table_free(keys->table);
    free(keys);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct api_keys *keys = calloc(1, sizeof(*keys));

    if (keys != NULL) {
        keys->host = host;
        keys->table = api_key_table_new();
    }
    if (keys == NULL || keys->table == NULL) {
        host->option_fault(options, "files", 0, "out of memory");
        teardown(keys);
        return NULL;
    }
    bool good = read_places(keys, options);
    good &= read_words(keys, options);
    good &= read_files(keys, options);
    if (good)
        return keys;
    teardown(keys);
    return NULL;
}

/* ---- Deciding ---------------------------------------------------------------------------------
 */

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
        const struct place *place = &keys->places[i];
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
        const struct place *place = &keys->places[i];

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
    return good ? MW_PASS : MW_DENY;
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

const struct mw_module api_key_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "api_key",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .decide = decide,
};
