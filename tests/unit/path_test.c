/* path_test.c - targets and hosts. */
#include "protocol/path.h"
#include "rows.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* An ordinary opening handshake for the row's target and host. */
static struct rows_bytes
row_request(const json_t *row)
{
    static const char rest[] = "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                               "Sec-WebSocket-Version: 13\r\n\r\n";
    struct rows_bytes target = rows_get(row, "target"), host = rows_get(row, "host");
    struct rows_bytes request;

    FILE *out = open_memstream(&request.at, &request.len);
    ck_assert_ptr_nonnull(out);
    fputs("GET ", out);
    fwrite(target.at, 1, target.len, out);
    fputs(" HTTP/1.1\r\nHost: ", out);
    fwrite(host.at, 1, host.len, out);
    fputs(rest, out);
    fclose(out);
    free(target.at);
    free(host.at);
    return request;
}

static void
check_row_string(const json_t *row, const char *name, const char *got)
{
    struct rows_bytes want = rows_get(row, name);

    ck_assert_msg(strlen(got) == want.len && memcmp(got, want.at, want.len) == 0,
                  "%s: %s is %s, not %.*s", json_string_value(json_object_get(row, "name")), name,
                  got, (int)want.len, want.at);
    free(want.at);
}

START_TEST(paths_and_hosts_have_one_form)
{
    json_t *rows = rows_load("paths.json"), *row;
    size_t i;

    ck_assert_uint_ge(json_array_size(rows), 60);
    json_array_foreach(rows, i, row)
    {
        unsigned want = (unsigned)json_integer_value(json_object_get(row, "status"));
        struct rows_bytes request = row_request(row);
        struct rows_answer answer;

        rows_judge(&answer, ROWS_ROUTE_ALL, request, 0);
        free(request.at);
        ck_assert_msg(answer.status == want, "%s: %u, not %u",
                      json_string_value(json_object_get(row, "name")), answer.status, want);
        ck_assert(json_is_string(json_object_get(row, "backend_path")) == (want == 101));
        ck_assert(json_is_string(json_object_get(row, "backend_host")) == (want == 101));
        if (want != 101)
            continue;
        check_row_string(row, "backend_path", answer.target);
        check_row_string(row, "backend_host", answer.host);
    }
    json_decref(rows);
}
END_TEST

/* What is forwarded is read by the next program in the same way: parsing it again changes nothing.
 */
START_TEST(the_one_form_is_stable)
{
    json_t *rows = rows_load("paths.json"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (!json_is_string(json_object_get(row, "backend_path")))
            continue;
        struct rows_bytes path = rows_get(row, "backend_path");
        char *out = malloc(path.len + 1);
        struct target target;
        const char *error = "unset";

        ck_assert(target_parse(&target, (struct str){path.at, path.len}, out, &error));
        ck_assert_ptr_null(error);
        ck_assert_uint_eq(target.path.len + (target.query.at ? 1 + target.query.len : 0), path.len);
        ck_assert(memcmp(target.path.at, path.at, target.path.len) == 0);
        free(out);
        free(path.at);
    }
    json_decref(rows);
}
END_TEST

/* Every byte, raw and as an escape, alone in a path: the whole rule in one place. */
START_TEST(every_byte)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (int c = 1; c < 256; c++) {
        char raw[] = {'/', 'a', (char)c, 'a'}, escape[8], out[16];
        struct target target;
        const char *error;

        bool want = c > 0x20 && c < 0x7F && c != '\\' && c != '#' && c != '%';
        ck_assert_msg(target_parse(&target, (struct str){raw, 4}, out, &error) == want, "raw %d",
                      c);

        snprintf(escape, sizeof(escape), "/a%%%02xa", c);
        want = c >= 0x20 && c != 0x7F && c != '\\';
        ck_assert_msg(target_parse(&target, str_of(escape), out, &error) == want, "%s", escape);
        if (want)
            ck_assert_uint_eq(target.path.len, strchr(unreserved, c) ? 4 : 6);
        if (want)
            ck_assert(target.encoded_slash == (c == '/'));
    }
}
END_TEST

/* With encoded_slashes: keep. */
static const struct {
    const char *target, *path; /* NULL: refused */
} kept[] = {
    {"/a%2fb", "/a%2Fb"},       {"/%2F", "/%2F"},
    {"/a%2F%2Fb", "/a%2F%2Fb"}, {"/http%3A%2F%2Fhost%2Fx", "/http%3A%2F%2Fhost%2Fx"},
    {"/a%2F...", "/a%2F..."},   {"/a%2F..b", "/a%2F..b"},
    {"/a%2F..", NULL},          {"/a%2F.", NULL},
    {"/..%2Fb", NULL},          {"/a%2F../b", NULL},
    {"/a%2F%2e%2e%2fb", NULL},  {"/a%2F..;x%2Fb", NULL},
    {"/a%2F..%3bx", NULL},
};

START_TEST(encoded_slashes_are_told)
{
    char out[64];
    struct target target;
    const char *error;

    bool taken = target_parse(&target, str_of(kept[_i].target), out, &error);
    ck_assert_msg(taken == (kept[_i].path != NULL), "%s", kept[_i].target);
    if (taken) {
        ck_assert(target.encoded_slash);
        ck_assert(str_equal(target.path, str_of(kept[_i].path)));
    }
}
END_TEST

