/* route_pattern_test.c - path and host patterns, and which takes in which. */
#include "config/route_index.h"
#include "config/route_pattern.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;

static void
start(void)
{
    arena_init(&arena, NULL, SIZE_MAX);
}

static void
finish(void)
{
    arena_free(&arena);
}

#define FORM "expected the path as requests are compared: letters, digits and -._~ without " \
             "escapes, others with upper-case digits"
#define STAR "a * stands for the whole rest, as in /chat/*, and nowhere else"
#define WHOLE "expected a capture to be a whole segment: {name}, of letters, digits and _"

static const struct {
    const char *text;
    const char *error; /* NULL: valid */
    enum path_match match;
    size_t pieces;
} paths[] = {
    {"/", NULL, PATH_EXACT, 0},
    {"/chat", NULL, PATH_EXACT, 0},
    {"/chat/", NULL, PATH_EXACT, 0},
    {"/a-b._~!$&'()+,;=:@", NULL, PATH_EXACT, 0},
    {"/%5B%2F", NULL, PATH_EXACT, 0},
    {"/*", NULL, PATH_BELOW, 0},
    {"/chat/*", NULL, PATH_BELOW, 0},
    {"/{a}", NULL, PATH_CAPTURES, 2},
    {"/{a}/", NULL, PATH_CAPTURES, 2},
    {"/rooms/{room}/x/{_9}", NULL, PATH_CAPTURES, 3},
    {"", "expected a path that begins with /", 0, 0},
    {"chat", "expected a path that begins with /", 0, 0},
    {"*", "expected a path that begins with /", 0, 0},
    {"http://a/b", "expected a path that begins with /", 0, 0},
    {"/chat*", STAR, 0, 0},
    {"/*/x", STAR, 0, 0},
    {"/**", STAR, 0, 0},
    {"/a/*/*", STAR, 0, 0},
    {"/{a}x", WHOLE, 0, 0},
    {"/x{a}", WHOLE, 0, 0},
    {"/{}", WHOLE, 0, 0},
    {"/{a", WHOLE, 0, 0},
    {"/a}", WHOLE, 0, 0},
    {"/{9}", WHOLE, 0, 0},
    {"/{a-b}", WHOLE, 0, 0},
    {"/{a/b}", WHOLE, 0, 0},
    {"/{a}{b}", WHOLE, 0, 0},
    {"/{{a}}", WHOLE, 0, 0},
    {"/{a}/{b}/{a}", "two captures of one name", 0, 0},
    {"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", NULL, PATH_CAPTURES, 9},
    {"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "expected at most 8 captures", 0, 0},
    {"/{a}/*", "expected either captures or a * at the end, not both", 0, 0},
    {"//", "two slashes in a row", 0, 0},
    {"/a//b", "two slashes in a row", 0, 0},
    {"/a//*", "two slashes in a row", 0, 0},
    {"/a/../b", "dot segment", 0, 0},
    {"/.", "dot segment", 0, 0},
    {"/%2e%2e/", "dot segment", 0, 0},
    {"/..;x", "dot segment", 0, 0},
    {"/a?b", "a path has no query: arguments are not looked at", 0, 0},
    {"/a?", "a path has no query: arguments are not looked at", 0, 0},
    {"/a#b", "number sign", 0, 0},
    {"/a b", "byte outside 0x21 to 0x7E", 0, 0},
    {"/\xc3\xa9", "byte outside 0x21 to 0x7E", 0, 0},
    {"/a\\b", "backslash", 0, 0},
    {"/%", "bad escape", 0, 0},
    {"/%00", "encoded control character", 0, 0},
    {"/%41", FORM, 0, 0},
    {"/%5b", FORM, 0, 0},
};

START_TEST(path)
{
    struct route_settings route = {0};
    const char *error = NULL;
    bool valid = route_path_parse(&route, &arena, str_of(paths[_i].text), &error);

    ck_assert_msg(valid == (paths[_i].error == NULL), "%s: %s", paths[_i].text, error);
    if (!valid) {
        ck_assert_str_eq(error, paths[_i].error);
        return;
    }
    ck_assert_int_eq(route.match, paths[_i].match);
    ck_assert_uint_eq(route.piece_count, paths[_i].pieces);
}
END_TEST

static const struct {
    const char *text, *host; /* NULL: a fault */
    bool wildcard;
} hosts[] = {
    {"a", "a", false},
    {"Chat.Example.COM", "chat.example.com", false},
    {"chat.example.com.", "chat.example.com", false},
    {"*.example.com", ".example.com", true},
    {"*.COM", ".com", true},
    {"127.0.0.1", "127.0.0.1", false},
    {"[::1]", "[::1]", false},
    {"[2001:DB8::1]", "[2001:db8::1]", false},
    {"[0:0::1]", "[::1]", false},
    {"[::7f00:1]", "[::127.0.0.1]", false},
    {"", NULL, false},
    {"*", NULL, false},
    {"*.", NULL, false},
    {"a.*.b", NULL, false},
    {"*a.b", NULL, false},
    {"*.*.b", NULL, false},
    {"a..b", NULL, false},
    {".a", NULL, false},
    {"a:80", NULL, false},
    {"a:8080", NULL, false},
    {"a:", NULL, false},
    {"[::1]:80", NULL, false},
    {"*.[::1]", NULL, false},
    {"*.1.2.3.4", NULL, false},
    {"::1", NULL, false},
    {"a/b", NULL, false},
    {"https://a", NULL, false},
    {"a b", NULL, false},
    {"\xc3\xa9.com", NULL, false},
};

START_TEST(host)
{
    struct route_settings route = {0};
    const char *error = NULL;
    bool valid = route_host_parse(&route, &arena, str_of(hosts[_i].text), &error);

    ck_assert_msg(valid == (hosts[_i].host != NULL), "%s: %s", hosts[_i].text, error);
    if (!valid) {
        ck_assert_ptr_nonnull(error);
        return;
    }
    ck_assert(str_equal(route.host, str_of(hosts[_i].host)));
    ck_assert_int_eq(route.host_wildcard, hosts[_i].wildcard);
}
END_TEST

static const struct {
    const char *path, *prefix;
    bool valid;
} prefixes[] = {
    {"/chat", "/chat", true},
    {"/chat/*", "/chat", true},
    {"/chat/x", "/chat", true},
    {"/a/b/*", "/a/b", true},
    {"/rooms/{room}", "/rooms", true},
    {"/chat", "/", false},
    {"/chat", "", false},
    {"/chat", "chat", false},
    {"/chat/", "/chat/", false},
    {"/chat/x", "/cha", false},
    {"/chat", "/chat/x", false},
    {"/chats", "/chat", false},
    {"/rooms/{room}", "/rooms/{room}", false},
};

START_TEST(prefix)
{
    struct route_settings route = {0};
    const char *error = NULL;

    ck_assert(route_path_parse(&route, &arena, str_of(prefixes[_i].path), &error));
    ck_assert_int_eq(route_prefix_parse(&route, str_of(prefixes[_i].prefix), &error),
                     prefixes[_i].valid);
    ck_assert_int_eq(route.strip_prefix.at != NULL, prefixes[_i].valid);
}
END_TEST

static const struct {
    const char *wide_host, *wide_path, *narrow_host, *narrow_path;
    bool covers;
} pairs[] = {
    {NULL, "/a", NULL, "/a", true},
    {NULL, "/a", NULL, "/b", false},
    {NULL, "/a", NULL, "/a/", false},
    {NULL, "/", NULL, "/", true},
    {NULL, "/", NULL, "/a", false},
    {NULL, "/*", NULL, "/", true},
    {NULL, "/*", NULL, "/a/b", true},
    {NULL, "/*", NULL, "/a/*", true},
    {NULL, "/*", NULL, "/{a}", true},
    {NULL, "/a/*", NULL, "/a", false},
    {NULL, "/a/*", NULL, "/a/", true},
    {NULL, "/a/*", NULL, "/a/b/{c}", true},
    {NULL, "/a/*", NULL, "/{a}/b", false},
    {NULL, "/a/*", NULL, "/*", false},
    {NULL, "/a/*", NULL, "/ab/*", false},
    {NULL, "/a", NULL, "/a/*", false},
    {NULL, "/a", NULL, "/{a}", false},
    {NULL, "/{a}", NULL, "/x", true},
    {NULL, "/{a}", NULL, "/{b}", true},
    {NULL, "/{a}", NULL, "/", false},
    {NULL, "/{a}", NULL, "/x/", false},
    {NULL, "/{a}", NULL, "/*", false},
    {NULL, "/{a}/x", NULL, "/y/x", true},
    {NULL, "/{a}/x", NULL, "/{b}/{c}", false},
    {NULL, "/{a}/{b}", NULL, "/x/{c}", true},
    {NULL, "/x/{b}", NULL, "/{a}/y", false},
    {NULL, "/{a}/", NULL, "/x/", true},
    {NULL, "/a", "h", "/a", true},
    {"h", "/a", NULL, "/a", false},
    {"h", "/a", "h", "/a", true},
    {"H", "/a", "h", "/a", true},
    {"h", "/a", "i", "/a", false},
    {"*.b.c", "/a", "a.b.c", "/a", true},
    {"*.b.c", "/a", "a.a.b.c", "/a", true},
    {"*.b.c", "/a", "b.c", "/a", false},
    {"*.b.c", "/a", "ab.c", "/a", false},
    {"*.b.c", "/a", "*.b.c", "/a", true},
    {"*.b.c", "/a", "*.a.b.c", "/a", true},
    {"*.b.c", "/a", "*.c", "/a", false},
    {"a.b.c", "/a", "*.b.c", "/a", false},
    {"b.c", "/a", "*.b.c", "/a", false},
};

static void
make(struct route_settings *route, const char *host_text, const char *path_text)
{
    const char *error;

    *route = (struct route_settings){0};
    ck_assert(route_path_parse(route, &arena, str_of(path_text), &error));
    if (host_text != NULL)
        ck_assert(route_host_parse(route, &arena, str_of(host_text), &error));
}

static bool
fits_all(void *arg, const struct route_settings *wide)
{
    (void)arg, (void)wide;
    return true;
}

static bool
fits_from(void *arg, const struct route_settings *wide)
{
    return wide->index >= *(const size_t *)arg;
}

/* Among others, of which none covers. */
START_TEST(covers)
{
    struct route_settings routes[4], narrow;

    make(&routes[0], "other", pairs[_i].wide_path);
    make(&routes[1], pairs[_i].wide_host, pairs[_i].wide_path);
    make(&routes[2], pairs[_i].wide_host, "/none/of/them/*");
    make(&routes[3], "*.other", "/*");
    make(&narrow, pairs[_i].narrow_host, pairs[_i].narrow_path);
    struct route_index *index = route_index_new(&arena, routes, COUNT_OF(routes));

    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        routes[i].index = i;
        ck_assert(route_index_add(index, &routes[i]));
    }
    ck_assert_ptr_eq(route_index_covering(index, &narrow, fits_all, NULL),
                     pairs[_i].covers ? &routes[1] : NULL);
}
END_TEST

