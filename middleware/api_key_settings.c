/* api_key_settings.c - see api_key_settings.h. */
#include "api_key_settings.h"

#include "line_file.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"

#include <stdio.h>

const struct mw_option api_key_options[] = {
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

static bool
parse_place(struct api_key_place *place, const char *text)
{
    static const struct {
        const char *prefix;
        enum mw_source source;
    } kinds[] = {{"header:", MW_HEADER}, {"query:", MW_QUERY}};

    if (strcmp(text, "subprotocol") == 0) {
        *place = (struct api_key_place){MW_SUBPROTOCOL, NULL};
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, len) != 0)
            continue;
        *place = (struct api_key_place){kinds[i].source, text + len};
        struct str name = str_of(text + len);
        return kinds[i].source == MW_HEADER
                   ? http_is_token(name) && !field_names_have(&field_names_own, name)
                   : name.len > 0;
    }
    return false;
}

/* Nobody's key could be found there but twice. */
static bool
is_place_taken(const struct api_keys *keys, const struct api_key_place *place)
{
    for (size_t i = 0; i < keys->place_count; i++) {
        const struct api_key_place *other = &keys->places[i];
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

    if (count == 0 || count > API_KEY_PLACES_MAX) {
        host->option_fault(options, "key_from", 0, "expected 1 to %d places", API_KEY_PLACES_MAX);
        return false;
    }
    for (; keys->place_count < count; keys->place_count++) {
        const char *text = host->option_item(options, "key_from", keys->place_count);
        struct api_key_place *place = &keys->places[keys->place_count];
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

void
api_key_settings_free(struct api_keys *keys)
{
    api_key_table_free(keys->table);
}

bool
api_key_settings_read(struct api_keys *keys, const struct mw_options *options,
                      const struct mw_host *host)
{
    keys->host = host;
    keys->table = api_key_table_new();
    if (keys->table == NULL) {
        host->option_fault(options, "files", 0, "out of memory");
        return false;
    }
    bool good = read_places(keys, options);
    good &= read_words(keys, options);
    good &= read_files(keys, options);
    return good;
}
