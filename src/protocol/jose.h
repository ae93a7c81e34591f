/*
 * jose.h - compact JWS (RFC 7515, 7518, 8037) as far as it is only bytes. Pure.
 *
 * It splits a token, reads its header and its payload, and turns an ECDSA
 * signature into the form that OpenSSL wants. It knows every algorithm and every
 * reason to refuse a token, each as a row of a table. It has no keys, no clock,
 * and it verifies nothing: that is token/.
 *
 * Strict: three segments of canonical base64url; header and payload each one
 * JSON object with no name twice and no NUL, nothing behind it, not deeper
 * than JOSE_DEPTH_MAX. `crit` and `b64` are refused, and so is "none". `jwk`, `jku`,
 * `x5u`, `x5c` are not looked at: a token never brings its own key.
 */
#ifndef WSGATE_JOSE_H
#define WSGATE_JOSE_H

#include "base/compiler.h"
#include "base/str.h"

struct json_t;

enum {
    JOSE_TOKEN_MAX = 16384,    /* bytes of a token, the default bound of a whole request head */
    JOSE_DEPTH_MAX = 32,       /* the JSON parser recurses; real claims nest three or four deep */
    JOSE_KID_MAX = 255,        /* the longest in use are URLs and ARNs, some 130 */
    JOSE_TYPE_MAX = 127,       /* RFC 6838 4.2: a subtype has at most 127 characters */
    JOSE_SIGNATURE_MAX = 2048, /* RSA with 16384 bits */
    JOSE_HASH_MAX = 64,
    JOSE_DER_MAX = 144, /* SEQUENCE of two INTEGERs of 67 bytes (P-521) */
};

/* ---- Algorithms -------------------------------------------------------- */

enum jose_family { JOSE_HMAC, JOSE_RSA, JOSE_PSS, JOSE_ECDSA, JOSE_EDDSA };
enum jose_hash { JOSE_SHA256, JOSE_SHA384, JOSE_SHA512, JOSE_NO_HASH };
enum jose_curve { JOSE_P256, JOSE_P384, JOSE_P521, JOSE_ED25519, JOSE_NO_CURVE };

/* Name, family, hash, its bytes, curve, bytes of a signature (0: as long as the modulus). */
#define JOSE_ALGORITHMS(X)                                                                        \
    X(HS256, HMAC, SHA256, 32, NO_CURVE, 32)                                                      \
    X(HS384, HMAC, SHA384, 48, NO_CURVE, 48)                                                      \
    X(HS512, HMAC, SHA512, 64, NO_CURVE, 64)                                                      \
    X(RS256, RSA, SHA256, 32, NO_CURVE, 0)                                                        \
    X(RS384, RSA, SHA384, 48, NO_CURVE, 0)                                                        \
    X(RS512, RSA, SHA512, 64, NO_CURVE, 0)                                                        \
    X(PS256, PSS, SHA256, 32, NO_CURVE, 0)                                                        \
    X(PS384, PSS, SHA384, 48, NO_CURVE, 0)                                                        \
    X(PS512, PSS, SHA512, 64, NO_CURVE, 0)                                                        \
    X(ES256, ECDSA, SHA256, 32, P256, 64)                                                         \
    X(ES384, ECDSA, SHA384, 48, P384, 96)                                                         \
    X(ES512, ECDSA, SHA512, 64, P521, 132)                                                        \
    X(EdDSA, EDDSA, NO_HASH, 0, ED25519, 64)

enum jose_algorithm {
    JOSE_NO_ALGORITHM, /* zero, so that memory nobody wrote names none */
#define X(name, family, hash, hash_len, curve, signature_len) JOSE_##name,
    JOSE_ALGORITHMS(X)
#undef X
        JOSE_ALGORITHM_COUNT
};

/* A set of algorithms is a mask of these. */
#define JOSE_BIT(algorithm) (1u << (algorithm))
#define JOSE_ALL_ALGORITHMS (JOSE_BIT(JOSE_ALGORITHM_COUNT) - 2u)
/* "HS256|HS384|..." in the table's order: choice i is algorithm i + 1. */
#define JOSE_CHOICE(name, family, hash, hash_len, curve, signature_len) "|" #name
#define JOSE_CHOICES (&JOSE_ALGORITHMS(JOSE_CHOICE)[1])
/* " HS256 HS384 ..." for messages. */
#define JOSE_NAME(name, family, hash, hash_len, curve, signature_len) " " #name
#define JOSE_NAMES JOSE_ALGORITHMS(JOSE_NAME)

struct jose_algorithm_row {
    const char *name;
    enum jose_family family;
    enum jose_hash hash;
    enum jose_curve curve;
    size_t hash_len;
    size_t signature_len;
};

struct jose_curve_row {
    const char *name;             /* as in a JWK's `crv` */
    const char *group;            /* OpenSSL's name of it */
    size_t coordinate_len;        /* of x, y, r and s */
    enum jose_algorithm algorithm;
};

/* The row of an algorithm other than JOSE_NO_ALGORITHM. */
const struct jose_algorithm_row *jose_algorithm(enum jose_algorithm algorithm);
/* Exact, case-sensitive; JOSE_NO_ALGORITHM for every other name, "none" in any spelling too. */
enum jose_algorithm jose_algorithm_named(struct str name);
/* The row of a curve other than JOSE_NO_CURVE; the second by its JWK name. */
const struct jose_curve_row *jose_curve(enum jose_curve curve);
enum jose_curve jose_curve_named(struct str name);
/* All algorithms of a family. */
unsigned jose_family_mask(enum jose_family family);

