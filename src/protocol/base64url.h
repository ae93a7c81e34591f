/*
 * base64url.h - base64url without padding (RFC 4648 5, RFC 7515 2), strict. Pure.
 *
 * One byte string has exactly one text: no padding, no white space, no "+" and
 * "/", and the bits that the last character does not use are zero.
 */
#ifndef WSGATE_BASE64URL_H
#define WSGATE_BASE64URL_H

#include "base/compiler.h"
#include "base/str.h"

/* Characters for n bytes, and bytes for n characters (exact for canonical text). */
#define BASE64URL_TEXT_LEN(n) (((n) / 3) * 4 + ((n) % 3 * 4 + 2) / 3)
#define BASE64URL_BYTES_LEN(n) (((n) / 4) * 3 + (n) % 4 * 3 / 4)

/* out: BASE64URL_TEXT_LEN(len) characters, no NUL behind. Returns that length. */
size_t base64url_encode(const void *bytes, size_t len, char *out);
/* out: BASE64URL_BYTES_LEN(text.len) bytes; may be where text stands. *len is set on success.
 * false: not canonical; out then holds nothing of use. */
bool base64url_decode(struct str text, void *out, size_t *len) MUST_CHECK;

#endif
