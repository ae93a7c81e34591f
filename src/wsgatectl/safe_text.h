/*
 * safe_text.h - bytes from a stranger, made fit for a terminal and for JSON.
 */
#ifndef WSGATE_SAFE_TEXT_H
#define WSGATE_SAFE_TEXT_H

#include "base/str.h"

#include <jansson.h>
#include <stdio.h>

/* Prints at most `max` bytes of text: controls of all kinds (base/controls.h) and what is no UTF-8
 * as \xNN, then "... (N bytes)" if there was more. */
void safe_text_print(FILE *out, struct str text, size_t max);
/* A JSON string; what is no UTF-8 becomes U+FFFD. NULL: out of memory. */
json_t *safe_text_json(struct str text);
/* Prints JSON with controls of all kinds as \uXXXX, which jansson leaves as they are beyond
 * U+001F. flags: jansson's. false: out of memory, or not printed. */
bool safe_text_dump(FILE *out, const json_t *json, size_t flags);

#endif
