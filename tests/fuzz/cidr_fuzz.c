/*
 * cidr_fuzz.c - prefixes, one on a line. The set answers as a comparison of each prefix's bits
 * does, for the addresses at both ends of every prefix and their neighbours.
 */
#include "fuzz.h"

#include "base/address.h"

enum { PREFIXES_MAX = 32 };

/* Sixteen bytes; IPv4 as the mapped address. */
struct ip {
    uint8_t bytes[16];
};

struct prefix {
    struct ip ip;
    unsigned bits; /* of 128 */
};

static struct ip
ip_of(const struct address *address)
{
    struct ip ip = {{0}};

    if (address->any.sa_family == AF_INET6) {
        memcpy(ip.bytes, &address->v6.sin6_addr, 16);
    } else {
        ip.bytes[10] = ip.bytes[11] = 0xff;
        memcpy(ip.bytes + 12, &address->v4.sin_addr, 4);
    }
    return ip;
}

static bool
is_v4(const struct ip *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(ip->bytes, mapped, 12) == 0;
}

/* What the set has accepted, taken apart once more. */
static struct prefix
prefix_of(struct str text)
{
    const char *slash = memchr(text.at, '/', text.len);
    struct str ip_text = {text.at, slash ? (size_t)(slash - text.at) : text.len};
    bool written_v6 = memchr(ip_text.at, ':', ip_text.len) != NULL;
    struct prefix prefix = {.bits = 128};
    struct address address;

    FUZZ_REQUIRE(address_parse_ip(&address, ip_text));
    prefix.ip = ip_of(&address);
    if (slash) {
        prefix.bits = 0;
        for (const char *at = slash + 1; at < text.at + text.len; at++)
            prefix.bits = prefix.bits * 10 + (unsigned)(*at - '0');
        prefix.bits += written_v6 ? 0 : 96;
    }
    FUZZ_REQUIRE(prefix.bits <= 128);
    return prefix;
}

static bool
prefix_has(const struct prefix *prefix, const struct ip *ip)
{
    if (is_v4(&prefix->ip) != is_v4(ip))
        return false;
    for (unsigned i = 0; i < prefix->bits; i++)
        if ((prefix->ip.bytes[i / 8] ^ ip->bytes[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static void
check_ip(const struct address_set *set, const struct prefix *prefixes, size_t count,
         const struct ip *ip)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    bool expected = false;

    memcpy(&address.sin6_addr, ip->bytes, 16);
    for (size_t i = 0; i < count; i++)
        expected = expected || prefix_has(&prefixes[i], ip);
    FUZZ_REQUIRE(address_set_has(set, (struct sockaddr *)&address) == expected);
}

/* +1 or -1, around the end too. */
static struct ip
neighbour(struct ip ip, int step)
{
    for (int i = 15; i >= 0; i--) {
        ip.bytes[i] = (uint8_t)(ip.bytes[i] + step);
        if (ip.bytes[i] != (step > 0 ? 0 : 0xff))
            break;
    }
    return ip;
}

static void
check_ends(const struct address_set *set, const struct prefix *prefixes, size_t count, size_t i)
{
    struct ip first = prefixes[i].ip, last = first, before = neighbour(first, -1);

    for (unsigned bit = prefixes[i].bits; bit < 128; bit++)
        last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    struct ip behind = neighbour(last, 1);

    check_ip(set, prefixes, count, &first);
    check_ip(set, prefixes, count, &last);
    check_ip(set, prefixes, count, &before);
    check_ip(set, prefixes, count, &behind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address_set *set = address_set_new();
    struct prefix prefixes[PREFIXES_MAX];
    size_t count = 0;
    char *text = fuzz_block(data, size);

    FUZZ_REQUIRE(set != NULL);
    for (size_t at = 0; at < size && count < PREFIXES_MAX;) {
        const char *end = memchr(text + at, '\n', size - at);
        struct str line = {text + at, end ? (size_t)(end - text) - at : size - at};
        char *block = fuzz_block(line.at, line.len);
        const char *error = NULL;

        if (address_set_add(set, (struct str){block, line.len}, &error))
            prefixes[count++] = prefix_of(line);
        else
            FUZZ_REQUIRE(error != NULL);
        free(block);
        at += line.len + 1;
    }
    FUZZ_REQUIRE(address_set_count(set) == count && address_set_seal(set));
    for (size_t i = 0; i < count; i++)
        check_ends(set, prefixes, count, i);
    address_set_free(set);
    free(text);
    return 0;
}
