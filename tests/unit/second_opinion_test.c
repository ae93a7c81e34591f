/*
 * second_opinion_test.c - thousands of tokens, judged here and by libjwt.
 *
 * The tokens are good ones, and good ones damaged in one to three places, from a
 * fixed seed. Two independent implementations must agree; where they do not, one
 * row of the table below says why, and proves it by looking at the token itself.
 */
#include "protocol/base64url.h"
#include "token/verify.h"
#include "token_maker.h"
#include "unit.h"

#include <jansson.h>
#include <jwt.h>

#include <stdio.h>
#include <stdlib.h>

/* For each of nine algorithms: so many are signed, and each is judged in so many variants. */
enum { TOKENS = 100, VARIANTS = 6, TOKEN_SPACE = 4096 };

/* ---- Damage ---------------------------------------------------------------------- */

/* xorshift32: the same numbers everywhere. */
static unsigned
next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* "@" stands for the algorithm's name. */
static const char *const headers[] = {
    "{\"alg\":\"@\"}",
    "{\"alg\":\"@\",\"typ\":\"JWT\"}",
    "{\"typ\":\"jwt\",\"alg\":\"@\",\"kid\":\"k\"}",
    "{\"alg\":\"@\",\"typ\":\"at+jwt\"}",
    " { \"alg\" : \"@\" } ",
    "{\"alg\":\"@\",\"crit\":[\"exp\"]}",
    "{\"alg\":\"@\",\"b64\":false}",
    "{\"alg\":\"@\",\"alg\":\"@\"}",
    "{\"alg\":\"@\",\"kid\":7}",
    "{\"alg\":\"@\",\"typ\":7}",
    "{\"alg\":\"@\"}}",
    "{\"alg\":\"@\",\"jwk\":{\"kty\":\"oct\"}}",
};

static const char *const payloads[] = {
    "{\"sub\":\"alice\",\"n\":1}",
    "{}",
    "{\"sub\":\"alice\",\"roles\":[\"a\",\"b\"],\"deep\":{\"er\":{\"x\":1.5}}}",
    "{\"sub\":\"alice\",\"sub\":\"bob\"}",
    "{\"sub\":7}",
    "{\"exp\":\"soon\"}",
    "{\"aud\":[1]}",
    "[]",
    "{\"sub\":\"alice\"} x",
    "{\"sub\":\"a\\u0000b\"}",
    "{\"sub\":\"\xff\"}",
    "not json",
    "",
};

