/*
 * explain_report.h - an explanation as lines for people, or as one JSON object.
 *
 * Everything that the request brought along is redacted and made safe for a terminal.
 */
#ifndef WSGATE_EXPLAIN_REPORT_H
#define WSGATE_EXPLAIN_REPORT_H

#include "wsgatectl/explanation.h"

#include <stdio.h>

/* secret: the token that was given, to be hidden wherever it stands; at == NULL: none. */
void explain_report_lines(FILE *out, const struct explanation *explanation, struct str secret);
/* false: out of memory. */
bool explain_report_json(FILE *out, const struct explanation *explanation, struct str secret)
    MUST_CHECK;

/* ---- For the two of them ---- */

const char *explain_listener_name(const struct listener_settings *listener);
/* "2026-11-23T01:02:03Z" */
enum { EXPLAIN_TIME_MAX = 32 };
void explain_time(int64_t wall_ms, char text[EXPLAIN_TIME_MAX]);
/* The next line of a head, without its end, out of *rest; false: the empty line has come. */
bool explain_next_line(struct str *rest, struct str *line);
/* Where a credential was found: "header", "cookie", .. */
const char *explain_source_word(enum mw_source source);

/* Of a group: "any_of", "all_of". */
const char *explain_group_word(enum require_kind kind);

#endif