/* ---- Why a token is refused --------------------------------------------- */

/* Word for log and metric, status, RFC 6750 error, error_description. The first is zero. */
#define JOSE_REASONS(X)                                                                           \
    X(UNVERIFIED, "token-unverified", 401, "invalid_token", "The access token was not verified")  \
    X(OK, "token-ok", 200, NULL, NULL)                                                            \
    X(MISSING, "token-missing", 401, NULL, NULL)                                                  \
    X(SEVERAL, "token-several", 400, "invalid_request", "More than one access token was given")   \
    X(ALONE, "token-alone", 400, "invalid_request",                                               \
      "A token subprotocol needs another subprotocol beside it")                                  \
    X(TOO_LONG, "token-too-long", 401, "invalid_token", "The access token is too long")           \
    X(MALFORMED, "token-malformed", 401, "invalid_token", "The access token is malformed")        \
    X(CRITICAL, "token-critical", 401, "invalid_token",                                           \
      "The access token needs an extension that is not supported")                                \
    X(TYPE, "token-type", 401, "invalid_token", "The access token is of another type")            \
    X(ALGORITHM, "token-algorithm", 401, "invalid_token",                                         \
      "The access token's algorithm is not accepted")                                             \
    X(KEY_UNKNOWN, "token-key-unknown", 401, "invalid_token",                                     \
      "The access token is signed with an unknown key")                                           \
    X(KEY_AMBIGUOUS, "token-key-ambiguous", 401, "invalid_token",                                 \
      "The access token does not say which key it is signed with")                                \
    X(SIGNATURE, "token-signature", 401, "invalid_token",                                         \
      "The access token's signature does not verify")                                             \
    X(CLAIM, "token-claim", 401, "invalid_token",                                                 \
      "A claim of the access token has a wrong type or range")                                    \
    X(ISSUER, "token-issuer", 401, "invalid_token", "The access token is from another issuer")    \
    X(AUDIENCE, "token-audience", 401, "invalid_token",                                           \
      "The access token is for another audience")                                                 \
    X(NO_EXPIRY, "token-no-expiry", 401, "invalid_token", "The access token never expires")       \
    X(INACTIVE, "token-inactive", 401, "invalid_token", "The access token is not active")         \
    X(REVOKED, "token-revoked", 401, "invalid_token", "The access token was revoked")             \
    X(EXPIRED, "token-expired", 401, "invalid_token", "The access token expired")                 \
    X(NOT_YET_VALID, "token-not-yet-valid", 401, "invalid_token",                                 \
      "The access token is not valid yet")                                                        \
    X(NO_ISSUE_TIME, "token-no-issue-time", 401, "invalid_token",                                 \
      "The access token does not say when it was issued")                                         \
    X(ISSUED_LATER, "token-issued-later", 401, "invalid_token",                                   \
      "The access token was issued in the future")                                                \
    X(TOO_OLD, "token-too-old", 401, "invalid_token", "The access token was issued too long ago") \
    X(RULES, "claims-not-met", 403, "insufficient_scope",                                         \
      "The access token does not grant this")                                                     \
    X(KEYS_UNAVAILABLE, "token-keys-unavailable", 503, NULL, NULL)                                \
    X(INTERNAL, "token-internal", 503, NULL, NULL)

enum jose_reason {
#define X(name, word, status, error, description) JOSE_##name,
    JOSE_REASONS(X)
#undef X
        JOSE_REASON_COUNT
};

struct jose_reason_row {
    const char *word;
    int status;
    const char *error;       /* NULL: the challenge has none */
    const char *description; /* printable ASCII without quotes; NULL with error */
};

const struct jose_reason_row *jose_reason(enum jose_reason reason);

/* ---- A token -------------------------------------------------------------- */

/* All point into the token and are still encoded. */
struct jose_parts {
    struct str header, payload, signature;
    struct str signed_text; /* header "." payload: what the signature is over */
};

struct jose_header {
    enum jose_algorithm algorithm; /* NO_ALGORITHM: one that we do not know, or "none" */
    bool critical;                 /* it has `crit` or `b64` */
    bool has_kid;
    size_t kid_len, type_len; /* type_len == 0: no `typ` */
    char kid[JOSE_KID_MAX + 1];
    char type[JOSE_TYPE_MAX + 1];
};

/* JOSE_OK, TOO_LONG or MALFORMED. Looks at dots and lengths alone. */
enum jose_reason jose_split(struct jose_parts *parts, struct str token) MUST_CHECK;
/* segment: parts.header; scratch: at least segment.len bytes, overwritten. JOSE_OK or MALFORMED;
 * what to make of the algorithm and of `critical` is the caller's. */
enum jose_reason jose_header_read(struct jose_header *header, struct str segment, void *scratch)
    MUST_CHECK;
/* One JSON object as above; NULL when it is none. The caller owns it (json_decref). */
struct json_t *jose_json(struct str text) MUST_CHECK;
/* base64url, then jose_json. */
struct json_t *jose_payload_read(struct str segment, void *scratch) MUST_CHECK;

/* RFC 7515 4.1.9: is `type` the media type `wanted`? Any case; "application/" may be left out. */
bool jose_type_is(const struct jose_header *header, struct str wanted);

/*
 * r || s of exactly twice the coordinate's length, both in [1, n - 1], to an ECDSA-Sig-Value in
 * DER. Returns its length, 0 when the signature is none. out: JOSE_DER_MAX bytes.
 */
size_t jose_ecdsa_to_der(enum jose_curve curve, const unsigned char *raw, size_t len,
                         unsigned char *out) MUST_CHECK;

#endif
