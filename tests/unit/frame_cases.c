/* frame_cases.c - the rows, and how their words are read; see frame_cases.h. */
#include "frame_cases.h"

#include <ctype.h>
#include <stdlib.h>

#define BAD(text, words, fault) {.stream = (text), .found = (fault), .good = (words)}
#define GOOD(text) {.stream = (text)}

const struct frame_case frame_cases[] = {
    /* 1: lengths at each border, text and binary */
    GOOD("T0"), GOOD("T1"), GOOD("T125"), GOOD("T126"), GOOD("T127"), GOOD("T128"), GOOD("T65535"),
    GOOD("T65536"), GOOD("B0"), GOOD("B125"), GOOD("B126"), GOOD("B127"), GOOD("B65535"),
    GOOD("B65536"), GOOD("T1 B2 T3 B0 T0 T125 B126"),
    BAD("B1 B5/16", 1, FRAMES_PROTOCOL), BAD("B125/16", 0, FRAMES_PROTOCOL),
    BAD("B5/64", 0, FRAMES_PROTOCOL), BAD("B126/64", 0, FRAMES_PROTOCOL),
    BAD("B65535/64", 0, FRAMES_PROTOCOL), BAD("T1 K82:/h%ff%ff%ff%ff%ff%ff%ff%ff%ff", 1,
                                             FRAMES_PROTOCOL),
    /* 2: pings and pongs */
    GOOD("P0"), GOOD("P:hello"), GOOD("P:%00%ff%fe%fd%fc%fb%00%ff"), GOOD("P125"), GOOD("O0"),
    GOOD("O:unsolicited P:x O:y"), GOOD("P1 P2 P3 P4 P5 P6 P7 P8 P9 P10"), GOOD("O125 P125 T5"),
    BAD("P126", 0, FRAMES_PROTOCOL), BAD("T1 O126", 1, FRAMES_PROTOCOL),
    BAD("P65536", 0, FRAMES_PROTOCOL), BAD("P5/16", 0, FRAMES_PROTOCOL),
    /* 3: reserved bits */
    BAD("1T5", 0, FRAMES_PROTOCOL), BAD("T5 2T5 P0", 1, FRAMES_PROTOCOL),
    BAD("T5 3T5 P0", 1, FRAMES_PROTOCOL), BAD("T5 4T5 P0", 1, FRAMES_PROTOCOL),
    BAD("5B5", 0, FRAMES_PROTOCOL), BAD("6P5", 0, FRAMES_PROTOCOL),
    BAD("7X=1000:", 0, FRAMES_PROTOCOL), BAD("t1 4C1", 1, FRAMES_PROTOCOL),
    {.stream = "4T5 4B0 T5 4t5 c5 C5 P1", .deflate = true},
    {.stream = "t5 4C5", .deflate = true, .found = FRAMES_PROTOCOL, .good = 1},
    {.stream = "4t5 4C5", .deflate = true, .found = FRAMES_PROTOCOL, .good = 1},
    {.stream = "4T5 4P5", .deflate = true, .found = FRAMES_PROTOCOL, .good = 1},
    {.stream = "4T5 4X=1000:", .deflate = true, .found = FRAMES_PROTOCOL, .good = 1},
    {.stream = "2T5", .deflate = true, .found = FRAMES_PROTOCOL},
    {.stream = "5T5", .deflate = true, .found = FRAMES_PROTOCOL},
    {.stream = "6T5", .deflate = true, .found = FRAMES_PROTOCOL},
    /* 4: reserved opcodes */
    BAD("K830", 0, FRAMES_PROTOCOL), BAD("K844", 0, FRAMES_PROTOCOL),
    BAD("T1 K85:x P0", 1, FRAMES_PROTOCOL), BAD("T1 K86:x", 1, FRAMES_PROTOCOL),
    BAD("K870", 0, FRAMES_PROTOCOL), BAD("K8b0", 0, FRAMES_PROTOCOL),
    BAD("K8c5", 0, FRAMES_PROTOCOL), BAD("T1 K8d:x P0", 1, FRAMES_PROTOCOL),
    BAD("T1 K8e:x", 1, FRAMES_PROTOCOL), BAD("K8f0", 0, FRAMES_PROTOCOL),
    /* 5: fragmentation */
    GOOD("t5 C5"), GOOD("t0 c0 C0"), GOOD("b1 c125 c126 C65536"), GOOD("t5 P0 C5"),
    GOOD("t5 P:in O:between c5 P1 C5 T1"), GOOD("t0 c5 C0 b1 C1"),
    BAD("p5 T1", 0, FRAMES_PROTOCOL), BAD("o5", 0, FRAMES_PROTOCOL),
    BAD("x0", 0, FRAMES_PROTOCOL), BAD("C5 T1", 0, FRAMES_PROTOCOL),
    BAD("c5", 0, FRAMES_PROTOCOL), BAD("t1 C1 C1", 2, FRAMES_PROTOCOL),
    BAD("t5 T5", 1, FRAMES_PROTOCOL), BAD("t5 b5", 1, FRAMES_PROTOCOL),
    BAD("b5 P1 B5", 2, FRAMES_PROTOCOL), BAD("T5 c1", 1, FRAMES_PROTOCOL),
    /* 6: UTF-8, where it is asked for */
    {.stream = "T:%ce%ba%e1%bd%b9%cf%83%ce%bc%ce%b5", .utf8 = true},
    {.stream = "t:%ce c:%ba%f0%9f%98 P:%ff C:%80 T0 B:%ff", .utf8 = true},
    {.stream = "T:%ee%bf%bf T:%f4%8f%bf%bf T:%ed%9f%bf T:%00%7f", .utf8 = true},
    {.stream = "4T:%ff%ff T:ok", .utf8 = true, .deflate = true},
    {.stream = "T:ok%ff", .utf8 = true, .found = FRAMES_UTF8, .good_bytes = 2},
    {.stream = "T1 T:%ed%a0%80", .utf8 = true, .found = FRAMES_UTF8, .good = 1, .good_bytes = 1},
    {.stream = "T:%f4%90%80%80", .utf8 = true, .found = FRAMES_UTF8, .good_bytes = 1},
    {.stream = "T:%c0%af", .utf8 = true, .found = FRAMES_UTF8},
    {.stream = "T:%e0%80%af", .utf8 = true, .found = FRAMES_UTF8, .good_bytes = 1},
    {.stream = "T:%f0%80%80%af", .utf8 = true, .found = FRAMES_UTF8, .good_bytes = 1},
    {.stream = "T:%fe", .utf8 = true, .found = FRAMES_UTF8},
    {.stream = "T:%80", .utf8 = true, .found = FRAMES_UTF8},
    {.stream = "T:%ce", .utf8 = true, .found = FRAMES_UTF8, .good_bytes = 1},
    {.stream = "t:%ce C0", .utf8 = true, .found = FRAMES_UTF8, .good = 2},
    {.stream = "t:a%f0%9f C:%41", .utf8 = true, .found = FRAMES_UTF8, .good = 1},
    GOOD("T:%ff%c0%af"),
    /* 7: close */
    GOOD("X0"), GOOD("X=1000:"), GOOD("X=1000:hello"), GOOD("T5 X=1001:%ce%ba"), GOOD("X=1002:"),
    GOOD("X=1003:"), GOOD("X=1007:"), GOOD("X=1008:"), GOOD("X=1009:"), GOOD("X=1010:"),
    GOOD("X=1011:"), GOOD("X=1012:"), GOOD("X=1013:"), GOOD("X=1014:"), GOOD("X=3000:"),
    GOOD("X=3999:"), GOOD("X=4000:"), GOOD("X=4999:"), GOOD("t5 X=1000:"),
    GOOD("X=1000:abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
         "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrs"),
    BAD("X1", 0, FRAMES_PROTOCOL), BAD("X126", 0, FRAMES_PROTOCOL),
    BAD("X=0:", 0, FRAMES_PROTOCOL), BAD("X=999:", 0, FRAMES_PROTOCOL),
    BAD("X=1004:", 0, FRAMES_PROTOCOL), BAD("X=1005:", 0, FRAMES_PROTOCOL),
    BAD("X=1006:", 0, FRAMES_PROTOCOL), BAD("X=1015:", 0, FRAMES_PROTOCOL),
    BAD("X=1016:", 0, FRAMES_PROTOCOL), BAD("X=1100:", 0, FRAMES_PROTOCOL),
    BAD("X=2000:", 0, FRAMES_PROTOCOL), BAD("X=2999:", 0, FRAMES_PROTOCOL),
    BAD("T1 X=5000:", 1, FRAMES_PROTOCOL), BAD("X=65535:", 0, FRAMES_PROTOCOL),
    BAD("X=1000:%ce%ba%e1%bd%b9%ed%a0%80", 0, FRAMES_UTF8), BAD("X=1000:%ce", 0, FRAMES_UTF8),
    /* Masks */
    BAD("T5/m", 0, FRAMES_PROTOCOL), BAD("T0/m", 0, FRAMES_PROTOCOL),
    BAD("T5 P1/m", 1, FRAMES_PROTOCOL), BAD("t5 X=1000:/m", 1, FRAMES_PROTOCOL),
    /* Limits; 0 elsewhere is none */
    {.stream = "B100 t60 P50 C40 B0", .limits = {.max_message = 100}},
    {.stream = "B1 B101", .limits = {.max_message = 100}, .found = FRAMES_MESSAGE_TOO_LARGE,
     .good = 1},
    {.stream = "t60 P1 C41", .limits = {.max_message = 100}, .found = FRAMES_MESSAGE_TOO_LARGE,
     .good = 2},
    {.stream = "t60 c40 c0 C1", .limits = {.max_message = 100}, .found = FRAMES_MESSAGE_TOO_LARGE,
     .good = 3},
    {.stream = "T1 K82:/h%7f%ff%ff%ff%ff%ff%ff%ff%ff", .limits = {.max_message = 100},
     .found = FRAMES_PROTOCOL, .good = 1},
    {.stream = "K82:/h%7f%7f%ff%ff%ff%ff%ff%ff%ff", .limits = {.max_frame = 100},
     .found = FRAMES_FRAME_TOO_LARGE},
    {.stream = "b100 c100 C100 P125", .limits = {.max_frame = 100}},
    {.stream = "b100 c101", .limits = {.max_frame = 100}, .found = FRAMES_FRAME_TOO_LARGE,
     .good = 1},
    {.stream = "t1 C1 T1 P1", .limits = {.allow = FRAMES_ALLOW_TEXT}},
    {.stream = "T1 B1", .limits = {.allow = FRAMES_ALLOW_TEXT}, .found = FRAMES_TYPE, .good = 1},
    {.stream = "B1 C1", .limits = {.allow = FRAMES_ALLOW_TEXT}, .found = FRAMES_TYPE},
    {.stream = "b1 C1 t1", .limits = {.allow = FRAMES_ALLOW_BINARY}, .found = FRAMES_TYPE,
     .good = 2},
};
const size_t frame_case_count = COUNT_OF(frame_cases);

