/* json_node_test.c - JSON as nodes: what is taken and what is refused, and jansson, asked with
 * tens of thousands of texts made at random, says the same. */
#include "failing_memory.h"
#include "json_judge.h"
#include "protocol/jose.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* A copy in memory of its own, with nodes for it, all of exactly the size. */
struct copy {
    char *text;
    struct json_node *nodes;
    size_t room;
    bool read;
};

static struct copy
read_copy(struct str text)
{
    struct copy copy = {malloc(text.len + (text.len == 0)), NULL, json_node_room(text), false};

    copy.nodes = malloc(copy.room * sizeof(*copy.nodes));
    if (text.len > 0)
        memcpy(copy.text, text.at, text.len);
    copy.read = json_node_read(copy.nodes, copy.room, copy.text, text.len, JOSE_DEPTH_MAX);
    return copy;
}

static void
copy_free(struct copy *copy)
{
    free(copy->text);
    free(copy->nodes);
}

/* The same verdict as jansson's, and the same values. Returns whether the text was taken. */
static bool
ask_both(struct str text)
{
    json_t *json = jose_json(text);
    struct copy copy = read_copy(text);
    bool read = copy.read;

    ck_assert_msg(read == (json != NULL), "%s alone takes " STR_FMT,
                  json ? "jansson" : "json_node", STR_ARG(text));
    if (read)
        ck_assert_msg(json_judge_same(copy.nodes, json), "another value: " STR_FMT, STR_ARG(text));
    copy_free(&copy);
    json_decref(json);
    return read;
}

/* ---- Rows ----------------------------------------------------------------------------- */

static const char *const good[] = {
    "{}",
    " \t\r\n{ \t\r\n} \t\r\n",
    "{\"a\":null,\"b\":true,\"c\":false}",
    "{\"\":\"\"}",
    "{\"a\":[],\"b\":{},\"c\":[{},[]]}",
    "{\"a\" : [ 1 , 2 ] , \"b\" : { \"c\" : 3 } }",
    "{\"a\":0,\"b\":-0,\"c\":-1,\"d\":9223372036854775807,\"e\":-9223372036854775808}",
    "{\"a\":1.5,\"b\":-0.0,\"c\":1e5,\"d\":1E+5,\"e\":1e-5,\"f\":0.1e1,\"g\":1e308,\"h\":1e-400}",
    "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
    "{\"a\":\"\\u0041\\u00fc\\u20ac\\ud83d\\ude00\\uFFFF\\ud7ff\\ue000\"}",
    "{\"a\":\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\x7f\"}",
    "{\"a\":\"x\\u0041y\\nz and so on, far enough to be moved eight bytes at a time\"}",
    "{\"na\\u006de\":1,\"nam\":2}",
    "{\"iss\":\"https://id.example.com\",\"aud\":[\"chat\",\"files\"],\"sub\":\"248289761001\","
    "\"iat\":1700000000,\"exp\":1700003600,\"realm_access\":{\"roles\":[\"user\",\"admin\"]}}",
    "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
    "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"t\":1,\"u\":1,\"v\":1,"
    "\"w\":1,\"x\":1,\"y\":1,\"z\":1,\"aa\":1,\"ab\":1}",
};

/* clang-format off */
#define TEXT(literal) {literal, sizeof(literal) - 1}
/* clang-format on */

