/* jose_test.c - tokens as bytes: segments, headers, JSON, ECDSA's two forms. */
#include "failing_memory.h"
#include "protocol/base64url.h"
#include "protocol/jose.h"
#include "token_maker.h"
#include "unit.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- Tables ----------------------------------------------------------------- */

START_TEST(algorithms_are_named_exactly)
{
    static const char *const strangers[] = {
        "",      "none",   "None",  "NONE",  "nOnE",     "hs256",  "HS256 ", " HS256", "HS1",
        "RS128", "ES256K", "EDDSA", "eddsa", "Ed25519",  "RSA1_5", "dir",    "HS25",   "HS2566",
        "ES521", "PS",     "HS256\n"};

    for (size_t i = 0; i < COUNT_OF(strangers); i++)
        ck_assert_int_eq(jose_algorithm_named(str_of(strangers[i])), JOSE_NO_ALGORITHM);
    ck_assert_int_eq(jose_algorithm_named(STR_NONE), JOSE_NO_ALGORITHM);
    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        ck_assert_int_eq(jose_algorithm_named(str_of(jose_algorithm(a)->name)), a);
    ck_assert_str_eq(JOSE_CHOICES, "HS256|HS384|HS512|RS256|RS384|RS512|PS256|PS384|PS512|ES256|"
                                   "ES384|ES512|EdDSA");
    ck_assert_uint_eq(JOSE_ALL_ALGORITHMS, 0x3ffe);
    ck_assert_uint_eq(jose_family_mask(JOSE_ECDSA),
                      JOSE_BIT(JOSE_ES256) | JOSE_BIT(JOSE_ES384) | JOSE_BIT(JOSE_ES512));
}
END_TEST

START_TEST(curves_are_named_exactly)
{
    ck_assert_int_eq(jose_curve_named(STR("P-256")), JOSE_P256);
    ck_assert_int_eq(jose_curve_named(STR("Ed25519")), JOSE_ED25519);
    ck_assert_int_eq(jose_curve_named(STR("p-256")), JOSE_NO_CURVE);
    ck_assert_int_eq(jose_curve_named(STR_NONE), JOSE_NO_CURVE);
}
END_TEST

/* RFC 6750 3: error_description is printable ASCII without '"' and '\'. */
START_TEST(reasons_can_stand_in_a_challenge)
{
    for (enum jose_reason r = JOSE_UNVERIFIED; r < JOSE_REASON_COUNT; r++) {
        const struct jose_reason_row *row = jose_reason(r);
        ck_assert(str_starts_with(str_of(row->word), STR("token-")) || r == JOSE_RULES);
        ck_assert_int_eq(row->error == NULL, row->description == NULL);
        for (const char *c = row->description; c && *c; c++)
            ck_assert(*c >= ' ' && *c <= '~' && *c != '"' && *c != '\\');
        ck_assert(!row->description || strlen(row->description) < 100);
    }
    ck_assert_int_eq(JOSE_UNVERIFIED, 0);
    ck_assert_int_eq(jose_reason(JOSE_MISSING)->status, 401);
    ck_assert_int_eq(jose_reason(JOSE_SEVERAL)->status, 400);
}
END_TEST

/* ---- Segments ----------------------------------------------------------------- */

static const struct {
    const char *token;
    enum jose_reason reason;
    const char *header, *payload, *signature, *signed_text;
} splits[] = {
    {"a.b.c", JOSE_OK, "a", "b", "c", "a.b"},
    {"aa.bbb.cccc", JOSE_OK, "aa", "bbb", "cccc", "aa.bbb"},
    {"a..c", JOSE_OK, "a", "", "c", "a."},
    {"", JOSE_MALFORMED},
    {".", JOSE_MALFORMED},
    {"..", JOSE_MALFORMED},
    {"...", JOSE_MALFORMED},
    {"a", JOSE_MALFORMED},
    {"a.", JOSE_MALFORMED},
    {"a.b", JOSE_MALFORMED},
    {"a.b.", JOSE_MALFORMED},
    {".b.c", JOSE_MALFORMED},
    {"a..", JOSE_MALFORMED},
    {"a.b.c.", JOSE_MALFORMED},
    {"a.b.c.d", JOSE_MALFORMED},
    {"a.b.c.d.e", JOSE_MALFORMED}, /* JWE */
    {".a.b.c", JOSE_MALFORMED},
};

