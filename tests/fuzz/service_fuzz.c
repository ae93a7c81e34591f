/*
 * service_fuzz.c - two lines: a Cache-Control value, and the address of a service. A value never
 * keeps an answer longer for being read twice, or behind a stricter one; an address that is taken
 * has no user in it, and goes in the clear to this machine alone.
 */
#include "fuzz.h"

#include "protocol/cache_control.h"
#include "protocol/service_url.h"

#include <strings.h>

static void
check_cache_control(struct str value)
{
    int64_t age = cache_control_max_age(CACHE_CONTROL_SILENT, value);

    FUZZ_REQUIRE(age >= CACHE_CONTROL_SILENT && age <= CACHE_CONTROL_MAX);
    FUZZ_REQUIRE(cache_control_max_age(age, value) == age);
    FUZZ_REQUIRE(cache_control_max_age(0, value) == 0);
}

static void
check_url(const char *url)
{
    const char *error;

    bool good = service_url_check(url, &error);
    FUZZ_REQUIRE(good == (error == NULL));
    if (!good)
        return;
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : 8;
    size_t authority = strcspn(url + scheme, "/?");
    FUZZ_REQUIRE(authority > 0 && memchr(url + scheme, '@', authority) == NULL);
    FUZZ_REQUIRE(scheme == 8 || strncasecmp(url + scheme, "localhost", 9) == 0 ||
                 strncmp(url + scheme, "127.", 4) == 0 || strncmp(url + scheme, "[::1]", 5) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = line_end ? (size_t)(line_end - data) : size;
    size_t second = line_end ? size - first - 1 : 0;
    char *value = fuzz_block(data, first), *url = fuzz_block(NULL, second + 1);

    if (second > 0)
        memcpy(url, line_end + 1, second);
    url[second] = '\0';
    check_cache_control((struct str){value, first});
    check_url(url);
    free(value);
    free(url);
    return 0;
}