START_TEST(the_absolute_form_has_parts)
{
    struct str text = STR("WSS://User:1@Host:99?q");
    char out[64];
    struct target target;
    const char *error;

    ck_assert(target_parse(&target, text, out, &error));
    ck_assert(target.secure);
    ck_assert(str_equal(target.authority, STR("User:1@Host:99")));
    ck_assert(str_equal(target.path, STR("/")));
    ck_assert(str_equal(target.query, STR("q")));
    ck_assert(target_parse(&target, STR("/a"), out, &error));
    ck_assert(!target.secure && !target.authority.at && !target.query.at);
    ck_assert(!target_parse(&target, STR_NONE, out, &error));
}
END_TEST

/* Text, whether TLS, then name and port; NULL: refused. */
static const struct {
    const char *text;
    bool secure;
    const char *name;
    uint16_t port;
} hosts[] = {
    {"h:80", false, "h", 0},
    {"h:80", true, "h", 80},
    {"h:443", true, "h", 0},
    {"h:443", false, "h", 443},
    {"h:", true, "h", 0},
    {"H.:1", false, "h", 1},
    {"[::A]:443", true, "[::a]", 0},
    /* RFC 5952: one form for each IPv6 address. */
    {"[0:0::1]", false, "[::1]", 0},
    {"[0:0:0:0:0:0:0:1]:80", false, "[::1]", 0},
    {"[0000:0:0:0:0:0:0.0.0.1]:8080", false, "[::1]", 8080},
    {"[0::]", false, "[::]", 0},
    {"[2001:0DB8::0001]", false, "[2001:db8::1]", 0},
    {"[2001:db8:0:0:1:0:0:1]", false, "[2001:db8::1:0:0:1]", 0},
    {"[2001:db8::1:0:0:0:1]", false, "[2001:db8:0:1::1]", 0},
    {"[2001:db8::1:1:1:1:1]", false, "[2001:db8:0:1:1:1:1:1]", 0},
    {"[1:2:3:4:5:6::8]", false, "[1:2:3:4:5:6:0:8]", 0},
    {"[::ffff:7f00:1]", false, "[::ffff:127.0.0.1]", 0},
    {"[::FFFF:127.0.0.1]", false, "[::ffff:127.0.0.1]", 0},
    {"[64:ff9b:1111:2222:3333:4444:255.255.255.255]", false,
     "[64:ff9b:1111:2222:3333:4444:ffff:ffff]", 0},
    {"[::1%25lo]", false, NULL, 0},
    {"[::1%lo]", false, NULL, 0},
    {"[::1.2.3]", false, NULL, 0},
    {"[1::2::3]", false, NULL, 0},
    {"[00001::]", false, NULL, 0},
    {"1.2.3.4.", false, "1.2.3.4", 0},
    {"1.2.3", false, NULL, 0},
    {"0x7f.1", false, "0x7f.1", 0},
    {"", false, NULL, 0},
    {":", false, NULL, 0},
    {"[", false, NULL, 0},
    {"[]", false, NULL, 0},
    {"[::1].", false, NULL, 0},
    {"[0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0]", false, NULL, 0},
};

START_TEST(hosts_with_and_without_tls)
{
    char out[HOST_OUT_BYTES(64)];
    struct host host;
    const char *error = "unset";

    bool good = host_parse(&host, str_of(hosts[_i].text), hosts[_i].secure, out, &error);
    ck_assert_msg(good == (hosts[_i].name != NULL), "%s", hosts[_i].text);
    ck_assert(good == (error == NULL));
    if (good) {
        ck_assert(str_equal(host.name, str_of(hosts[_i].name)));
        ck_assert_uint_eq(host.port, hosts[_i].port);
    }
}
END_TEST

static const struct {
    const char *path, *plain;
} parameters[] = {
    {"/a", "/a"},
    {"/a;b", "/a"},
    {"/a;b/c", "/a/c"},
    {"/a;b;c=d/e;/f", "/a/e/f"},
    {"/a%3Bb/c%3B", "/a/c"},
    {"/a;b%2Fc", "/a%2Fc"},
    {"/;b", "/"},
    {"/a;../b", "/a/b"},
};

START_TEST(parameters_go)
{
    struct str path = str_of(parameters[_i].path);
    char out[64];

    ck_assert(path_has_parameters(path) == !str_equal(path, str_of(parameters[_i].plain)));
    ck_assert(str_equal(path_without_parameters(path, out), str_of(parameters[_i].plain)));
}
END_TEST

START_TEST(a_nul_ends_no_address)
{
    char out[HOST_OUT_BYTES(64)];
    struct host host;
    const char *error;

    ck_assert(!host_parse(&host, STR("[::1\0]"), false, out, &error));
    ck_assert(!host_parse(&host, STR("h\0.example"), false, out, &error));
}
END_TEST

Suite *
path_suite(void)
{
    Suite *suite = suite_create("path");
    TCase *tc = tcase_create("path");

    tcase_add_test(tc, paths_and_hosts_have_one_form);
    tcase_add_test(tc, the_one_form_is_stable);
    tcase_add_test(tc, every_byte);
    tcase_add_loop_test(tc, encoded_slashes_are_told, 0, (int)COUNT_OF(kept));
    tcase_add_test(tc, the_absolute_form_has_parts);
    tcase_add_loop_test(tc, hosts_with_and_without_tls, 0, (int)COUNT_OF(hosts));
    tcase_add_loop_test(tc, parameters_go, 0, (int)COUNT_OF(parameters));
    tcase_add_test(tc, a_nul_ends_no_address);
    suite_add_tcase(suite, tc);
    return suite;
}
