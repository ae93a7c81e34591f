/*
 * query.h - the arguments of a query and the cookies of a Cookie field: found,
 * decoded, taken out. Pure.
 */
#ifndef WSGATE_QUERY_H
#define WSGATE_QUERY_H

#include "base/compiler.h"
#include "base/str.h"

/* Query arguments, "&"-separated, names compared after decoding %XX and "+". Finds the i-th of that
 * name; its raw value in *value (empty when there is no "="). */
bool query_find(struct str query, struct str name, size_t i, struct str *value);
/* Decodes %XX and "+" into out (>= text.len bytes). false: bad escape or %00. */
bool query_decode(struct str text, char *out, size_t *len) MUST_CHECK;
/* application/x-www-form-urlencoded (RFC 6749 B): all but letters, digits and "-._~" as %XX, a
 * space as "+". out: >= 3 * text.len bytes. Returns how many it wrote. */
size_t query_encode(struct str text, char *out);
/* The query without any argument of that name, into out (>= query.len bytes); *len its length;
 * the order and bytes of the others stay. Returns how many went. out may be where the query stands.
 */
size_t query_remove(struct str query, struct str name, char *out, size_t *len);

/* Cookies (RFC 6265 4.2.1 and 5.4): the i-th of that name in one Cookie field's value; names are
 * case-sensitive; a value in double quotes loses them. */
bool cookie_find(struct str field, struct str name, size_t i, struct str *value);
/* The field without any cookie of that name, into out (>= field.len bytes); *len its length.
 * Returns how many went. out may be where the field stands. */
size_t cookie_remove(struct str field, struct str name, char *out, size_t *len);

#endif
