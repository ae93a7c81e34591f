/* proxy_protocol_test.c - the PROXY header, at every split, and back from what is written. */
#include "protocol/proxy_protocol.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP4S "\xc0\0\2\1" "\xc6\x33\x64\2" "\x10\x92" "\x01\xbb"
#define IP6S "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1" "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\2"
#define Z16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define Z108 Z16 Z16 Z16 Z16 Z16 Z16 "\0\0\0\0\0\0\0\0\0\0\0\0"
#define X10 "xxxxxxxxxx"
#define X90 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define BYTES(text) {text, sizeof(text) - 1}

/* said: "SOURCE DESTINATION", "itself" or "unnamed"; NULL: malformed. */
static const struct {
    struct str in;
    const char *said;
} headers[] = {
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n"), "192.0.2.1:4242 198.51.100.2:443"},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
     "255.255.255.255:65535 255.255.255.255:65535"},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n"), "192.0.2.1 198.51.100.2"},
    {BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 4242 443\r\n"),
     "[2001:db8::1]:4242 [2001:db8::2]:443"},
    {BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 "
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n"), "192.0.2.1:1 198.51.100.2:2"},
    {BYTES("PROXY UNKNOWN\r\n"), "unnamed"},
    {BYTES("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), "unnamed"},
    {BYTES("PROXY UNKNOWN \0 anything\r\n"), "unnamed"},
    {BYTES("PROXY UNKNOWN " X90 "x\r\n"), "unnamed"},  /* 107 bytes */
    {BYTES("PROXY UNKNOWN " X90 "xx\r\n"), NULL}, /* 108 */
    {BYTES("PROXY UNKNOWNS\r\n"), NULL},
    {BYTES("PROXY unknown\r\n"), NULL},
    {BYTES("PROXY\r\n"), NULL},
    {BYTES("PROXY \r\n"), NULL},
    {BYTES("PROXY TCP4\r\n"), NULL},
    {BYTES("PROXY TCP4 \r\n"), NULL},
    {BYTES("PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"), NULL},
    {BYTES("PROXY TCP4\t192.0.2.1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 \n2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 00\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2a\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 999999\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), NULL},
    {BYTES("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP6 ::1 198.51.100.2 1 2\r\n"), NULL},
    {BYTES("PROXY TCP6 [::1] [::1] 1 2\r\n"), NULL},
    {BYTES("PROXY TCP6 fe80::1%lo fe80::2%lo 1 2\r\n"), NULL},
    {BYTES("GET / HTTP/1.1\r\n"), NULL},
    {BYTES("POST / HTTP/1.1\r\n"), NULL},
    {BYTES("\x16\x03\x01\x02\x00\x01"), NULL},
    {BYTES("\0"), NULL},

    {BYTES(SIGNATURE "\x21\x11\0\x0c" IP4S), "192.0.2.1:4242 198.51.100.2:443"},
    {BYTES(SIGNATURE "\x21\x11\0\x13" IP4S "\x03\0\4abcd"), "192.0.2.1:4242 198.51.100.2:443"},
    {BYTES(SIGNATURE "\x21\x11\0\x0d" IP4S "\xff"), "192.0.2.1:4242 198.51.100.2:443"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" IP6S "\0\1\0\2"), "[2001:db8::1]:1 [2001:db8::2]:2"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" MAPPED "\0\1\0\2"), "192.0.2.1:1 198.51.100.2:2"},
    {BYTES(SIGNATURE "\x21\x12\0\x0c" IP4S), "unnamed"},
    {BYTES(SIGNATURE "\x21\x22\0\x24" IP6S "\0\1\0\2"), "unnamed"},
    {BYTES(SIGNATURE "\x21\x31\0\xd8" Z108 Z108), "unnamed"},
    {BYTES(SIGNATURE "\x21\x32\0\xd8" Z108 Z108), "unnamed"},
    {BYTES(SIGNATURE "\x21\0\0\0"), "unnamed"},
    {BYTES(SIGNATURE "\x21\1\0\0"), "unnamed"},
    {BYTES(SIGNATURE "\x21\x10\0\x0c" IP4S), "unnamed"},
    {BYTES(SIGNATURE "\x21\0\0\5hello"), "unnamed"},
    {BYTES(SIGNATURE "\x20\0\0\0"), "itself"},
    {BYTES(SIGNATURE "\x20\x11\0\x0c" IP4S), "itself"},
    {BYTES(SIGNATURE "\x20\x11\0\0"), "itself"},
    {BYTES(SIGNATURE "\x20\xff\0\1x"), "itself"},
    {BYTES(SIGNATURE "\x22\x11\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x2f\x11\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x11\x11\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x31\x11\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x21\x13\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x21\x41\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x21\xf1\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x21\x11\0\0"), NULL},
    {BYTES(SIGNATURE "\x21\x11\0\x0b" IP4S), NULL},
    {BYTES(SIGNATURE "\x21\x21\0\x23" IP6S "\0\1\0"), NULL},
    {BYTES(SIGNATURE "\x21\x21\0\x0c" IP4S), NULL},
    {BYTES(SIGNATURE "\x21\x31\0\xd7" Z108 Z108), NULL},
    {BYTES(SIGNATURE "\x21\x11\x0f\xf1" IP4S), NULL}, /* 4097 bytes would come */
    {BYTES(SIGNATURE "\x21\x11\xff\xff" IP4S), NULL},
    {BYTES(SIGNATURE "\x20\0\xff\xff"), NULL},
    {BYTES("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c" IP4S), NULL},
    {BYTES("\r\n\r\nGET / HTTP/1.1\r\n"), NULL},
    {BYTES("\n"), NULL},
};

static void
say(const struct proxy_header *header, char *out, size_t room)
{
    char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX];

    switch (header->client) {
    case PROXY_ITSELF:
        snprintf(out, room, "itself");
        break;
    case PROXY_UNNAMED:
        snprintf(out, room, "unnamed");
        break;
    case PROXY_NAMED:
        (void)address_format(&header->source, source);
        (void)address_format(&header->destination, destination);
        snprintf(out, room, "%s %s", source, destination);
        break;
    }
}

/* In pieces of `step`, each a block of its own, with `behind` following. */
static enum proxy_verdict
feed(struct proxy_header *header, struct str in, struct str behind, size_t step, size_t *taken)
{
    enum proxy_verdict verdict = PROXY_MORE;
    size_t total = in.len + behind.len, used;

    *taken = 0;
    while (verdict == PROXY_MORE && *taken < total) {
        size_t count = step < total - *taken ? step : total - *taken;
        char *piece = malloc(count);

        for (size_t i = 0; i < count; i++) {
            size_t at = *taken + i;
            piece[i] = at < in.len ? in.at[at] : behind.at[at - in.len];
        }
        verdict = proxy_header_read(header, piece, count, &used);
        free(piece);
        ck_assert_uint_le(used, count);
        if (verdict == PROXY_MORE)
            ck_assert_uint_eq(used, count);
        *taken += used;
    }
    return verdict;
}

START_TEST(what_it_says_at_every_split)
{
    struct str in = headers[_i].in;
    char said[2 * ADDRESS_TEXT_MAX + 2];
    size_t taken;

    for (size_t step = 1; step <= in.len + 3; step++) {
        struct proxy_header header = {.len = 0};
        enum proxy_verdict verdict = feed(&header, in, STR("GET"), step, &taken);

        if (headers[_i].said == NULL) {
            ck_assert_int_eq(verdict, PROXY_BAD);
            ck_assert_ptr_nonnull(header.error);
            continue;
        }
        ck_assert_msg(verdict == PROXY_DONE, "row %d: %s", _i, header.error);
        ck_assert_uint_eq(taken, in.len); /* not one byte of what follows */
        say(&header, said, sizeof(said));
        ck_assert_str_eq(said, headers[_i].said);
    }
}
END_TEST

START_TEST(a_part_of_it_is_not_enough)
{
    struct str in = headers[_i].in;
    size_t taken;

    for (size_t len = 0; headers[_i].said != NULL && len < in.len; len++) {
        struct proxy_header header = {.len = 0};

        ck_assert_int_eq(feed(&header, (struct str){in.at, len}, STR(""), len + 1, &taken),
                         PROXY_MORE);
        ck_assert_uint_eq(taken, len);
    }
}
END_TEST

START_TEST(the_longest_is_4096_bytes)
{
    char bytes[PROXY_V2_MAX + 1] = SIGNATURE "\x21\x11\x0f\xf0" IP4S;

    for (size_t step = 1; step < sizeof(bytes); step = step * 3 + 1) {
        struct proxy_header header = {.len = 0};
        size_t taken;

        ck_assert_int_eq(feed(&header, (struct str){bytes, sizeof(bytes)}, STR(""), step, &taken),
                         PROXY_DONE);
        ck_assert_uint_eq(taken, PROXY_V2_MAX);
    }
}
END_TEST

static const struct {
    const char *source, *destination;
    const char *v1, *read; /* what version 1 is, and what a reader makes of both */
} written[] = {
    {"192.0.2.1:4242", "198.51.100.2:443", "PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n",
     "192.0.2.1:4242 198.51.100.2:443"},
    {"[2001:db8::1]:4242", "[2001:db8::2]:443", "PROXY TCP6 2001:db8::1 2001:db8::2 4242 443\r\n",
     "[2001:db8::1]:4242 [2001:db8::2]:443"},
    {"192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n",
     "192.0.2.1:1 [2001:db8::2]:2"},
    {"[2001:db8::1]:1", "192.0.2.1:2", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n",
     "[2001:db8::1]:1 192.0.2.1:2"},
    {"192.0.2.1:1", "unix:/x", "PROXY TCP4 192.0.2.1 0.0.0.0 1 0\r\n", "192.0.2.1:1 0.0.0.0"},
    {"[2001:db8::1]:1", "unix:/x", "PROXY TCP6 2001:db8::1 :: 1 0\r\n",
     "[2001:db8::1]:1 ::"},
    {"unix:/x", "192.0.2.1:1", "PROXY UNKNOWN\r\n", "unnamed"},
    {"unix:/x", "unix:/x", "PROXY UNKNOWN\r\n", "unnamed"},
};

static void
check_read(struct str in, const char *read)
{
    struct proxy_header header = {.len = 0};
    char said[2 * ADDRESS_TEXT_MAX + 2];
    size_t used;

    ck_assert_int_eq(proxy_header_read(&header, in.at, in.len, &used), PROXY_DONE);
    ck_assert_uint_eq(used, in.len);
    say(&header, said, sizeof(said));
    ck_assert_str_eq(said, read);
}

START_TEST(what_is_written_can_be_read)
{
    struct address source, destination;
    const char *error;
    char buffer[PROXY_V1_MAX];
    struct text text = {buffer, 0, sizeof(buffer), false};

    ck_assert(address_parse(&source, str_of(written[_i].source), &error));
    ck_assert(address_parse(&destination, str_of(written[_i].destination), &error));
    proxy_header_write_v1(&text, &source, &destination);
    ck_assert(!text.full);
    ck_assert(str_equal(text_str(&text), str_of(written[_i].v1)));
    check_read(text_str(&text), written[_i].read);
    text.len = 0;
    proxy_header_write_v2(&text, &source, &destination);
    ck_assert(!text.full);
    check_read(text_str(&text), written[_i].read);
}
END_TEST

Suite *
proxy_protocol_suite(void)
{
    Suite *suite = suite_create("proxy_protocol");
    TCase *tc = tcase_create("proxy_protocol");
    tcase_add_loop_test(tc, what_it_says_at_every_split, 0, (int)COUNT_OF(headers));
    tcase_add_loop_test(tc, a_part_of_it_is_not_enough, 0, (int)COUNT_OF(headers));
    tcase_add_test(tc, the_longest_is_4096_bytes);
    tcase_add_loop_test(tc, what_is_written_can_be_read, 0, (int)COUNT_OF(written));
    suite_add_tcase(suite, tc);
    return suite;
}
