/*
 * address_set.c - a set of address prefixes, asked once per connection.
 *
 * It reads no files and knows no "deny": that is its user's.
 *
 * Ownership: the set owns its two arrays; it keeps no text.
 *
 * The hard thing: prefixes nest and touch. Sealing sorts them as ranges and merges
 * what overlaps or touches, so that one binary search gives the answer: at most
 * the last range that begins at or below the address can hold it.
 *
 * IPv4 addresses are kept as numbers of 128 bits too, in an array of their own:
 * one code for both, and "::/0" means IPv6 alone.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

struct number {
    uint64_t high, low;
};

struct range {
    struct number first, last;
};

struct ranges {
    struct range *at;
    size_t count, room;
};

struct address_set {
    struct ranges v4, v6;
    size_t added;
    bool sealed;
};

static int
number_compare(struct number a, struct number b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

static struct number
number_of_v4(const struct in_addr *ip)
{
    return (struct number){0, ntohl(ip->s_addr)};
}

static struct number
number_of_v6(const uint8_t bytes[16])
{
    struct number number = {0, 0};

    for (int i = 0; i < 8; i++) {
        number.high = number.high << 8 | bytes[i];
        number.low = number.low << 8 | bytes[i + 8];
    }
    return number;
}

/* The lowest `bits` bits set; 0 to 128. */
static struct number
number_mask(unsigned bits)
{
    return (struct number){
        .high = bits <= 64 ? 0 : UINT64_MAX >> (128 - bits),
        .low = bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : UINT64_MAX >> (64 - bits),
    };
}

struct address_set *
address_set_new(void)
{
    return calloc(1, sizeof(struct address_set));
}

static bool
ranges_add(struct ranges *ranges, struct range range)
{
    if (ranges->count == ranges->room) {
        size_t room = ranges->room ? ranges->room * 2 : 16;
        struct range *at = reallocarray(ranges->at, room, sizeof(*at));

        if (at == NULL)
            return false;
        ranges->at = at;
        ranges->room = room;
    }
    ranges->at[ranges->count++] = range;
    return true;
}

/* "24" -> 24: one to three digits, no leading zero. */
static bool
parse_bits(unsigned *bits, struct str text)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 3 || (text.at[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.at[i] - '0');
    }
    *bits = value;
    return true;
}

/* Splits "IP/BITS"; *bits is given in the width of the family as written. */
static bool
parse_prefix(struct address *address, unsigned *bits, struct str text, const char **error)
{
    const char *slash = text.len > 0 ? memchr(text.at, '/', text.len) : NULL;
    struct str ip = {text.at, slash ? (size_t)(slash - text.at) : text.len};
    bool written_v6 = ip.len > 0 && memchr(ip.at, ':', ip.len) != NULL;
    unsigned width = written_v6 ? 128 : 32;

    *error = "expected an IP address or a prefix, like 192.0.2.0/24 or 2001:db8::/32";
    if (!address_parse_ip(address, ip))
        return false;
    *bits = width;
    *error = written_v6 ? "expected a prefix length from 0 to 128"
                        : "expected a prefix length from 0 to 32";
    if (slash && !parse_bits(bits, (struct str){slash + 1, text.len - ip.len - 1}))
        return false;
    return *bits <= width;
}

bool
address_set_add(struct address_set *set, struct str text, const char **error)
{
    struct address address;
    unsigned bits;

    assert(!set->sealed);
    if (!parse_prefix(&address, &bits, text, error))
        return false;
    bool is_v4 = address.any.sa_family == AF_INET;
    bool was_mapped = is_v4 && memchr(text.at, ':', text.len) != NULL;

    *error = "a prefix of IPv4-mapped addresses has a length from 96 to 128";
    if (was_mapped && bits < 96)
        return false;
    unsigned host_bits = is_v4 && !was_mapped ? 32 - bits : 128 - bits;
    struct number first = is_v4 ? number_of_v4(&address.v4.sin_addr)
                                : number_of_v6(address.v6.sin6_addr.s6_addr);
    struct number mask = number_mask(host_bits);
    struct range range = {first, {first.high | mask.high, first.low | mask.low}};

    *error = "bits are set behind the prefix length";
    if ((first.high & mask.high) != 0 || (first.low & mask.low) != 0)
        return false;
    *error = "out of memory";
    if (!ranges_add(is_v4 ? &set->v4 : &set->v6, range))
        return false;
    set->added++;
    return true;
}

static int
compare_ranges(const void *a, const void *b)
{
    const struct range *one = a, *other = b;

    return number_compare(one->first, other->first);
}

/* Does b, which does not begin before a, overlap a or follow it without a gap? */
static bool
touches(const struct range *a, const struct range *b)
{
    struct number next = {a->last.high + (a->last.low == UINT64_MAX), a->last.low + 1};
    bool at_the_end = next.high == 0 && next.low == 0;

    return at_the_end || number_compare(b->first, next) <= 0;
}

static void
ranges_merge(struct ranges *ranges)
{
    if (ranges->count == 0)
        return;
    qsort(ranges->at, ranges->count, sizeof(ranges->at[0]), compare_ranges);
    struct range *last = ranges->at;

    for (size_t i = 1; i < ranges->count; i++) {
        const struct range *range = &ranges->at[i];

        if (!touches(last, range))
            *++last = *range;
        else if (number_compare(last->last, range->last) < 0)
            last->last = range->last;
    }
    ranges->count = (size_t)(last - ranges->at) + 1;
}

bool
address_set_seal(struct address_set *set)
{
    ranges_merge(&set->v4);
    ranges_merge(&set->v6);
    set->sealed = true;
    return true;
}

static bool
ranges_have(const struct ranges *ranges, struct number number)
{
    size_t low = 0, high = ranges->count; /* the first range that begins behind it */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (number_compare(ranges->at[middle].first, number) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && number_compare(number, ranges->at[low - 1].last) <= 0;
}

bool
address_set_has(const struct address_set *set, const struct sockaddr *address)
{
    struct address ip = {.len = 0};

    assert(set->sealed);
    if (address->sa_family == AF_INET)
        memcpy(&ip.v4, address, sizeof(ip.v4));
    else if (address->sa_family == AF_INET6)
        memcpy(&ip.v6, address, sizeof(ip.v6));
    else
        return false;
    address_normalize(&ip);
    if (ip.any.sa_family == AF_INET)
        return ranges_have(&set->v4, number_of_v4(&ip.v4.sin_addr));
    return ranges_have(&set->v6, number_of_v6(ip.v6.sin6_addr.s6_addr));
}

size_t
address_set_count(const struct address_set *set)
{
    return set->added;
}

void
address_set_free(struct address_set *set)
{
    if (set == NULL)
        return;
    free(set->v4.at);
    free(set->v6.at);
    free(set);
}
