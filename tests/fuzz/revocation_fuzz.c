/*
 * revocation_fuzz.c - a line of a file of revocations. What was read, written out again with every
 * byte as an escape, is read as the same.
 */
#include "fuzz.h"

#include "token/revocation_file.h"

#include <stdio.h>

static char *
escape(char *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        to += sprintf(to, "%%%02X", (unsigned char)text.at[i]);
    return to;
}

static char *
write_again(const struct revocation *revocation)
{
    static const char *const words[] = {"sub ", "jti ", "sid "};
    char *line = malloc(3 * (revocation->issuer.len + revocation->value.len) + 64), *to = line;

    FUZZ_REQUIRE(line != NULL);
    to += sprintf(to, "%s", words[revocation->kind]);
    if (revocation->kind == REVOCATION_SUBJECT) {
        to = revocation->issuer.at ? escape(to, revocation->issuer) : to + sprintf(to, "-");
        *to++ = ' ';
    }
    to = escape(to, revocation->value);
    if (revocation->until_ms != INT64_MAX)
        to += sprintf(to, "\t%lld", (long long)revocation->until_ms / 1000);
    *to = '\0';
    return line;
}

static void
check_again(const struct revocation *revocation)
{
    char *line = write_again(revocation), *text = malloc(strlen(line) + 1);
    struct revocation again;
    const char *error;

    FUZZ_REQUIRE(text && revocation_line_read(&again, str_of(line), text, &error));
    FUZZ_REQUIRE(again.kind == revocation->kind && again.until_ms == revocation->until_ms);
    FUZZ_REQUIRE(str_equal(again.value, revocation->value));
    FUZZ_REQUIRE(!again.issuer.at == !revocation->issuer.at);
    FUZZ_REQUIRE(!again.issuer.at || str_equal(again.issuer, revocation->issuer));
    free(text);
    free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = fuzz_block(data, size), *text = malloc(size + 1);
    struct revocation revocation;
    const char *error;

    FUZZ_REQUIRE(text != NULL);
    bool good = revocation_line_read(&revocation, (struct str){line, size}, text, &error);
    FUZZ_REQUIRE(good == (error == NULL));
    if (good && revocation.value.at) {
        FUZZ_REQUIRE(revocation.value.len > 0);
        check_again(&revocation);
    }
    free(text);
    free(line);
    return 0;
}
