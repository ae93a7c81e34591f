/* router_test.c - which route a listener, host and path lead to. */
#include "base/compiler.h"
#include "gateway/request.h"
#include "gateway/router.h"
#include "unit.h"

static const struct listener_settings plain = {.name = "plain"}, other = {.name = "other"};
static const struct listener_settings *only_plain[] = {&plain};

static struct path_piece room[] = {{{"/rooms/", 7}, {"room", 4}}};
static struct path_piece member[] = {
    {{"/rooms/", 7}, {"room", 4}}, {{"/members/", 9}, {"id", 2}}, {{"/x", 2}, {NULL, 0}}};

static struct route_settings routes[] = {
    {.index = 0, .match = PATH_EXACT, .path = {"/chat", 5}, .host = {"a.example", 9}},
    {.index = 1,
     .match = PATH_BELOW,
     .path = {"/chat/", 6},
     .host = {".example", 8},
     .host_wildcard = true},
    {.index = 2,
     .match = PATH_EXACT,
     .path = {"/chat", 5},
     .listeners = only_plain,
     .listener_count = 1},
    {.index = 3, .match = PATH_CAPTURES, .pieces = room, .piece_count = 1},
    {.index = 4, .match = PATH_CAPTURES, .pieces = member, .piece_count = 3},
    {.index = 5, .match = PATH_BELOW, .path = {"/all/", 5}},
};
static const struct settings settings = {.routes = routes, .route_count = COUNT_OF(routes)};

static const struct {
    const struct listener_settings *listener;
    const char *host, *path;
    int route; /* -1: none */
    const char *capture[2];
} rows[] = {
    {&plain, "a.example", "/chat", 0, {0}},
    {&plain, "a.example", "/chat/", 1, {0}},
    {&plain, "b.example", "/chat/x", 1, {0}},
    {&plain, "x.b.example", "/chat/x/y", 1, {0}},
    {&plain, "example", "/chat/x", -1, {0}},  /* at least one label before a wildcard */
    {&plain, ".example", "/chat/x", -1, {0}},
    {&plain, "bexample", "/chat/x", -1, {0}}, /* a label, not a suffix */
    {&plain, "b.example.org", "/chat/x", -1, {0}},
    {&plain, "b", "/chat", 2, {0}},
    {&other, "b", "/chat", -1, {0}},
    {&other, "b", "/chatter", -1, {0}},
    {&other, "b", "/rooms/7", 3, {"7", NULL}},
    {&other, "b", "/rooms/", -1, {0}},
    {&other, "b", "/rooms", -1, {0}},
    {&other, "b", "/rooms/7/", -1, {0}},
    {&other, "b", "/rooms/7/members/9/x", 4, {"7", "9"}},
    {&other, "b", "/rooms/7/members/9/xy", -1, {0}},
    {&other, "b", "/rooms/7/members/9", -1, {0}},
    {&other, "b", "/rooms//members/9/x", -1, {0}},
    {&other, "b", "/all/", 5, {0}},
    {&other, "b", "/all", -1, {0}},
    {&other, "b", "/", -1, {0}},
    {&other, "", "", -1, {0}},
};

START_TEST(first_match_wins)
{
    struct str captures[ROUTE_CAPTURES_MAX];
    const struct route_settings *route = router_match(
        &settings, rows[_i].listener, str_of(rows[_i].host), str_of(rows[_i].path), captures);

    ck_assert_int_eq(route != NULL ? (int)route->index : -1, rows[_i].route);
    for (size_t i = 0; i < 2; i++)
        if (rows[_i].capture[i] != NULL)
            ck_assert(str_equal(captures[i], str_of(rows[_i].capture[i])));
}
END_TEST

START_TEST(captures_have_names)
{
    struct str captures[ROUTE_CAPTURES_MAX];
    const struct route_settings *route =
        router_match(&settings, &other, STR("b"), STR("/rooms/7/members/9/x"), captures);

    ck_assert(str_equal(router_capture(route, captures, STR("room")), STR("7")));
    ck_assert(str_equal(router_capture(route, captures, STR("id")), STR("9")));
    ck_assert_ptr_null(router_capture(route, captures, STR("rooms")).at);
    ck_assert_ptr_null(router_capture(NULL, captures, STR("room")).at);
}
END_TEST

Suite *
router_suite(void)
{
    Suite *suite = suite_create("router");
    TCase *tc = tcase_create("router");
    tcase_add_loop_test(tc, first_match_wins, 0, COUNT_OF(rows));
    tcase_add_test(tc, captures_have_names);
    suite_add_tcase(suite, tc);
    return suite;
}