struct frames_rules
frame_case_rules(const struct frame_case *row)
{
    struct frames_rules rules = row->limits;

    rules.validate_utf8 = row->utf8;
    if (rules.allow == 0)
        rules.allow = FRAMES_ALLOW_TEXT | FRAMES_ALLOW_BINARY;
    return rules;
}

/* ---- The words --------------------------------------------------------------- */

struct word {
    unsigned first;
    char *payload; /* room for all of it */
    size_t len;
    unsigned form; /* 0: the shortest */
    bool wrong_mask, bare;
};

/* Text up to a blank or "/"; %hh is a byte. */
static const char *
read_text(const char *at, struct word *word)
{
    for (; *at != '\0' && *at != ' ' && *at != '/'; at++) {
        char byte = *at;
        if (byte == '%') {
            char digits[3] = {at[1], at[2], '\0'};
            byte = (char)strtoul(digits, NULL, 16);
            at += 2;
        }
        word->payload[word->len++] = byte;
    }
    return at;
}

static const char *
read_payload(const char *at, struct word *word)
{
    char *end;

    if (*at == '=') {
        unsigned code = (unsigned)strtoul(at + 1, &end, 10);
        word->payload[word->len++] = (char)(code >> 8);
        word->payload[word->len++] = (char)code;
        at = end;
    }
    if (*at == ':')
        return read_text(at + 1, word);
    size_t len = strtoul(at, &end, 10);
    for (size_t i = 0; i < len; i++)
        word->payload[word->len++] = (char)('a' + i % 26);
    return end;
}