/* The first one that fits, whatever else is found on the way. */
START_TEST(covers_first)
{
    static const char *const wide[] = {"/a/{x}", "/a/b", "/*", "/a/b", "/{x}/b"};
    struct route_settings routes[COUNT_OF(wide)], narrow;

    for (size_t i = 0; i < COUNT_OF(wide); i++) {
        make(&routes[i], NULL, wide[i]);
        routes[i].index = i;
    }
    make(&narrow, "h", "/a/b");
    struct route_index *index = route_index_new(&arena, routes, COUNT_OF(routes));

    for (size_t i = 0; i < COUNT_OF(wide); i++)
        ck_assert(route_index_add(index, &routes[i]));
    for (size_t i = 0; i <= COUNT_OF(wide); i++)
        ck_assert_ptr_eq(route_index_covering(index, &narrow, fits_from, &i),
                         i < COUNT_OF(wide) ? &routes[i] : NULL);
}
END_TEST

/* Against the definition: `wide` covers `narrow` if it matches all that can stand for it. */
static bool
covers_by_definition(struct str wide, bool wide_below, struct str narrow, bool narrow_below)
{
    while (wide.len > 0 && narrow.len > 0) {
        bool last = wide_below && wide.len == 1;
        struct str a = route_take_segment(&wide), b = route_take_segment(&narrow);

        if (last)
            return true;
        if (narrow_below && narrow.len == 0)
            return false;
        if (route_is_capture(a) ? b.len == 0 : route_is_capture(b) || !str_equal(a, b))
            return false;
    }
    return wide.len == 0 && narrow.len == 0;
}

