/*
 * jwks_fuzz.c - a key file: as a JSON Web Key Set, and as PEM or a secret.
 *
 * Faults and notes never hold a control, and a key that was taken serves at least one algorithm.
 */
#include "fuzz.h"

#include "token/checker.h"
#include "token/jwks.h"

struct told {
    size_t faults;
};

static void
check_text(const char *text)
{
    FUZZ_REQUIRE(*text);
    for (; *text; text++)
        FUZZ_REQUIRE(*text >= ' ' && *text <= '~');
}

static void
on_fault(void *arg, const char *text)
{
    ((struct told *)arg)->faults++;
    check_text(text);
}

static void
on_note(void *arg, const char *text)
{
    (void)arg;
    check_text(text);
}

static void
check_key(const struct key *key)
{
    FUZZ_REQUIRE(key->algorithms != 0 && (key->algorithms & ~JOSE_ALL_ALGORITHMS) == 0);
    FUZZ_REQUIRE((key->public_key == NULL) == (key->secret != NULL));
    FUZZ_REQUIRE(!key->secret || (key->algorithms & ~jose_family_mask(JOSE_HMAC)) == 0);
    FUZZ_REQUIRE(!key->secret || key->secret_len >= 32);
}

/* A signature of rubbish with every algorithm: it never verifies, and nothing breaks. */
static void
use_keys(const struct keyset *keyset)
{
    static const char rubbish[256] = {1, 2, 3};
    struct checker *checker = checker_new(keyset);
    const struct key *used;

    FUZZ_REQUIRE(checker != NULL);
    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++) {
        size_t len = jose_algorithm(a)->signature_len;
        struct str signature = {rubbish, len ? len : sizeof(rubbish)};
        FUZZ_REQUIRE(checker_verify(checker, a, STR_NONE, STR("text"), signature, &used) !=
                     JOSE_OK);
    }
    checker_free(checker);
}

static void
fuzz_set(struct str text)
{
    struct told told = {0};
    const struct jwks_report report = {on_fault, on_note, &told};
    struct keyset *keyset = keyset_new();

    FUZZ_REQUIRE(keyset != NULL);
    bool ok = jwks_read(keyset, text, &report);
    FUZZ_REQUIRE(ok == (told.faults == 0));
    FUZZ_REQUIRE(!ok || keyset_count(keyset) > 0);
    for (size_t i = 0; i < keyset_count(keyset); i++)
        check_key(keyset_at(keyset, i));
    use_keys(keyset);
    keyset_unref(keyset);
}

static void
fuzz_key(struct str text)
{
    struct key_error error = {""};
    struct key *key = key_from_pem(text, STR("k"), JOSE_NO_ALGORITHM, &error);

    if (key)
        check_key(key);
    else
        check_text(error.text);
    key_free(key);
    key = key_from_secret(text, STR_NONE, JOSE_NO_ALGORITHM, &error);
    FUZZ_REQUIRE((key != NULL) == (text.len >= 32));
    key_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);

    fuzz_set((struct str){block, size});
    fuzz_key((struct str){block, size});
    free(block);
    return 0;
}
