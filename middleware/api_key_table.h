/*
 * api_key_table.h - files of API keys, and who a key belongs to.
 *
 * A file has one key on a line, as the SHA-256 of the key in 64 hexadecimal digits, then whose it
 * is, then labels, with blanks between:
 *
 *     # comment
 *     9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ann team=red plan=free
 *
 * What stands there gives nobody a key, so one digest is enough: a key has at least 128 random
 * bits, and nobody tries that many. An identity has up to 255 bytes, without blanks and controls.
 */
#ifndef WSGATE_API_KEY_TABLE_H
#define WSGATE_API_KEY_TABLE_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdio.h>

enum {
    API_KEY_DIGEST = 32,
    API_KEY_MIN = 16,  /* bytes: shorter ones cannot have 128 random bits, and are nobody's */
    API_KEY_MAX = 512, /* as are longer ones */
    API_KEY_IDENTITY_MAX = 255,
    API_KEY_LABELS_MAX = 4,
    API_KEY_LINE_MAX = 4096,
    API_KEYS_MAX = 1000000,
};

struct api_key_label {
    const char *name; /* as it stands in the log: "label_team" */
    const char *value;
};

struct api_key {
    unsigned char digest[API_KEY_DIGEST];
    const char *identity; /* the table's, as all text */
    struct api_key_label labels[API_KEY_LABELS_MAX];
    size_t label_count;
};

struct api_key_table;

/* Whose line it is. text needs API_KEY_LINE_MAX and room for a prefix of each label, and gets what
 * the key points to. false: *error says what was expected; NULL: there is nothing on it. */
bool api_key_line_parse(struct api_key *key, struct str line, char *text, const char **error)
    MUST_CHECK;
/* Bytes for that text. */
#define API_KEY_TEXT(len) ((len) + (size_t)API_KEY_LABELS_MAX * sizeof("label_") + 2)

/* NULL: no memory. */
struct api_key_table *api_key_table_new(void) MUST_CHECK;
void api_key_table_free(struct api_key_table *table);
/* Before the table is sealed. false: *error says why; NULL: an empty line. */
bool api_key_table_add(struct api_key_table *table, struct str line, const char **error)
    MUST_CHECK;
/* No more lines; look-ups from now on. false: no memory (both twins are NULL), or one key stands
 * there twice. */
bool api_key_table_seal(struct api_key_table *table, const struct api_key *twins[2]) MUST_CHECK;
size_t api_key_table_count(const struct api_key_table *table);
/* Any thread. NULL: it is nobody's. */
const struct api_key *api_key_table_find(const struct api_key_table *table, struct str key);
/* The same by the key's SHA-256. */
const struct api_key *api_key_table_at(const struct api_key_table *table,
                                       const unsigned char digest[API_KEY_DIGEST]);

#endif