START_TEST(splits_into_three)
{
    struct jose_parts parts;

    ck_assert_int_eq(jose_split(&parts, str_of(splits[_i].token)), splits[_i].reason);
    if (splits[_i].reason != JOSE_OK)
        return;
    ck_assert(str_equal(parts.header, str_of(splits[_i].header)));
    ck_assert(str_equal(parts.payload, str_of(splits[_i].payload)));
    ck_assert(str_equal(parts.signature, str_of(splits[_i].signature)));
    ck_assert(str_equal(parts.signed_text, str_of(splits[_i].signed_text)));
}
END_TEST

START_TEST(bounds_the_token)
{
    struct jose_parts parts;
    char *token = malloc(JOSE_TOKEN_MAX + 1);

    memset(token, 'a', JOSE_TOKEN_MAX + 1);
    token[10] = token[20] = '.';
    ck_assert_int_eq(jose_split(&parts, (struct str){token, JOSE_TOKEN_MAX}), JOSE_OK);
    ck_assert_int_eq(jose_split(&parts, (struct str){token, JOSE_TOKEN_MAX + 1}), JOSE_TOO_LONG);
    ck_assert_int_eq(jose_split(&parts, STR_NONE), JOSE_MALFORMED);
    free(token);
}
END_TEST

/* ---- Headers --------------------------------------------------------------------- */

static const struct {
    const char *json;
    enum jose_reason reason;
    enum jose_algorithm algorithm;
    bool critical;
    const char *kid;
} headers[] = {
    {"{\"alg\":\"RS256\"}", JOSE_OK, JOSE_RS256},
    {" {\t\"alg\" : \"EdDSA\" }\r\n", JOSE_OK, JOSE_EdDSA},
    {"{\"alg\":\"RS256\",\"kid\":\"k\"}", JOSE_OK, JOSE_RS256, false, "k"},
    {"{\"alg\":\"RS256\",\"kid\":\"\"}", JOSE_OK, JOSE_RS256, false, ""},
    {"{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", JOSE_OK, JOSE_RS256, false,
     "../../dev/null"},
    {"{\"alg\":\"\\u0052S256\"}", JOSE_OK, JOSE_RS256},
    {"{\"alg\":\"none\"}", JOSE_OK, JOSE_NO_ALGORITHM},
    {"{\"alg\":\"NONE\"}", JOSE_OK, JOSE_NO_ALGORITHM},
    {"{\"alg\":\"\"}", JOSE_OK, JOSE_NO_ALGORITHM},
    {"{\"alg\":\"ES256K\"}", JOSE_OK, JOSE_NO_ALGORITHM},
    {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", JOSE_OK, JOSE_HS256, true},
    {"{\"alg\":\"HS256\",\"crit\":[]}", JOSE_OK, JOSE_HS256, true},
    {"{\"alg\":\"HS256\",\"crit\":null}", JOSE_OK, JOSE_HS256, true},
    {"{\"alg\":\"HS256\",\"b64\":false}", JOSE_OK, JOSE_HS256, true},
    {"{\"alg\":\"HS256\",\"b64\":true}", JOSE_OK, JOSE_HS256, true},
    {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"https://x\",\"x5u\":1,"
     "\"x5c\":[]}",
     JOSE_OK, JOSE_HS256},
    {"{}", JOSE_MALFORMED},
    {"{\"Alg\":\"RS256\"}", JOSE_MALFORMED},
    {"{\"alg\":null}", JOSE_MALFORMED},
    {"{\"alg\":256}", JOSE_MALFORMED},
    {"{\"alg\":[\"RS256\"]}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":1}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"kid\":null}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"typ\":1}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"alg\":\"RS256\"}", JOSE_MALFORMED},
    {"{\"alg\":\"none\",\"alg\":\"RS256\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":{\"a\":1,\"a\":2}}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\\u0000\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"a\\u0000\":1}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":\"\\ud800\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":\"\xff\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":\"\xc0\x80\"}", JOSE_MALFORMED},
    {"\xef\xbb\xbf{\"alg\":\"RS256\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\"}x", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\"}{}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",}", JOSE_MALFORMED},
    {"{'alg':'RS256'}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\"", JOSE_MALFORMED},
    {"[\"alg\",\"RS256\"]", JOSE_MALFORMED},
    {"\"alg\"", JOSE_MALFORMED},
    {"null", JOSE_MALFORMED},
    {"/* */{\"alg\":\"RS256\"}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":1e999}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":9223372036854775808}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":NaN}", JOSE_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":01}", JOSE_MALFORMED},
};