START_TEST(covers_as_defined)
{
    static const char *const segments[] = {"/a", "/b", "/{x}", "/"};
    struct route_settings routes[200];
    char text[COUNT_OF(routes)][32], *at;

    srand(7);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        at = text[i];
        for (int n = rand() % 4; n > 0; n--)
            at += sprintf(at, "%s", segments[rand() % 2]);
        at += sprintf(at, "%s", segments[rand() % 4]);
        bool captures = strchr(text[i], '{') != NULL;

        if (!captures && rand() % 3 == 0)
            strcpy(at, at[-1] == '/' ? "*" : "/*");
        if (rand() % 3 == 0 && !captures && at[-1] != '/')
            strcpy(at, "/{y}");
        make(&routes[i], NULL, text[i]);
        routes[i].index = i;
    }
    struct route_index *index = route_index_new(&arena, routes, COUNT_OF(routes));

    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const struct route_settings *expected = NULL;

        for (size_t k = i; k-- > 0;)
            if (covers_by_definition(routes[k].path, routes[k].match == PATH_BELOW, routes[i].path,
                                     routes[i].match == PATH_BELOW))
                expected = &routes[k];
        ck_assert_ptr_eq(route_index_covering(index, &routes[i], fits_all, NULL), expected);
        ck_assert(route_index_add(index, &routes[i]));
    }
}
END_TEST

START_TEST(memory_ends)
{
    struct route_settings route = {0};
    const char *error;

    for (size_t limit = 0; limit < 160; limit += 16) {
        arena_free(&arena);
        arena_init(&arena, NULL, limit);
        if (!route_path_parse(&route, &arena, STR("/rooms/{room}"), &error))
            ck_assert_str_eq(error, "out of memory");
        if (!route_host_parse(&route, &arena, STR("*.example.com"), &error))
            ck_assert_str_eq(error, "out of memory");
    }
}
END_TEST

Suite *
route_pattern_suite(void)
{
    Suite *suite = suite_create("route_pattern");
    TCase *tc = tcase_create("route_pattern");

    tcase_add_checked_fixture(tc, start, finish);
    tcase_add_loop_test(tc, path, 0, COUNT_OF(paths));
    tcase_add_loop_test(tc, host, 0, COUNT_OF(hosts));
    tcase_add_loop_test(tc, prefix, 0, COUNT_OF(prefixes));
    tcase_add_loop_test(tc, covers, 0, COUNT_OF(pairs));
    tcase_add_test(tc, covers_first);
    tcase_add_test(tc, covers_as_defined);
    tcase_add_test(tc, memory_ends);
    suite_add_tcase(suite, tc);
    return suite;
}