static const struct str bad[] = {
    TEXT(""),
    TEXT(" "),
    TEXT("{"),
    TEXT("}"),
    TEXT("[]"),
    TEXT("1"),
    TEXT("\"a\""),
    TEXT("null"),
    TEXT("{}{}"),
    TEXT("{}x"),
    TEXT("{}\0"),
    TEXT("\xef\xbb\xbf{}"),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\":1,}"),
    TEXT("{,\"a\":1}"),
    TEXT("{a:1}"),
    TEXT("{'a':1}"),
    TEXT("{1:1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{\"a\":[1,]}"),
    TEXT("{\"a\":[,1]}"),
    TEXT("{\"a\":[1 2]}"),
    TEXT("{\"a\":[1}"),
    TEXT("{\"a\":[1]]}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{\"a\":1,\"\\u0061\":2}"),
    TEXT("{\"\":1,\"\":2}"),
    TEXT("{\"x\":{\"a\":1,\"b\":1,\"a\":2}}"),
    TEXT("{\"a\":01}"),
    TEXT("{\"a\":-}"),
    TEXT("{\"a\":+1}"),
    TEXT("{\"a\":-01}"),
    TEXT("{\"a\":.5}"),
    TEXT("{\"a\":1.}"),
    TEXT("{\"a\":1.e1}"),
    TEXT("{\"a\":1e}"),
    TEXT("{\"a\":1e+}"),
    TEXT("{\"a\":0x10}"),
    TEXT("{\"a\":1.5.5}"),
    TEXT("{\"a\":1e5e5}"),
    TEXT("{\"a\":NaN}"),
    TEXT("{\"a\":Infinity}"),
    TEXT("{\"a\":1e309}"),
    TEXT("{\"a\":-1e309}"),
    TEXT("{\"a\":9223372036854775808}"),
    TEXT("{\"a\":-9223372036854775809}"),
    TEXT("{\"a\":99999999999999999999999}"),
    TEXT("{\"a\":1"),
    TEXT("{\"a\":1.5"),
    TEXT("{\"a\":tru}"),
    TEXT("{\"a\":truex}"),
    TEXT("{\"a\":True}"),
    TEXT("{\"a\":nul"),
    TEXT("{\"a\":\"}"),
    TEXT("{\"a\":\"\\"),
    TEXT("{\"a\":\"\\\"}"),
    TEXT("{\"a\":\"\\x41\"}"),
    TEXT("{\"a\":\"\\U0041\"}"),
    TEXT("{\"a\":\"\\u004\"}"),
    TEXT("{\"a\":\"\\u00g1\"}"),
    TEXT("{\"a\":\"\\u0000\"}"),
    TEXT("{\"\\u0000\":1}"),
    TEXT("{\"a\":\"\\ud800\"}"),
    TEXT("{\"a\":\"\\ud800x\"}"),
    TEXT("{\"a\":\"\\ud800\\n\"}"),
    TEXT("{\"a\":\"\\ud800\\u0041\"}"),
    TEXT("{\"a\":\"\\udc00\"}"),
    TEXT("{\"a\":\"\\ud800\\ud800\"}"),
    TEXT("{\"a\":\"\\ud83d\\ude"),
    TEXT("{\"a\":\"\0\"}"),
    TEXT("{\"a\":\"\n\"}"),
    TEXT("{\"a\":\"\x1f\"}"),
    TEXT("{\"a\":\"\x80\"}"),
    TEXT("{\"a\":\"\xc0\xaf\"}"),
    TEXT("{\"a\":\"\xc3\"}"),
    TEXT("{\"a\":\"\xe0\x9f\xbf\"}"),
    TEXT("{\"a\":\"\xed\xa0\x80\"}"),
    TEXT("{\"a\":\"\xf0\x8f\xbf\xbf\"}"),
    TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"),
    TEXT("{\"a\":\"\xf8\x88\x80\x80\x80\"}"),
    TEXT("{\"a\":\"\xff\"}"),
    TEXT("{\"a\":/**/1}"),
    TEXT("{\"a\":1}\xc3"),
    TEXT("{\"a\":1\0}"),
    TEXT("{\"a\":true\0}"),
    TEXT("{\"a\":1\0,\"b\":2}"),
};

START_TEST(a_good_text_is_taken)
{
    ck_assert(ask_both(str_of(good[_i])));
}
END_TEST

START_TEST(a_bad_text_is_refused)
{
    ck_assert(!ask_both(bad[_i]));
}
END_TEST

/* A good text without its end is none. */
START_TEST(a_cut_text_is_refused)
{
    struct str text = str_of(good[_i]);
    size_t whole = text.len;

    while (good[_i][whole - 1] != '}')
        whole--;
    for (size_t len = 0; len < whole; len++)
        ck_assert(!ask_both((struct str){text.at, len}));
}
END_TEST

