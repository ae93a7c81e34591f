/*
 * origin_fuzz.c - two lines: a pattern of an allowlist, and an Origin. Written out and parsed
 * again, an origin is the same; it matches itself; a wildcard matches only below its host.
 */
#include "fuzz.h"

#include "protocol/origin.h"

#include <stdio.h>

static void
check_round_trip(const struct origin *origin)
{
    char text[1024], out[HOST_OUT_BYTES(1024)];
    struct origin_pattern pattern;
    const char *error;

    if (origin->kind != ORIGIN_TUPLE || origin->scheme.len > 256)
        return;
    int len = snprintf(text, sizeof(text), STR_FMT "://" STR_FMT, STR_ARG(origin->scheme),
                       STR_ARG(origin->host));
    if (origin->port)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ":%u", origin->port);
    FUZZ_REQUIRE(origin_pattern_parse(&pattern, (struct str){text, (size_t)len}, out, &error));
    FUZZ_REQUIRE(!pattern.subdomains && origin_matches(&pattern, origin));
}

static void
check_match(const struct origin_pattern *pattern, const struct origin *origin)
{
    struct str parent = pattern->origin.host, host = origin->host;

    if (!origin_matches(pattern, origin))
        return;
    FUZZ_REQUIRE(origin->kind == pattern->origin.kind && origin->kind != ORIGIN_NONE);
    FUZZ_REQUIRE(str_equal(origin->scheme, pattern->origin.scheme));
    if (!pattern->subdomains)
        return;
    FUZZ_REQUIRE(origin->kind == ORIGIN_TUPLE && host.len >= parent.len + 2);
    FUZZ_REQUIRE(host.at[host.len - parent.len - 1] == '.');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = line_end ? (size_t)(line_end - data) : size;
    size_t second = line_end ? size - first - 1 : 0;
    char *pattern_text = fuzz_block(data, first),
         *pattern_out = fuzz_block(NULL, HOST_OUT_BYTES(first));
    char *text = fuzz_block(line_end ? line_end + 1 : NULL, second);
    char *out = fuzz_block(NULL, HOST_OUT_BYTES(second));
    struct origin_pattern pattern;
    struct origin origin;
    const char *error = NULL;

    bool have_pattern =
        origin_pattern_parse(&pattern, (struct str){pattern_text, first}, pattern_out, &error);
    FUZZ_REQUIRE(have_pattern == (error == NULL));
    if (origin_parse(&origin, (struct str){text, second}, out, &error))
        check_round_trip(&origin);
    else
        FUZZ_REQUIRE(error != NULL);
    check_match(&pattern, &origin);
    free(pattern_text);
    free(pattern_out);
    free(text);
    free(out);
    return 0;
}
