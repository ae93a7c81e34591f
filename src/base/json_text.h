/*
 * json_text.h - members of a JSON object, written into memory of a fixed size.
 *
 * The caller writes "{" first and "}" last; a comma is put where one is due.
 * Strings are escaped (RFC 8259 7), controls of all kinds too (base/controls.h); bytes that are
 * no UTF-8 become U+FFFD. A function that returns false has changed nothing.
 */
#ifndef WSGATE_JSON_TEXT_H
#define WSGATE_JSON_TEXT_H

#include "base/compiler.h"
#include "base/str.h"

struct json_text {
    char *at;
    size_t len, room; /* at least the "{"; how far the memory goes */
};

/*
 * The usual case in one pass: ,"key":"value" to at[0..room), or without the value's quotes, if
 * all bytes stand for themselves and fit. Returns how many bytes it put there; 0: not plain, use
 * the others.
 */
size_t json_text_plain(char *at, size_t room, const char *key, struct str value, bool quoted)
    MUST_CHECK;
/* Adds "key":value; value is JSON already: a number, true, an object. */
bool json_text_bare(struct json_text *text, const char *key, struct str value) MUST_CHECK;
/* Adds "key":"value", whole or not at all. */
bool json_text_string(struct json_text *text, const char *key, struct str value) MUST_CHECK;
/* Adds "key":"value" with as much of the value as there is room for. false: none at all. */
bool json_text_string_start(struct json_text *text, const char *key, struct str value) MUST_CHECK;
/*
 * Shortens the longest string values of a flat object without its "}" until `room`
 * bytes hold it. false: the short ones that it leaves alone are too many.
 */
bool json_text_cut(struct json_text *text, size_t room) MUST_CHECK;

#endif