/* Every name that a header may give the algorithm. */
static const char *
header_name(enum jose_algorithm algorithm, unsigned pick, char *buffer)
{
    static const char *const others[] = {"none", "HS256", "RS256", "ES256", "HS512", "", "ES256K"};
    const char *name = jose_algorithm(algorithm)->name;

    if (pick % 8 != 0)
        return name;
    if (pick / 8 % 2)
        return others[pick / 16 % COUNT_OF(others)];
    size_t i = 0;
    for (; name[i]; i++)
        buffer[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
    buffer[i] = '\0';
    return buffer;
}

static void
fill_in(char *out, const char *text, const char *name)
{
    for (; *text; text++) {
        if (*text == '@')
            out = stpcpy(out, name);
        else
            *out++ = *text;
    }
    *out = '\0';
}

/* One change at a random place of token, in memory of TOKEN_SPACE bytes. */
static void
damage(char *token, unsigned *state)
{
    static const char dirt[] = "=+/ .\n%-_AQgw0";
    size_t len = strlen(token), at = next_random(state) % (len + 1);
    char new = dirt[next_random(state) % (sizeof(dirt) - 1)];

    switch (next_random(state) % 6) {
    case 0: /* replace */
        if (at < len)
            token[at] = new;
        break;
    case 1: /* put in */
        memmove(token + at + 1, token + at, len - at + 1);
        token[at] = new;
        break;
    case 2: /* take out */
        if (at < len)
            memmove(token + at, token + at + 1, len - at);
        break;
    case 3: /* the last character, where unused bits are */
        if (len > 0)
            token[len - 1] = new;
        break;
    case 4: /* cut */
        token[at] = '\0';
        break;
    default: /* put something behind it */
        token[len] = new;
        token[len + 1] = '\0';
        break;
    }
}

/* A whole token, often a good one, or hardly anything would ever verify. */
static void
make_token(char *out, enum jose_algorithm algorithm, unsigned *state)
{
    char header[256], lower[16];
    const char *name = header_name(algorithm, next_random(state), lower);
    unsigned h = next_random(state) % 3 ? 0 : next_random(state) % COUNT_OF(headers);
    unsigned p = next_random(state) % 3 ? 0 : next_random(state) % COUNT_OF(payloads);

    fill_in(header, headers[h], name);
    char *token = maker_token(algorithm, header, payloads[p]);
    ck_assert_uint_lt(strlen(token), TOKEN_SPACE - 16);
    strcpy(out, token);
    free(token);
}

/* Whole the first time, then with one to three changes. */
static void
vary_token(char *out, const char *fresh, int round, unsigned *state)
{
    strcpy(out, fresh);
    for (unsigned i = 0; round > 0 && i <= next_random(state) % 3; i++)
        damage(out, state);
}

/* ---- What may be judged differently -------------------------------------------------- */

/* The i-th segment of token, from 0; at == NULL: there is none. */
static struct str
segment(const char *token, int i)
{
    for (; i > 0 && token; i--) {
        token = strchr(token, '.');
        token = token ? token + 1 : NULL;
    }
    return token ? (struct str){token, strcspn(token, ".")} : STR_NONE;
}

/* Is a segment other than the one canonical base64url of something? */
static bool
is_sloppy_base64(const char *token)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct str text;

    for (int i = 0; (text = segment(token, i)).at; i++) {
        if (text.len % 4 == 1)
            return true;
        for (size_t c = 0; c < text.len; c++)
            if (!strchr(alphabet, text.at[c]))
                return true;
        unsigned unused = text.len % 4 == 2 ? 0x0f : text.len % 4 == 3 ? 0x03 : 0;
        if (unused && ((size_t)(strchr(alphabet, text.at[text.len - 1]) - alphabet) & unused))
            return true;
    }
    return false;
}

static bool
has_other_than_three_segments(const char *token)
{
    return !segment(token, 2).at || segment(token, 3).at || segment(token, 2).len == 0;
}

/* Does the i-th segment, if it is canonical, hold that text? */
static bool
holds(const char *token, int i, const char *text)
{
    struct str part = segment(token, i);
    char plain[TOKEN_SPACE];
    size_t len;

    if (part.len >= sizeof(plain) || !base64url_decode(part, plain, &len))
        return false;
    plain[len] = '\0';
    return strstr(plain, text) != NULL;
}

static bool
has_name_twice(const char *token)
{
    return holds(token, 0, ",\"alg\":\"") || holds(token, 1, ",\"sub\":\"bob\"");
}

static bool
has_critical(const char *token)
{
    return holds(token, 0, "crit") || holds(token, 0, "b64");
}

static bool
has_kid_number(const char *token)
{
    return holds(token, 0, "\"kid\":7") || holds(token, 0, "\"typ\":7");
}

static bool
has_odd_claims(const char *token)
{
    return holds(token, 1, "\"sub\":7") || holds(token, 1, "soon") || holds(token, 1, "[1]");
}

static bool
is_list(const char *token)
{
    return holds(token, 1, "[]");
}

static bool
has_lower_case_name(const char *token)
{
    return holds(token, 0, "\"hs") || holds(token, 0, "\"rs") || holds(token, 0, "\"es");
}

static bool
has_access_type(const char *token)
{
    return holds(token, 0, "at+jwt");
}

enum side { WE_REFUSE, WE_ACCEPT };

static const struct {
    enum side side;
    bool (*explains)(const char *token);
    const char *why;
} differences[] = {
    {WE_REFUSE, is_sloppy_base64, "libjwt takes padding, unused bits and the other alphabet"},
    {WE_REFUSE, has_other_than_three_segments, "libjwt does not count segments"},
    {WE_REFUSE, has_name_twice, "libjwt takes names given twice in some places"},
    {WE_REFUSE, has_critical, "libjwt does not know crit"},
    {WE_REFUSE, has_kid_number, "libjwt does not look at kid's type"},
    {WE_REFUSE, has_odd_claims, "libjwt does not look at claims here"},
    {WE_REFUSE, is_list, "libjwt takes a payload that is no object"},
    {WE_REFUSE, has_lower_case_name, "libjwt compares algorithms without case"},
    {WE_ACCEPT, has_access_type, "libjwt wants typ to be JWT"},
};

