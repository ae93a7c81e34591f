/*
 * target_fuzz.c - the same bytes as a request target, a Host, a query and a Cookie field. What has
 * been put into its one form must stay so when it is parsed again.
 */
#define _GNU_SOURCE /* memmem */
#include "fuzz.h"

#include "protocol/path.h"

static bool
holds(struct str text, const char *what)
{
    return memmem(text.at, text.len, what, strlen(what)) != NULL;
}

static void
check_path(const struct target *target)
{
    struct str path = target->path;
    char *again = fuzz_block(NULL, path.len + 1);
    struct target second;
    const char *error;

    FUZZ_REQUIRE(path.len > 0 && path.at[0] == '/');
    FUZZ_REQUIRE(!holds(path, "//") && !holds(path, "\\") && !holds(path, "#"));
    FUZZ_REQUIRE(!holds(path, "/../") && !holds(path, "/./") && !holds(path, "/..;"));
    FUZZ_REQUIRE(!holds(path, "%00") && !holds(path, "%5C") && !holds(path, "%2E"));
    FUZZ_REQUIRE(!holds(path, "?") && holds(path, "%2F") == target->encoded_slash);
    FUZZ_REQUIRE(target_parse(&second, path, again, &error));
    FUZZ_REQUIRE(str_equal(second.path, path) && !second.authority.at && !second.query.at);
    struct str plain = path_without_parameters(path, again);
    FUZZ_REQUIRE(plain.len > 0 && plain.at[0] == '/' && !path_has_parameters(plain));
    FUZZ_REQUIRE(!holds(plain, "//") && !holds(plain, "/../") && !holds(plain, "/./"));
    FUZZ_REQUIRE(path_has_parameters(path) || str_equal(plain, path));
    free(again);
}

static void
check_target(struct str text)
{
    char *out = fuzz_block(NULL, text.len + 1);
    struct target target;
    const char *error = NULL;

    if (target_parse(&target, text, out, &error))
        check_path(&target);
    else
        FUZZ_REQUIRE(error != NULL);
    free(out);
}

static void
check_host(struct str text, bool secure)
{
    char *out = fuzz_block(NULL, HOST_OUT_BYTES(text.len)), *again;
    struct host host, second;
    const char *error = NULL;

    if (host_parse(&host, text, secure, out, &error)) {
        FUZZ_REQUIRE(host.name.len > 0 && host.port != (secure ? 443 : 80));
        again = fuzz_block(NULL, HOST_OUT_BYTES(host.name.len));
        FUZZ_REQUIRE(host_parse(&second, host.name, secure, again, &error));
        FUZZ_REQUIRE(str_equal(second.name, host.name) && second.port == 0);
        free(again);
    } else {
        FUZZ_REQUIRE(error != NULL);
    }
    free(out);
}

static void
check_list(struct str text, bool (*find)(struct str, struct str, size_t, struct str *),
           size_t (*remove_named)(struct str, struct str, char *, size_t *))
{
    struct str name = STR("a"), value;
    char *out = fuzz_block(NULL, text.len), *decoded = fuzz_block(NULL, text.len);
    size_t count = 0, len, decoded_len;

    for (; find(text, name, count, &value); count++)
        if (query_decode(value, decoded, &decoded_len))
            FUZZ_REQUIRE(decoded_len <= value.len);
    FUZZ_REQUIRE(remove_named(text, name, out, &len) == count);
    FUZZ_REQUIRE(len <= text.len);
    FUZZ_REQUIRE(!find((struct str){out, len}, name, 0, &value));
    free(decoded);
    free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 512) /* find is asked once per hit: what is quadratic here is the target */
        return 0;
    char *bytes = fuzz_block(data, size);
    struct str text = {bytes, size};

    check_target(text);
    check_host(text, false);
    check_host(text, true);
    check_list(text, query_find, query_remove);
    check_list(text, cookie_find, cookie_remove);
    free(bytes);
    return 0;
}
