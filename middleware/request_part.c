/* request_part.c - one row for each kind of part; see request_part.h. */
#include "request_part.h"

#include "base/address.h"
#include "protocol/digest.h"
#include "protocol/http_head.h"
#include "token/claim_path.h"

/* Who says it, where that makes a difference, and what. */
struct value {
    struct mw_str issuer, text;
    unsigned char address[16];
};

struct request_part_kind {
    const char *word; /* with its colon, where a name follows */
    bool (*check)(const char *name, const char **error); /* NULL: any name that is not empty */
    void (*find)(const struct request_part *part, const struct mw_host *host,
                 const struct mw_request *request, struct value *value);
};

/* ---- The kinds ------------------------------------------------------------------------ */

static void
keep_prefix(unsigned char *bytes, unsigned bits)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
        if (kept < 8)
            bytes[i] &= (unsigned char)(0xFF00 >> kept);
    }
}

static void
find_address(const struct request_part *part, const struct mw_host *host,
             const struct mw_request *request, struct value *value)
{
    struct str bytes = address_bytes(host->peer_address(request));

    if (bytes.at == NULL)
        return;
    memcpy(value->address, bytes.at, bytes.len);
    if (bytes.len == sizeof(value->address))
        keep_prefix(value->address, part->v6_prefix);
    value->text = (struct mw_str){(const char *)value->address, bytes.len};
}

static void
find_identity(const struct request_part *part, const struct mw_host *host,
              const struct mw_request *request, struct value *value)
{
    (void)part;
    value->issuer = host->issuer(request);
    value->text = host->subject(request);
}

static void
find_route(const struct request_part *part, const struct mw_host *host,
           const struct mw_request *request, struct value *value)
{
    (void)part;
    value->text = host->route(request);
}

static void
find_host(const struct request_part *part, const struct mw_host *host,
          const struct mw_request *request, struct value *value)
{
    (void)part;
    value->text = host->host(request);
}

static void
find_path(const struct request_part *part, const struct mw_host *host,
          const struct mw_request *request, struct value *value)
{
    (void)part;
    value->text = host->path(request);
}

static bool
check_header(const char *name, const char **error)
{
    *error = "expected the name of a header";
    return http_is_token(str_of(name));
}

static void
find_header(const struct request_part *part, const struct mw_host *host,
            const struct mw_request *request, struct value *value)
{
    value->text = host->header(request, part->name, 0);
}

static void
find_cookie(const struct request_part *part, const struct mw_host *host,
            const struct mw_request *request, struct value *value)
{
    value->text = host->cookie(request, part->name, 0);
}

static void
find_query(const struct request_part *part, const struct mw_host *host,
           const struct mw_request *request, struct value *value)
{
    value->text = host->query(request, part->name, 0);
}

static void
find_claim(const struct request_part *part, const struct mw_host *host,
           const struct mw_request *request, struct value *value)
{
    value->text = host->claim(request, part->name, &value->issuer);
}

static const struct request_part_kind kinds[] = {
    {"address", NULL, find_address}, {"identity", NULL, find_identity},
    {"route", NULL, find_route},     {"host", NULL, find_host},
    {"path", NULL, find_path},       {"header:", check_header, find_header},
    {"cookie:", NULL, find_cookie},  {"query:", NULL, find_query},
    {"claim:", claim_path_check, find_claim},
};

/* ---- Options --------------------------------------------------------------------------- */

/* NULL: none has that word. */
static const struct request_part_kind *
find_kind(const char *text, const char **name)
{
    const char *colon = strchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) + 1 : strlen(text);

    *name = colon != NULL ? colon + 1 : NULL;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_equal(str_of(kinds[i].word), (struct str){text, len}))
            return &kinds[i];
    return NULL;
}

/* What is wrong with it; NULL: nothing. */
static const char *
judge(const struct request_part *part)
{
    const char *error = "a name is missing behind the colon";

    if (part->kind == NULL)
        return "expected " REQUEST_PART_WORDS;
    if (part->name == NULL)
        return NULL;
    if (part->name[0] == '\0')
        return error;
    return part->kind->check == NULL || part->kind->check(part->name, &error) ? NULL : error;
}

bool
request_part_read(struct request_part *part, const struct mw_options *options,
                  const struct mw_host *host, const char *word, size_t i, const char *text)
{
    if (text == NULL)
        return false;
    *part = (struct request_part){.v6_prefix = 128};
    part->kind = find_kind(text, &part->name);
    const char *error = judge(part);

    if (error == NULL && part->kind->find == find_claim &&
        !host->expect_claim(options, word, i, part->name))
        error = "out of memory";
    if (error != NULL)
        host->option_fault(options, word, i, "\"%s\": %s", text, error);
    return error == NULL;
}

/* ---- A request --------------------------------------------------------------------------- */

static bool
add_text(EVP_MD_CTX *digest, struct mw_str text)
{
    return digest_add(digest, (struct str){text.at, text.len});
}

bool
request_part_add(const struct request_part *part, EVP_MD_CTX *digest, const struct mw_host *host,
                 const struct mw_request *request)
{
    struct value value = {.text = {NULL, 0}};

    part->kind->find(part, host, request, &value);
    return add_text(digest, value.issuer) && add_text(digest, value.text);
}