START_TEST(reads_headers)
{
    struct jose_header header;
    char *segment = maker_text(headers[_i].json), scratch[512];

    ck_assert_msg(jose_header_read(&header, str_of(segment), scratch) == headers[_i].reason, "%s",
                  headers[_i].json);
    if (headers[_i].reason == JOSE_OK) {
        ck_assert_int_eq(header.algorithm, headers[_i].algorithm);
        ck_assert_int_eq(header.critical, headers[_i].critical);
        ck_assert_int_eq(header.has_kid, headers[_i].kid != NULL);
        if (headers[_i].kid)
            ck_assert_str_eq(header.kid, headers[_i].kid);
    }
    free(segment);
}
END_TEST

/* A header cut anywhere, and one with any byte of its base64url changed to one outside. */
START_TEST(refuses_cut_and_dirty_headers)
{
    struct jose_header header;
    char *segment = maker_text("{\"alg\":\"RS256\",\"kid\":\"k\"}"), scratch[128];
    size_t len = strlen(segment);

    for (size_t i = 0; i < len; i++) {
        static const char dirt[] = "=+/ \n.%";
        char kept = segment[i];

        ck_assert_int_eq(jose_header_read(&header, (struct str){segment, i}, scratch),
                         JOSE_MALFORMED);
        for (const char *d = dirt; *d; d++) {
            segment[i] = *d;
            ck_assert_int_eq(jose_header_read(&header, str_of(segment), scratch), JOSE_MALFORMED);
        }
        segment[i] = kept;
    }
    ck_assert_int_eq(jose_header_read(&header, str_of(segment), scratch), JOSE_OK);
    free(segment);
}
END_TEST

/* So many that their nodes need memory of their own, which may not be there. */
START_TEST(a_header_may_have_many_members)
{
    enum { MEMBERS = 40 };
    char json[16 * MEMBERS + 32], scratch[2 * sizeof(json)];
    struct jose_header header;
    size_t at = 0;

    for (int i = 0; i < MEMBERS; i++)
        at += (size_t)sprintf(json + at, "%c\"m%d\":[%d]", i ? ',' : '{', i, i);
    sprintf(json + at, ",\"alg\":\"RS256\"}");
    char *segment = maker_text(json);
    ck_assert_int_eq(jose_header_read(&header, str_of(segment), scratch), JOSE_OK);
    ck_assert_int_eq(header.algorithm, JOSE_RS256);
    failing_memory_arm(1);
    ck_assert_int_eq(jose_header_read(&header, str_of(segment), scratch), JOSE_MALFORMED);
    ck_assert(failing_memory_disarm());
    free(segment);
}
END_TEST

static enum jose_reason
header_with(const char *member, size_t len)
{
    struct jose_header header;
    char json[1024], value[600], scratch[1024];

    memset(value, 'k', len);
    value[len] = '\0';
    snprintf(json, sizeof(json), "{\"alg\":\"RS256\",\"%s\":\"%s\"}", member, value);
    char *segment = maker_text(json);
    enum jose_reason reason = jose_header_read(&header, str_of(segment), scratch);
    free(segment);
    return reason;
}