START_TEST(brackets_nest_so_deep)
{
    char text[2 * JOSE_DEPTH_MAX + 16];

    for (int depth = JOSE_DEPTH_MAX - 1; depth <= JOSE_DEPTH_MAX; depth++) {
        size_t at = (size_t)sprintf(text, "{\"a\":");
        for (int i = 1; i < depth; i++)
            text[at++] = '[';
        for (int i = 1; i < depth; i++)
            text[at++] = ']';
        text[at++] = '}';
        ck_assert(ask_both((struct str){text, at}));
    }
    size_t at = (size_t)sprintf(text, "{\"a\":");
    memset(text + at, '[', JOSE_DEPTH_MAX);
    memset(text + at + JOSE_DEPTH_MAX, ']', JOSE_DEPTH_MAX);
    text[at + 2 * JOSE_DEPTH_MAX] = '}';
    ck_assert(!ask_both((struct str){text, at + 2 * JOSE_DEPTH_MAX + 1}));
}
END_TEST

/* Sorted or one by one: a name given twice is found wherever it stands. */
START_TEST(a_name_stands_once)
{
    enum { MOST = 60 };
    char text[16 * MOST + 2];

    for (int count = 2; count <= MOST; count++) {
        for (int twin = -1; twin < count - 1; twin++) {
            size_t at = 0;
            for (int i = 0; i < count; i++)
                at += (size_t)sprintf(text + at, "%c\"n%d\":%d", i ? ',' : '{',
                                      i == count - 1 && twin >= 0 ? twin : i, i);
            text[at++] = '}';
            ck_assert_int_eq(ask_both((struct str){text, at}), twin < 0);
        }
    }
}
END_TEST

/* Too few places, one by one; and sorting many names without memory. */
START_TEST(room_and_memory_may_be_short)
{
    struct str text = str_of(good[_i]);
    char *copy = malloc(text.len);
    struct json_node nodes[128];
    size_t used;

    memcpy(copy, text.at, text.len);
    ck_assert(json_node_read(nodes, COUNT_OF(nodes), copy, text.len, JOSE_DEPTH_MAX));
    used = nodes[0].span;
    ck_assert_uint_le(used, json_node_room(text));
    for (size_t room = 0; room <= used; room++) {
        memcpy(copy, text.at, text.len);
        ck_assert_int_eq(json_node_read(nodes, room, copy, text.len, JOSE_DEPTH_MAX),
                         room == used);
    }
    memcpy(copy, text.at, text.len);
    failing_memory_arm(1);
    bool read = json_node_read(nodes, used, copy, text.len, JOSE_DEPTH_MAX);
    ck_assert_int_eq(read, !failing_memory_disarm());
    free(copy);
}
END_TEST

START_TEST(nothing_holds_nothing)
{
    struct copy copy = read_copy(STR("{\"a\":{\"b\":[1,\"x\"]},\"c\":\"y\"}"));
    const struct json_node *a = json_node_member(copy.nodes, STR("a"));
    const struct json_node *c = json_node_member(copy.nodes, STR("c"));

    ck_assert_ptr_eq(json_node_member(a, STR("b")), a + 2);
    ck_assert_ptr_null(json_node_member(a, STR("a")));
    ck_assert_ptr_null(json_node_member(copy.nodes, STR("b")));
    ck_assert_ptr_null(json_node_member(c, STR("a")));
    ck_assert_ptr_null(json_node_member(NULL, STR("a")));
    ck_assert_ptr_null(json_node_first(c));
    ck_assert_ptr_null(json_node_first(NULL));
    ck_assert(!json_node_is(NULL, JSON_NODE_NULL));
    ck_assert_ptr_null(json_node_text(a).at);
    ck_assert(str_equal(json_node_text(c), STR("y")));
    copy_free(&copy);
}
END_TEST

/* ---- Texts made at random ---------------------------------------------------------------- */

enum { MADE_MAX = 2048 };

