/*
 * claim_value.h - a claim as text, and as a list of texts. What is compared and what is handed on
 * to a backend is this text, so both mean the same.
 *
 * A string is its characters. A number is written in decimal: an integer with all its
 * digits, another as the shortest text that gives the same number again (1.50 is "1.5",
 * 1e3 is "1000", 1e30 is "1e+30"). A boolean is "true" or "false". Null, lists and objects have no
 * text.
 */
#ifndef WSGATE_CLAIM_VALUE_H
#define WSGATE_CLAIM_VALUE_H

#include "base/compiler.h"
#include "base/str.h"

struct json_node;

enum { CLAIM_NUMBER_MAX = 32 }; /* bytes of a number's text with its NUL; %.17g has at most 24 */

/* In claim, a constant, or `space`. at == NULL: it has no text. */
struct str claim_text(const struct json_node *claim, char space[CLAIM_NUMBER_MAX]) MUST_CHECK;

/*
 * The elements of a claim: of a list those that have a text, of a string what stands between
 * its spaces (RFC 6749 3.3, as in `scope`), of a number or a boolean itself.
 */
struct claim_list {
    const struct json_node *claim; /* the whole of it */
    const struct json_node *next;  /* element, of a list; NULL: no more */
    struct str rest;               /* of a string */
    char space[CLAIM_NUMBER_MAX];
};

/* claim may be NULL: no elements. */
void claim_list_start(struct claim_list *list, const struct json_node *claim);
/* The next one, good until the next call; at == NULL: no more. */
struct str claim_list_next(struct claim_list *list) MUST_CHECK;

#endif
