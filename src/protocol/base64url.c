/*
 * base64url.c - base64url without padding.
 *
 * Decoding looks each character up in a table whose entries are the six bits
 * with VALID set; the marks of a whole text are combined by AND and asked once
 * at the end, so a group of four costs no branch.
 */
#include "protocol/base64url.h"

#include <stdint.h>

enum { VALID = 0x40, BITS = 0x3f };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* By character: VALID plus its value, or 0. The upper half is zero. */
static const uint8_t value_of[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7e, 0, 0,
    0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0, 0, 0, 0, 0, 0,
    0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e,
    0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0, 0, 0, 0, 0x7f,
    0, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0, 0, 0, 0, 0,
};

size_t
base64url_encode(const void *bytes, size_t len, char *out)
{
    const uint8_t *in = bytes;
    char *at = out;
    size_t i = 0;

    for (; len - i >= 3; i += 3) {
        *at++ = alphabet[in[i] >> 2];
        *at++ = alphabet[(in[i] << 4 | in[i + 1] >> 4) & BITS];
        *at++ = alphabet[(in[i + 1] << 2 | in[i + 2] >> 6) & BITS];
        *at++ = alphabet[in[i + 2] & BITS];
    }
    if (len - i == 1) {
        *at++ = alphabet[in[i] >> 2];
        *at++ = alphabet[in[i] << 4 & BITS];
    } else if (len - i == 2) {
        *at++ = alphabet[in[i] >> 2];
        *at++ = alphabet[(in[i] << 4 | in[i + 1] >> 4) & BITS];
        *at++ = alphabet[in[i + 1] << 2 & BITS];
    }
    return (size_t)(at - out);
}

/* The last two or three characters; false when unused bits are set. */
static bool
decode_rest(const uint8_t *in, size_t left, uint8_t *out, unsigned *valid)
{
    unsigned a = value_of[in[0]], b = value_of[in[1]];

    *valid &= a & b;
    out[0] = (uint8_t)(a << 2 | (b & BITS) >> 4);
    if (left == 2)
        return (b & 0x0f) == 0;
    unsigned c = value_of[in[2]];
    *valid &= c;
    out[1] = (uint8_t)(b << 4 | (c & BITS) >> 2);
    return (c & 0x03) == 0;
}

bool
base64url_decode(struct str text, void *out, size_t *len)
{
    const uint8_t *in = (const uint8_t *)text.at;
    uint8_t *at = out;
    unsigned valid = VALID;
    size_t left = text.len;

    if (left % 4 == 1)
        return false;
    for (; left >= 4; left -= 4, in += 4, at += 3) {
        unsigned a = value_of[in[0]], b = value_of[in[1]];
        unsigned c = value_of[in[2]], d = value_of[in[3]];

        valid &= a & b & c & d;
        at[0] = (uint8_t)(a << 2 | (b & BITS) >> 4);
        at[1] = (uint8_t)(b << 4 | (c & BITS) >> 2);
        at[2] = (uint8_t)(c << 6 | (d & BITS));
    }
    if (left > 0 && !decode_rest(in, left, at, &valid))
        return false;
    *len = BASE64URL_BYTES_LEN(text.len);
    return valid != 0;
}
