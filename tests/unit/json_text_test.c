/* json_text_test.c - escaping, UTF-8, and cutting what is too long; jansson has the last word. */
#include "base/json_text.h"
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

/* {"k":"<out>"} from value, at every amount of room that is too little first. */
static const struct {
    struct str in;
    const char *out;
} escapes[] = {
    {{"", 0}, ""},
    {{"plain text ~", 12}, "plain text ~"},
    {{"a\"b\\c/d", 7}, "a\\\"b\\\\c/d"},
    {{"\b\t\n\f\r", 5}, "\\b\\t\\n\\f\\r"},
    {{"\0\x01\x1b\x1f\x7f", 5}, "\\u0000\\u0001\\u001b\\u001f\\u007f"},
    {{"\xc2\x80\xc2\x9f\xc2\xa0", 6}, "\\u0080\\u009f\xc2\xa0"},
    {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {{"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 17},
     "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {{"\xdf\xbf\xc2", 3}, "\xdf\xbf\xef\xbf\xbd"},
    {{"\x80x", 2}, "\xef\xbf\xbdx"},
    {{"\xc0\xaf", 2}, "\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xc1\xbf", 2}, "\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xe0\x9f\xbf", 3}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xed\xa0\x80", 3}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xe2\x82", 2}, "\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xe2" "ab", 3}, "\xef\xbf\xbd" "ab"},
    {{"\xe2\x82z", 3}, "\xef\xbf\xbd\xef\xbf\xbdz"},
    {{"\xf0\x8f\xbf\xbf", 4}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xf4\x90\x80\x80", 4}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xf0\x9f\x98", 3}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xf5\x80\x80\x80", 4}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xff\xfe", 2}, "\xef\xbf\xbd\xef\xbf\xbd"},
    {{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf", 12},
     "\xe2\x80\xa7\\u2028\\u202e\xe2\x80\xaf"},
    {{"\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90", 12},
     "\xe2\x80\x8d\\u200e\\u200f\xe2\x80\x90"},
    {{"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", 12},
     "\xe2\x81\xa5\\u2066\\u2069\xe2\x81\xaa"},
    {{"\xd8\x9b\xd8\x9c\xd8\x9d", 6}, "\xd8\x9b\\u061c\xd8\x9d"},
};

static struct json_text
start_text(char *memory, size_t room)
{
    memory[0] = '{';
    return (struct json_text){memory, 1, room};
}

/* Exactly the bytes that are needed, on the heap, so that a sanitizer sees one too many. */
START_TEST(escapes_at_every_room)
{
    char expected[256];
    size_t len = (size_t)snprintf(expected, sizeof(expected), "{\"k\":\"%s\"", escapes[_i].out);

    for (size_t room = 1; room <= len; room++) {
        char *memory = malloc(room);
        struct json_text text = start_text(memory, room);
        bool fits = json_text_string(&text, "k", escapes[_i].in);

        ck_assert_int_eq(fits, room == len);
        ck_assert_uint_eq(text.len, fits ? len : 1);
        if (fits)
            ck_assert_mem_eq(memory, expected, len);
        free(memory);
    }
}
END_TEST

static json_t *
load(struct json_text *text)
{
    json_error_t error;
    char closed[8192];

    ck_assert_uint_lt(text->len, sizeof(closed) - 1);
    memcpy(closed, text->at, text->len);
    closed[text->len] = '}';
    json_t *object = json_loadb(closed, text->len + 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                                &error);

    ck_assert_msg(object != NULL, "%s in %.*s", error.text, (int)text->len + 1, closed);
    return object;
}

START_TEST(string_start_takes_what_fits_and_stays_json)
{
    for (size_t room = 1; room < 80; room++) {
        char *memory = malloc(room);
        struct json_text text = start_text(memory, room);

        if (json_text_string_start(&text, "k", escapes[_i].in)) {
            json_decref(load(&text));
            ck_assert_uint_ge(room, sizeof("{\"k\":\"\"") - 1);
        } else {
            ck_assert_uint_lt(room, sizeof("{\"k\":\"\"") - 1);
            ck_assert_uint_eq(text.len, 1);
        }
        free(memory);
    }
}
END_TEST

