/*
 * address_fuzz.c - an address, with and without a port. What is accepted has one text, and
 * that text is accepted again as the same address.
 */
#include "fuzz.h"

#include "base/address.h"

static void
check_address(struct str text)
{
    struct address address, again;
    char written[ADDRESS_TEXT_MAX], twice[ADDRESS_TEXT_MAX];
    const char *error = NULL;

    if (!address_parse(&address, text, &error)) {
        FUZZ_REQUIRE(error != NULL);
        return;
    }
    struct str out = address_format(&address, written);

    FUZZ_REQUIRE(out.len == strlen(written) && out.len < ADDRESS_TEXT_MAX);
    FUZZ_REQUIRE(address_parse(&again, out, &error) && address_equal(&address, &again));
    FUZZ_REQUIRE(address.len == again.len);
    FUZZ_REQUIRE(str_equal(address_format(&again, twice), out));
    if (address.any.sa_family == AF_INET6)
        FUZZ_REQUIRE(!IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr));
    else if (address.any.sa_family == AF_UNIX)
        FUZZ_REQUIRE(str_equal(out, text));
}

static void
check_ip(struct str text)
{
    struct address address, again;
    char written[ADDRESS_TEXT_MAX];

    if (!address_parse_ip(&address, text))
        return;
    struct str out = address_format_ip(&address, written);

    FUZZ_REQUIRE(address_parse_ip(&again, out) && address_equal(&address, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_block(data, size);

    check_address((struct str){text, size});
    check_ip((struct str){text, size});
    free(text);
    return 0;
}