/* Why, or NULL. */
static const char *
explanation(enum side side, const char *token)
{
    for (size_t i = 0; i < COUNT_OF(differences); i++)
        if (differences[i].side == side && differences[i].explains(token))
            return differences[i].why;
    return NULL;
}

/* ---- The comparison ---------------------------------------------------------------------- */

/* libjwt 1.10 writes behind its buffer where a segment has less than two characters: such a token
 * is not shown to it. */
static bool
libjwt_can_be_asked(const char *token)
{
    for (;;) {
        size_t segment = strcspn(token, ".");
        if (segment < 2)
            return false;
        token += segment;
        if (*token == '\0')
            return true;
        token++;
    }
}

static bool
libjwt_accepts(const char *token, struct str key, enum jose_algorithm algorithm)
{
    jwt_t *jwt = NULL;

    if (!libjwt_can_be_asked(token))
        return false;
    bool ok = jwt_decode(&jwt, token, (const unsigned char *)key.at, (int)key.len) == 0 &&
              /* its caller must compare the algorithm, or a public key serves as a secret */
              strcmp(jwt_alg_str(jwt_get_alg(jwt)), jose_algorithm(algorithm)->name) == 0;

    jwt_free(jwt);
    return ok;
}

static bool
we_accept(struct verifier *verifier, const char *token, enum jose_algorithm algorithm)
{
    const struct verify_policy policy = {.algorithms = JOSE_BIT(algorithm)};
    struct verified verified;
    bool ok = verify_token(verifier, &policy, str_of(token), 1000, &verified) == JOSE_OK;

    verified_free(&verified);
    return ok;
}

START_TEST(agrees_with_libjwt)
{
    enum jose_algorithm algorithm = (enum jose_algorithm)_i;
    struct keyset *keyset = keyset_new();
    struct key_error error;
    char *pem = maker_private(algorithm) ? maker_pem(maker_private(algorithm)) : NULL;
    struct str key = pem ? str_of(pem) : maker()->secret;
    unsigned state = 0x9e3779b9u + (unsigned)_i;
    int accepted = 0;
    char fresh[TOKEN_SPACE], token[TOKEN_SPACE];

    ck_assert(keyset_add(keyset, maker_key(algorithm, NULL), &error));
    struct verifier *verifier = verifier_new(keyset);
    keyset_unref(keyset);
    /* Valgrind is fifty times slower: it gets a tenth, with every variant. */
    int tokens = getenv("WSGATE_FEW") != NULL ? TOKENS / 10 : TOKENS;
    for (int i = 0; i < tokens * VARIANTS; i++) {
        if (i % VARIANTS == 0)
            make_token(fresh, algorithm, &state);
        vary_token(token, fresh, i % VARIANTS, &state);
        bool ours = we_accept(verifier, token, algorithm);
        bool theirs = libjwt_accepts(token, key, algorithm);
        accepted += ours;
        if (ours == theirs)
            continue;
        ck_assert_msg(explanation(ours ? WE_ACCEPT : WE_REFUSE, token), "%s: here %d, libjwt %d",
                      token, ours, theirs);
    }
    ck_assert_int_gt(accepted, tokens / 3);
    verifier_free(verifier);
    free(pem);
}
END_TEST

Suite *
second_opinion_suite(void)
{
    Suite *suite = suite_create("second_opinion");
    TCase *tc = tcase_create("libjwt");

    tcase_add_unchecked_fixture(tc, maker_setup, NULL);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, agrees_with_libjwt, JOSE_HS256, JOSE_RS512 + 1);
    tcase_add_loop_test(tc, agrees_with_libjwt, JOSE_ES256, JOSE_ES512 + 1);
    suite_add_tcase(suite, tc);
    return suite;
}