START_TEST(bounds_kid_and_typ)
{
    ck_assert_int_eq(header_with("kid", JOSE_KID_MAX), JOSE_OK);
    ck_assert_int_eq(header_with("kid", JOSE_KID_MAX + 1), JOSE_MALFORMED);
    ck_assert_int_eq(header_with("typ", JOSE_TYPE_MAX), JOSE_OK);
    ck_assert_int_eq(header_with("typ", JOSE_TYPE_MAX + 1), JOSE_MALFORMED);
    ck_assert_int_eq(header_with("x", 500), JOSE_OK);
}
END_TEST

START_TEST(compares_types)
{
    static const struct {
        const char *type, *wanted;
        bool same;
    } types[] = {
        {"at+jwt", "at+jwt", true},
        {"AT+JWT", "at+jwt", true},
        {"application/at+jwt", "at+jwt", true},
        {"at+jwt", "application/at+jwt", true},
        {"Application/AT+jwt", "application/at+jwt", true},
        {"JWT", "at+jwt", false},
        {"at+jwt ", "at+jwt", false},
        {"text/at+jwt", "at+jwt", false},
        {"application/", "application/", true},
        {"", "at+jwt", false},
    };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct jose_header header = {.type_len = strlen(types[i].type)};
        memcpy(header.type, types[i].type, header.type_len);
        ck_assert_int_eq(jose_type_is(&header, str_of(types[i].wanted)), types[i].same);
    }
}
END_TEST

/* ---- JSON --------------------------------------------------------------------------- */

static bool
nests(size_t depth, const char *open, const char *close)
{
    char text[4096] = "{\"a\":";
    size_t at = strlen(text);

    for (size_t i = 1; i < depth; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", open);
    at += (size_t)snprintf(text + at, sizeof(text) - at, "1");
    for (size_t i = 1; i < depth; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", close);
    at += (size_t)snprintf(text + at, sizeof(text) - at, "}");
    json_t *json = jose_json((struct str){text, at});
    json_decref(json);
    return json != NULL;
}

START_TEST(bounds_the_depth)
{
    ck_assert(nests(1, "[", "]"));
    ck_assert(nests(JOSE_DEPTH_MAX, "[", "]"));
    ck_assert(!nests(JOSE_DEPTH_MAX + 1, "[", "]"));
    ck_assert(nests(JOSE_DEPTH_MAX, "{\"a\":", "}"));
    ck_assert(!nests(JOSE_DEPTH_MAX + 1, "{\"a\":", "}"));

    /* Brackets inside strings do not count, and an escaped quote does not end one. */
    json_t *json = jose_json(STR("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}"));
    ck_assert_ptr_nonnull(json);
    json_decref(json);
    ck_assert_ptr_null(jose_json(STR("]]]]")));
    ck_assert_ptr_null(jose_json(STR("{\"a\":\"\\")));
}
END_TEST

START_TEST(deep_rubbish_costs_no_stack)
{
    char *text = malloc(12000);

    memset(text, '[', 12000);
    ck_assert_ptr_null(jose_json((struct str){text, 12000}));
    free(text);
}
END_TEST

START_TEST(refuses_raw_nul)
{
    static const char text[] = "{\"a\":1}\0";
    static const char inside[] = "{\"a\":\"x\0y\"}";
    static const char behind[] = "{\"a\":1\0,\"b\":2}"; /* jansson passes over this one */

    ck_assert_ptr_null(jose_json((struct str){text, sizeof(text) - 1}));
    ck_assert_ptr_null(jose_json((struct str){inside, sizeof(inside) - 1}));
    ck_assert_ptr_null(jose_json((struct str){behind, sizeof(behind) - 1}));
    ck_assert_ptr_null(jose_json(STR("")));
}
END_TEST

/* ---- ECDSA ---------------------------------------------------------------------------- */

/* The order of the curve's group, as OpenSSL knows it. */
static void
order_of(enum jose_curve curve, unsigned char *out)
{
    static const int nids[] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
    EC_GROUP *group = EC_GROUP_new_by_curve_name(nids[curve]);
    int len = (int)jose_curve(curve)->coordinate_len;

    ck_assert_int_eq(BN_bn2binpad(EC_GROUP_get0_order(group), out, len), len);
    EC_GROUP_free(group);
}

static void
subtract_one(unsigned char *number, size_t len)
{
    while (len-- > 0 && number[len]-- == 0)
        continue;
}

START_TEST(bounds_r_and_s_by_the_order)
{
    size_t half = jose_curve((enum jose_curve)_i)->coordinate_len;
    unsigned char raw[132] = {0}, der[JOSE_DER_MAX], *r = raw, *s = raw + half;
    enum jose_curve curve = (enum jose_curve)_i;

    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0); /* 0, 0 */
    r[half - 1] = 1;
    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0); /* 1, 0 */
    s[half - 1] = 1;
    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 8); /* 1, 1 */
    order_of(curve, r);
    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0); /* n, 1 */
    subtract_one(r, half);
    ck_assert_uint_gt(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0); /* n - 1, 1 */
    order_of(curve, s);
    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0); /* n - 1, n */
    memset(s, 0xff, half);
    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0);
    memset(r, 0, half);
    ck_assert_uint_eq(jose_ecdsa_to_der(curve, raw, 2 * half, der), 0); /* 0, too large */
}
END_TEST

