/* limit_key.c - one row for each kind of key; see limit_key.h. */
#include "limit_key.h"

#include "base/address.h"
#include "protocol/digest.h"

#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

enum { V6_PREFIX_MIN = 16, V6_PREFIX_MAX = 128 };

/* What a key is made of; at most two texts. */
struct parts {
    struct mw_str texts[2];
    unsigned char address[16];
};

struct limit_kind {
    const char *word;
    bool named; /* ":NAME" follows */
    void (*fill)(const struct limit_by *by, const struct mw_host *host,
                 const struct mw_request *request, struct parts *parts);
};

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
fill_address(const struct limit_by *by, const struct mw_host *host,
             const struct mw_request *request, struct parts *parts)
{
    struct str bytes = address_bytes(host->peer_address(request));

    if (bytes.at == NULL)
        return;
    memcpy(parts->address, bytes.at, bytes.len);
    if (bytes.len == sizeof(parts->address))
        keep_prefix(parts->address, by->v6_prefix);
    parts->texts[0] = (struct mw_str){(const char *)parts->address, bytes.len};
}

static void
fill_identity(const struct limit_by *by, const struct mw_host *host,
              const struct mw_request *request, struct parts *parts)
{
    (void)by;
    parts->texts[0] = host->issuer(request);
    parts->texts[1] = host->subject(request);
}

static void
fill_route(const struct limit_by *by, const struct mw_host *host, const struct mw_request *request,
           struct parts *parts)
{
    (void)by;
    parts->texts[0] = host->route(request);
}

static void
fill_header(const struct limit_by *by, const struct mw_host *host, const struct mw_request *request,
            struct parts *parts)
{
    parts->texts[0] = host->header(request, by->name, 0);
}

static const struct limit_kind kinds[] = {
    {"address", false, fill_address},
    {"identity", false, fill_identity},
    {"route", false, fill_route},
    {"header", true, fill_header},
};

static const struct limit_kind *
find_kind(const char *text, const char **name)
{
    const char *colon = strchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

    *name = colon != NULL ? colon + 1 : NULL;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strlen(kinds[i].word) == len && memcmp(kinds[i].word, text, len) == 0 &&
            kinds[i].named == (colon != NULL))
            return &kinds[i];
    return NULL;
}

bool
limit_by_read(struct limit_by *by, const struct mw_options *options, const struct mw_host *host)
{
    const char *text = host->option_string(options, "key");
    int64_t bits = host->option_integer(options, "v6_prefix");
    bool ok = text != NULL;

    if (text != NULL && (by->kind = find_kind(text, &by->name)) == NULL) {
        host->option_fault(options, "key", 0,
                           "\"%s\": expected address, identity, route or header:NAME", text);
        ok = false;
    } else if (by->kind != NULL && by->kind->named && by->name[0] == '\0') {
        host->option_fault(options, "key", 0, "\"%s\": a name is missing behind the colon", text);
        ok = false;
    }
    if (bits < V6_PREFIX_MIN || bits > V6_PREFIX_MAX) {
        host->option_fault(options, "v6_prefix", 0, "expected %d to %d", V6_PREFIX_MIN,
                           V6_PREFIX_MAX);
        ok = false;
    }
    by->text = text;
    by->v6_prefix = (unsigned)bits;
    if (ok && RAND_bytes(by->secret, sizeof(by->secret)) != 1) {
        host->option_fault(options, "key", 0, "no random bytes");
        ok = false;
    }
    return ok;
}

bool
limit_by_adopt(struct limit_by *by, const struct limit_by *old)
{
    if (strcmp(by->text, old->text) != 0 || by->v6_prefix != old->v6_prefix)
        return false;
    memcpy(by->secret, old->secret, sizeof(by->secret));
    return true;
}

void *
limit_worker_start(const void *instance, struct mw_worker *worker)
{
    struct limit_worker *state = malloc(sizeof(*state));

    (void)worker;
    if (state == NULL)
        return NULL;
    *state = (struct limit_worker){instance, digest_new("SHA256")};
    if (state->digest != NULL)
        return state;
    free(state);
    return NULL;
}

void
limit_worker_stop(void *state)
{
    EVP_MD_CTX_free(((struct limit_worker *)state)->digest);
    free(state);
}

static bool
add_text(EVP_MD_CTX *digest, struct mw_str text)
{
    return digest_add(digest, (struct str){text.at, text.len});
}

bool
limit_key_of(const struct limit_by *by, const struct limit_worker *worker,
             const struct mw_host *host, const struct mw_request *request, struct limit_key *key)
{
    struct parts parts = {.texts = {{NULL, 0}}};
    unsigned char whole[EVP_MAX_MD_SIZE];

    if (worker == NULL)
        return false;
    EVP_MD_CTX *digest = worker->digest;
    by->kind->fill(by, host, request, &parts);
    if (EVP_DigestInit_ex2(digest, NULL, NULL) <= 0 ||
        EVP_DigestUpdate(digest, by->secret, sizeof(by->secret)) <= 0 ||
        !add_text(digest, parts.texts[0]) || !add_text(digest, parts.texts[1]) ||
        EVP_DigestFinal_ex(digest, whole, NULL) <= 0)
        return false;
    memcpy(key->words, whole, sizeof(key->words));
    return true;
}
