/*
 * jws_fuzz.c - a token as a client may send it, against a key set with one key of each family.
 *
 * The fuzzer cannot forge a signature, so the parts are also driven apart: the header, the
 * payload and its claims, and ECDSA's two forms. The keys are fixed, and public.
 */
#include "fuzz.h"

#include "protocol/base64url.h"
#include "protocol/jose.h"
#include "token/jwks.h"
#include "token/verify.h"

#include <jansson.h>

/* RFC 7515 A.2 and A.3, RFC 8037 A.2; the secret is all zeros. */
static const char keys[] =
    "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt"
    "0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX"
    "ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
    "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    "\"}"
    "]}";

static void
on_report(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

/* One for the whole run: what it keeps between tokens is part of what is tested. */
static struct verifier *
the_verifier(void)
{
    static struct verifier *verifier;
    const struct jwks_report report = {on_report, on_report, NULL};

    if (verifier)
        return verifier;
    struct keyset *keyset = keyset_new();
    FUZZ_REQUIRE(keyset && jwks_read(keyset, str_of(keys), &report));
    verifier = verifier_new(keyset);
    FUZZ_REQUIRE(verifier != NULL);
    keyset_unref(keyset);
    return verifier;
}

static enum jose_reason
judge(const struct verify_policy *policy, struct str token)
{
    struct verified verified;
    enum jose_reason reason =
        verify_token(the_verifier(), policy, token, INT64_C(1700000000000), &verified);

    FUZZ_REQUIRE((reason == JOSE_OK) == (verified.claims != NULL));
    FUZZ_REQUIRE(reason != JOSE_UNVERIFIED && reason < JOSE_REASON_COUNT);
    verified_free(&verified);
    return reason;
}

static void
fuzz_token(struct str token)
{
    static struct verify_policy cached = {.algorithms = JOSE_ALL_ALGORITHMS, .leeway_ms = 30000};
    struct verify_policy policy = cached;
    struct jose_parts parts;

    policy.cache = NULL;
    if (!cached.cache)
        FUZZ_REQUIRE((cached.cache = token_cache_new(8, 65536)) != NULL);
    enum jose_reason reason = judge(&policy, token);
    FUZZ_REQUIRE(judge(&cached, token) == reason); /* put in, perhaps */
    FUZZ_REQUIRE(judge(&cached, token) == reason); /* found, perhaps */
    if (jose_split(&parts, token) == JOSE_OK) {
        FUZZ_REQUIRE(parts.header.len + parts.payload.len + parts.signature.len + 2 == token.len);
        FUZZ_REQUIRE(parts.header.len > 0 && parts.signature.len > 0);
    }
}

/* What decodes is written again as the same text. */
static void
fuzz_base64url(struct str text)
{
    char *bytes = fuzz_block(NULL, BASE64URL_BYTES_LEN(text.len)), *again;
    size_t len = 0;

    if (base64url_decode(text, bytes, &len)) {
        again = fuzz_block(NULL, BASE64URL_TEXT_LEN(len));
        FUZZ_REQUIRE(base64url_encode(bytes, len, again) == text.len);
        FUZZ_REQUIRE(text.len == 0 || memcmp(again, text.at, text.len) == 0);
        free(again);
    }
    free(bytes);
}

/* The input as JSON: as a header, and as claims. */
static void
fuzz_json(struct str text)
{
    static const struct str audience = {"a", 1};
    static const struct verify_policy policy = {.issuer = {"i", 1},
                                                .audiences = &audience,
                                                .audience_count = 1,
                                                .require_expiration = true};
    json_t *json = jose_json(text);
    struct verified verified = {.claims = NULL};
    struct jose_header header;
    char *segment = fuzz_block(NULL, BASE64URL_TEXT_LEN(text.len));
    char *scratch = fuzz_block(NULL, BASE64URL_TEXT_LEN(text.len));

    struct claims *claims = claims_of_text(text);
    FUZZ_REQUIRE((claims != NULL) == (json != NULL));
    if (claims &&
        verify_claims(&policy, claims->all, INT64_C(1700000000000), &verified) == JOSE_OK)
        FUZZ_REQUIRE(verified.expires_ms > INT64_C(1700000000000));
    size_t len = base64url_encode(text.at, text.len, segment);
    if (jose_header_read(&header, (struct str){segment, len}, scratch) == JOSE_OK) {
        FUZZ_REQUIRE(json != NULL && header.algorithm < JOSE_ALGORITHM_COUNT);
        FUZZ_REQUIRE(header.kid_len <= JOSE_KID_MAX && header.kid[header.kid_len] == '\0');
        FUZZ_REQUIRE(header.type_len <= JOSE_TYPE_MAX && header.type[header.type_len] == '\0');
    }
    json_decref(json);
    claims_free(claims);
    free(segment);
    free(scratch);
}

static void
fuzz_ecdsa(const uint8_t *data, size_t size)
{
    unsigned char der[JOSE_DER_MAX];

    for (enum jose_curve curve = JOSE_P256; curve <= JOSE_P521; curve++) {
        size_t len = jose_ecdsa_to_der(curve, data, size, der);
        FUZZ_REQUIRE(len <= sizeof(der));
        FUZZ_REQUIRE(len == 0 || (der[0] == 0x30 && size == 2 * jose_curve(curve)->coordinate_len));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);
    struct str text = {block, size};

    fuzz_token(text);
    fuzz_base64url(text);
    fuzz_json(text);
    fuzz_ecdsa((const uint8_t *)block, size);
    free(block);
    return 0;
}