START_TEST(wants_the_exact_length)
{
    unsigned char raw[200], der[JOSE_DER_MAX];

    memset(raw, 1, sizeof(raw));
    for (size_t len = 0; len < sizeof(raw); len++)
        for (enum jose_curve c = JOSE_P256; c <= JOSE_P521; c++)
            ck_assert_int_eq(jose_ecdsa_to_der(c, raw, len, der) > 0,
                             len == 2 * jose_curve(c)->coordinate_len);
}
END_TEST

START_TEST(writes_der)
{
    unsigned char raw[64] = {0}, der[JOSE_DER_MAX];
    static const unsigned char small[] = {0x30, 8, 2, 2, 0, 0x80, 2, 2, 1, 0};

    raw[31] = 0x80; /* needs a zero before it, or it would be negative */
    raw[62] = 1;
    ck_assert_uint_eq(jose_ecdsa_to_der(JOSE_P256, raw, 64, der), sizeof(small));
    ck_assert_mem_eq(der, small, sizeof(small));

    unsigned char large[132];
    memset(large, 0x7f, sizeof(large));
    large[0] = large[66] = 1;
    ck_assert_uint_eq(jose_ecdsa_to_der(JOSE_P521, large, 132, der), 3 + 2 * 68);
    ck_assert_uint_eq(der[1], 0x81);
    ck_assert_uint_eq(der[2], 2 * 68);
}
END_TEST

Suite *
jose_suite(void)
{
    Suite *suite = suite_create("jose");
    TCase *tc = tcase_create("jose");

    tcase_add_test(tc, algorithms_are_named_exactly);
    tcase_add_test(tc, curves_are_named_exactly);
    tcase_add_test(tc, reasons_can_stand_in_a_challenge);
    tcase_add_loop_test(tc, splits_into_three, 0, (int)COUNT_OF(splits));
    tcase_add_test(tc, bounds_the_token);
    tcase_add_loop_test(tc, reads_headers, 0, (int)COUNT_OF(headers));
    tcase_add_test(tc, refuses_cut_and_dirty_headers);
    tcase_add_test(tc, a_header_may_have_many_members);
    tcase_add_test(tc, bounds_kid_and_typ);
    tcase_add_test(tc, compares_types);
    tcase_add_test(tc, bounds_the_depth);
    tcase_add_test(tc, deep_rubbish_costs_no_stack);
    tcase_add_test(tc, refuses_raw_nul);
    tcase_add_loop_test(tc, bounds_r_and_s_by_the_order, JOSE_P256, JOSE_P521 + 1);
    tcase_add_test(tc, wants_the_exact_length);
    tcase_add_test(tc, writes_der);
    suite_add_tcase(suite, tc);
    return suite;
}
