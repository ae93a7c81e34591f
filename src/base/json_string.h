/*
 * json_string.h - one JSON string (RFC 8259 7), decoded in place. Pure.
 *
 * Refused are controls, NUL in any spelling, bytes that are no UTF-8 (RFC 3629), half a surrogate
 * pair, and escapes that JSON does not know.
 */
#ifndef WSGATE_JSON_STRING_H
#define WSGATE_JSON_STRING_H

#include "base/compiler.h"
#include "base/str.h"

/* at: behind the opening quote. Returns the place behind the closing one, and *text, which begins
 * at `at`; NULL: no string. Bytes up to there are overwritten. */
char *json_string_read(char *at, const char *end, struct str *text) MUST_CHECK;

#endif