static unsigned
next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const char *const scalars[] = {
    "0", "-0", "1700000000", "-17", "1.25", "1e9", "-3.5E-7", "9223372036854775807", "true",
    "false", "null", "\"\"", "\"chat\"", "\"a b\"", "\"\\u00fc\\n\"", "\"\xc3\xbc\"",
    "\"\\ud83d\\ude00 and a longer text\"",
};
static const char *const names[] = {
    "iss", "aud", "sub", "exp", "nbf", "a", "b", "c", "d", "e", "\\u0061", "", "x.y", "roles",
};

/* A value; returns the place behind it. Room is plenty: what is deep is short. */
static char *
make_value(char *out, int depth, unsigned *state)
{
    unsigned kind = next_random(state) % 8, count = next_random(state) % 4;
    bool object = kind == 0;

    if (depth == 0 || kind > 1)
        return out + sprintf(out, "%s", scalars[next_random(state) % COUNT_OF(scalars)]);
    *out++ = object ? '{' : '[';
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            *out++ = ',';
        if (next_random(state) % 8 == 0)
            *out++ = ' ';
        if (object)
            out += sprintf(out, "\"%s\":", names[next_random(state) % COUNT_OF(names)]);
        out = make_value(out, depth - 1, state);
    }
    *out++ = object ? '}' : ']';
    return out;
}

static size_t
make_object(char *text, unsigned *state)
{
    char *out = text;
    unsigned count = next_random(state) % 6;

    *out++ = '{';
    for (unsigned i = 0; i < count; i++) {
        out += sprintf(out, "%s\"%s\":", i > 0 ? "," : "",
                       names[next_random(state) % COUNT_OF(names)]);
        out = make_value(out, 3, state);
    }
    *out++ = '}';
    return (size_t)(out - text);
}

/* A byte another, gone, twice, or one that means something put in. */
static size_t
mutate(char *text, size_t len, unsigned *state)
{
    static const char meaning[] = "{}[]:,\"\\/bfnrtu0123456789dDcCeE+-. \t\x01\x7f"
                                  "\x80\xc3\xbc\xed\xf0";
    size_t at = next_random(state) % len;
    char c = meaning[next_random(state) % (sizeof(meaning) - 1)];

    switch (next_random(state) % 4) {
    case 0:
        text[at] = (char)next_random(state);
        return len;
    case 1:
        memmove(text + at, text + at + 1, len - at - 1);
        return len - 1;
    case 2:
        text[at] = c;
        return len;
    default:
        memmove(text + at + 1, text + at, len - at);
        text[at] = c;
        return len + 1;
    }
}

START_TEST(jansson_says_the_same)
{
    enum { TEXTS = 4000, MUTANTS = 4 };
    unsigned state = 0x5eed + (unsigned)_i;
    char text[MADE_MAX];
    size_t taken = 0;

    for (int i = 0; i < TEXTS; i++) {
        size_t len = make_object(text, &state);
        ck_assert_uint_lt(len, MADE_MAX - 16);
        taken += ask_both((struct str){text, len});
        for (int m = 0; m < MUTANTS && len > 0; m++) {
            len = mutate(text, len, &state);
            taken += ask_both((struct str){text, len});
        }
    }
    ck_assert_uint_gt(taken, TEXTS); /* and many were refused */
    ck_assert_uint_lt(taken, TEXTS * (MUTANTS + 1) / 2);
}
END_TEST

Suite *
json_node_suite(void)
{
    Suite *suite = suite_create("json_node");
    TCase *tc = tcase_create("json_node");

    tcase_add_loop_test(tc, a_good_text_is_taken, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, a_bad_text_is_refused, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, a_cut_text_is_refused, 0, COUNT_OF(good));
    tcase_add_test(tc, brackets_nest_so_deep);
    tcase_add_test(tc, a_name_stands_once);
    tcase_add_loop_test(tc, room_and_memory_may_be_short, 0, COUNT_OF(good));
    tcase_add_test(tc, nothing_holds_nothing);
    tcase_add_loop_test(tc, jansson_says_the_same, 0, 5);
    suite_add_tcase(suite, tc);
    return suite;
}
