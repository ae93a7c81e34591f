/* limit_key.c - see limit_key.h. */
#include "limit_key.h"

#include "protocol/digest.h"

#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

enum { V6_PREFIX_MIN = 16, V6_PREFIX_MAX = 128 };

bool
limit_by_read(struct limit_by *by, const struct mw_options *options, const struct mw_host *host)
{
    int64_t bits = host->option_integer(options, "v6_prefix");
    bool ok = request_part_read(&by->part, options, host, "key", 0,
                                host->option_string(options, "key"));

    if (bits < V6_PREFIX_MIN || bits > V6_PREFIX_MAX) {
        host->option_fault(options, "v6_prefix", 0, "expected %d to %d", V6_PREFIX_MIN,
                           V6_PREFIX_MAX);
        ok = false;
    }
    by->part.v6_prefix = (unsigned)bits;
    if (ok && RAND_bytes(by->secret, sizeof(by->secret)) != 1) {
        host->option_fault(options, "key", 0, "no random bytes");
        ok = false;
    }
    return ok;
}

static bool
is_same(const struct request_part *a, const struct request_part *b)
{
    return a->kind == b->kind && a->v6_prefix == b->v6_prefix &&
           (a->name == NULL || strcmp(a->name, b->name) == 0);
}

bool
limit_by_adopt(struct limit_by *by, const struct limit_by *old)
{
    if (!is_same(&by->part, &old->part))
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

bool
limit_key_of(const struct limit_by *by, const struct limit_worker *worker,
             const struct mw_host *host, const struct mw_request *request, struct limit_key *key)
{
    unsigned char whole[EVP_MAX_MD_SIZE];

    if (worker == NULL)
        return false;
    EVP_MD_CTX *digest = worker->digest;
    if (EVP_DigestInit_ex2(digest, NULL, NULL) <= 0 ||
        EVP_DigestUpdate(digest, by->secret, sizeof(by->secret)) <= 0 ||
        !request_part_add(&by->part, digest, host, request) ||
        EVP_DigestFinal_ex(digest, whole, NULL) <= 0)
        return false;
    memcpy(key->words, whole, sizeof(key->words));
    return true;
}
