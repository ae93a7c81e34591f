/*
 * forwarded_fuzz.c - a field's value as both lists of proxies. An element that names an address
 * names one that has one text, which stands in the list as it is or in quotes.
 */
#include "fuzz.h"

#include "protocol/forwarded.h"
#include "protocol/http_head.h"

typedef bool parser(struct forwarded *forwarded, struct str element);

static void
check_address(const struct forwarded *forwarded)
{
    char text[ADDRESS_TEXT_MAX];
    struct address again;

    FUZZ_REQUIRE(address_parse_ip(&again, address_format_ip(&forwarded->address, text)));
    FUZZ_REQUIRE(address_equal(&again, &forwarded->address));
    if (again.any.sa_family == AF_INET6)
        FUZZ_REQUIRE(!IN6_IS_ADDR_V4MAPPED(&again.v6.sin6_addr));
}

static bool
lies_within(struct str part, struct str whole)
{
    return part.at == NULL || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void
check(parser *parse, struct str element)
{
    char *block = fuzz_block(element.at, element.len);
    struct str copy = {block, element.len};
    struct forwarded forwarded;
    bool secure;

    if (parse(&forwarded, copy)) {
        if (forwarded.named)
            check_address(&forwarded);
        FUZZ_REQUIRE(lies_within(forwarded.proto, copy));
        if (forwarded.proto.at != NULL)
            (void)!forwarded_proto_parse(forwarded.proto, &secure);
    }
    free(block);
}

/* What X-Forwarded-For accepts, Forwarded accepts in quotes, but for IPv6 without brackets. */
static void
check_agreement(struct str element)
{
    char *text = fuzz_block(NULL, element.len + 6);
    struct forwarded plain, quoted;

    memcpy(text, "for=\"", 5);
    memcpy(text + 5, element.at, element.len);
    text[element.len + 5] = '"';
    bool is_plain = forwarded_for_parse(&plain, element);
    bool is_quoted = forwarded_parse(&quoted, (struct str){text, element.len + 6});

    if (is_plain && (element.at[0] == '[' || memchr(element.at, ':', element.len) == NULL))
        FUZZ_REQUIRE(is_quoted && quoted.named);
    if (is_plain && is_quoted && quoted.named)
        FUZZ_REQUIRE(address_equal(&plain.address, &quoted.address));
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);
    struct str rest = {block, size}, element;

    while (http_list_next(&rest, &element)) {
        check(forwarded_for_parse, element);
        check(forwarded_parse, element);
        check_agreement(element);
    }
    free(block);
    return 0;
}