START_TEST(members_are_separated)
{
    char memory[100];
    struct json_text text = start_text(memory, sizeof(memory));

    ck_assert(json_text_bare(&text, "a", STR("-1")));
    ck_assert(json_text_string(&text, "b\n", STR("x")));
    ck_assert(json_text_bare(&text, "c", STR("true")));
    ck_assert_uint_eq(text.len, strlen("{\"a\":-1,\"b\\n\":\"x\",\"c\":true"));
    ck_assert_mem_eq(memory, "{\"a\":-1,\"b\\n\":\"x\",\"c\":true", text.len);
    text.room = text.len + 8;
    ck_assert(!json_text_bare(&text, "long", STR("12")));
    ck_assert(!json_text_bare(&text, "a very long key", STR("12")));
    json_decref(load(&text));
}
END_TEST

/* All bytes, in all neighbourhoods: the result is always JSON. */
START_TEST(random_bytes_stay_json)
{
    srand(20);
    for (int round = 0; round < 3000; round++) {
        char value[64], memory[8000];
        size_t len = (size_t)rand() % sizeof(value);
        struct json_text text = start_text(memory, sizeof(memory));

        for (size_t i = 0; i < len; i++)
            value[i] = (char)(rand() % 3 == 0 ? rand() % 128 : 0x80 + rand() % 128);
        for (int i = 0; i < 6; i++) {
            char key[2] = {(char)('a' + i), '\0'};

            ck_assert(json_text_string(&text, key, (struct str){value, len}));
        }
        json_decref(load(&text));
        size_t room = text.len / 2 + (size_t)rand() % text.len;

        if (json_text_cut(&text, room))
            ck_assert_uint_le(text.len, room);
        json_t *object = load(&text);

        ck_assert_uint_eq(json_object_size(object), 6);
        json_decref(object);
    }
}
END_TEST

START_TEST(cut_takes_from_the_longest)
{
    char memory[2000], filler[1000];
    struct json_text text = start_text(memory, sizeof(memory));

    memset(filler, 'x', sizeof(filler));
    ck_assert(json_text_string(&text, "time", STR("2026-01-01T00:00:00.000Z")));
    ck_assert(json_text_string(&text, "path", (struct str){filler, 900}));
    ck_assert(json_text_bare(&text, "status", STR("403")));
    ck_assert(json_text_string(&text, "host", (struct str){filler, 200}));
    ck_assert(json_text_cut(&text, 400));
    ck_assert_uint_le(text.len, 400);
    json_t *object = load(&text);

    ck_assert_str_eq(json_string_value(json_object_get(object, "time")),
                     "2026-01-01T00:00:00.000Z");
    ck_assert_int_eq(json_integer_value(json_object_get(object, "status")), 403);
    ck_assert_uint_ge(json_string_length(json_object_get(object, "host")), 100);
    ck_assert_uint_ge(json_string_length(json_object_get(object, "path")), 100);
    json_decref(object);
    ck_assert(!json_text_cut(&text, 60));
    json_decref(load(&text));
}
END_TEST

Suite *
json_text_suite(void)
{
    Suite *suite = suite_create("json_text");
    TCase *tc = tcase_create("json_text");

    tcase_add_loop_test(tc, escapes_at_every_room, 0, (int)COUNT_OF(escapes));
    tcase_add_loop_test(tc, string_start_takes_what_fits_and_stays_json, 0,
                        (int)COUNT_OF(escapes));
    tcase_add_test(tc, members_are_separated);
    tcase_add_test(tc, random_bytes_stay_json);
    tcase_add_test(tc, cut_takes_from_the_longest);
    suite_add_tcase(suite, tc);
    return suite;
}