static const char *
read_form(const char *at, struct word *word)
{
    while (*at == '/') {
        char *end;
        word->wrong_mask |= at[1] == 'm';
        word->bare |= at[1] == 'h';
        word->form = (unsigned)strtoul(at + 1, &end, 10);
        at += 2;
        at = end > at ? end : at;
        if (word->bare)
            at = read_text(at, word);
    }
    return at;
}

static const char *
read_word(const char *at, struct word *word)
{
    static const char letters[] = "ctb.....xpo";
    unsigned rsv = isdigit((unsigned char)*at) ? (unsigned)(*at++ - '0') : 0;

    if (*at == 'K') {
        char digits[3] = {at[1], at[2], '\0'};
        word->first = (unsigned)strtoul(digits, NULL, 16);
        at += 3;
    } else {
        unsigned opcode = (unsigned)(strchr(letters, tolower((unsigned char)*at)) - letters);
        word->first = opcode | rsv << 4 | (isupper((unsigned char)*at) ? FRAME_FIN : 0);
        at++;
    }
    return read_form(read_payload(at, word), word);
}

static size_t
write_word(const struct word *word, bool masked, char *out)
{
    static const uint8_t mask[FRAME_MASK_LEN] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned form = word->form != 0          ? word->form
                    : word->len <= 125       ? 0
                    : word->len <= UINT16_MAX ? 16
                                              : 64;
    size_t at = 0;

    masked = masked != word->wrong_mask;
    out[at++] = (char)word->first;
    if (word->bare) { /* what follows the first byte is written out, but for the mask */
        memcpy(out + at, word->payload, word->len);
        out[at] = (char)((out[at] & 0x7f) | (masked ? FRAME_MASKED : 0));
        memset(out + at + word->len, 'm', FRAME_MASK_LEN);
        return at + word->len + (masked ? FRAME_MASK_LEN : 0);
    }
    out[at++] = (char)((masked ? FRAME_MASKED : 0) | (form == 0    ? (int)word->len
                                                      : form == 16 ? 126
                                                                   : 127));
    for (unsigned bits = form; bits > 0; bits -= 8)
        out[at++] = (char)((uint64_t)word->len >> (bits - 8));
    if (masked) {
        memcpy(out + at, mask, sizeof(mask));
        at += sizeof(mask);
    }
    for (size_t i = 0; i < word->len; i++)
        out[at + i] = (char)(word->payload[i] ^ (masked ? mask[i % sizeof(mask)] : 0));
    return at + word->len;
}

char *
frame_case_bytes(const char *stream, size_t words, bool masked, size_t *len)
{
    enum { ROOM = 1 << 18 };
    char *out = malloc(ROOM), *payload = malloc(ROOM);

    *len = 0;
    for (const char *at = stream; *at != '\0' && words > 0; words--) {
        struct word word = {.payload = payload};
        at = read_word(at, &word);
        *len += write_word(&word, masked, out + *len);
        at += *at == ' ';
    }
    free(payload);
    return out;
}
