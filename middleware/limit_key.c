/* limit_key.c - one row for each kind of key; see limit_key.h. */
#include "limit_key.h"

#include "base/str.h"

#include <netinet/in.h>
#include <openssl/rand.h>
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
    for (unsigned i = 0; i<16; i++, bits = bits> 8 ? bits - 8 : 0)
        if (bits < 8)
            bytes[i] &= (unsigned char)(0xFF00 >> bits);
}

static void
fill_address(const struct limit_by *by, const struct mw_host *host,
             const struct mw_request *request, struct parts *parts)
{
    const struct sockaddr *peer = host->peer_address(request);
    size_t len = 0;

    if (peer != NULL && peer->sa_family == AF_INET) {
        len = 4;
        memcpy(parts->address, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, len);
    } else if (peer != NULL && peer->sa_family == AF_INET6) {
        len = 16;
        memcpy(parts->address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, len);
        keep_prefix(parts->address, by->v6_prefix);
    }
    if (len > 0)
        parts->texts[0] = (struct mw_str){(const char *)parts->address, len};
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
    by->v6_prefix = (unsigned)bits;
    if (ok && RAND_bytes(by->secret, sizeof(by->secret)) != 1) {
        host->option_fault(options, "key", 0, "no random bytes");
        ok = false;
    }
    return ok;
}

EVP_MD_CTX *
limit_digest_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    bool ok = context != NULL && sha256 != NULL && EVP_DigestInit_ex2(context, sha256, NULL) > 0;

    EVP_MD_free(sha256); /* the context holds it */
    if (ok)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

/* With its length in front, so that two texts cannot be taken for two others; absent is not empty.
 */
static bool
add_text(EVP_MD_CTX *digest, struct mw_str text)
{
    uint64_t len = text.at != NULL ? text.len : UINT64_MAX;

    return EVP_DigestUpdate(digest, &len, sizeof(len)) > 0 &&
           EVP_DigestUpdate(digest, text.at, text.at != NULL ? text.len : 0) > 0;
}

bool
limit_key_of(const struct limit_by *by, EVP_MD_CTX *digest, const struct mw_host *host,
             const struct mw_request *request, struct limit_key *key)
{
    struct parts parts = {.texts = {{NULL, 0}}};
    unsigned char whole[EVP_MAX_MD_SIZE];

    by->kind->fill(by, host, request, &parts);
    if (EVP_DigestInit_ex2(digest, NULL, NULL) <= 0 ||
        EVP_DigestUpdate(digest, by->secret, sizeof(by->secret)) <= 0 ||
        !add_text(digest, parts.texts[0]) || !add_text(digest, parts.texts[1]) ||
        EVP_DigestFinal_ex(digest, whole, NULL) <= 0)
        return false;
    memcpy(key->words, whole, sizeof(key->words));
    return true;
}
