/*
 * options.h - a map of the file checked against a table of options.
 *
 * The table (struct mw_option) says all there is to know about an option; here a map node
 * is held against it, every fault reported at its place, and what is left out
 * gets its default, read by the same code as if it had been written. The result answers
 * by word. Modules know it as the opaque struct mw_options.
 *
 * Ownership: everything lives in the context's arena.
 */
#ifndef WSGATE_OPTIONS_H
#define WSGATE_OPTIONS_H

#include "config/scalar.h"
#include "config/yaml_tree.h"

#include <wsgate/middleware.h>

enum { OPTION_DIGEST_LEN = 32 }; /* SHA-256 */

/* What all options of one file share. */
struct options_context {
    struct arena *arena;
    struct faults *faults; /* NULL once the file is loaded: too late to report */
    struct str directory;  /* relative paths of files start here; len 0: where we stand */
    void *owner;           /* who made it; nothing here looks at it */
};

/* One thing that was written (or its default): the value, or an element of it. */
struct option_item {
    const char *key; /* MW_MAP, MW_NAMED */
    struct mark key_mark;
    const char *text;           /* scalars, with variables expanded; files: the resolved path. NULL
                                   in what was refused */
    struct str written;         /* scalars: as in the file */
    struct mw_options *members; /* MW_OBJECT, MW_OBJECTS, MW_NAMED with a table */
    struct mark mark;
    const struct yaml_node *node; /* NULL: a default */
    const unsigned char *digest;  /* files: OPTION_DIGEST_LEN bytes, of what was in it */
};

struct option_value {
    bool given;
    struct mark mark; /* of the value; not given: of the map that lacks it */
    int64_t integer;
    struct option_item *items;
    size_t count;
};

struct mw_options {
    struct options_context *context;
    const struct mw_option *table;
    struct mark mark;            /* of the map */
    bool faulty;                 /* something in here, at any depth, was reported */
    struct option_value *values; /* one for each row */
};

/* `map` may be any node: what is no map is a fault. NULL: out of memory, reported. */
struct mw_options *options_check(struct options_context *context, const struct yaml_node *map,
                                 const struct mw_option *table) MUST_CHECK;

/* For whoever reads faulty options all the same, to find more faults: what was refused, at any
 * depth, counts as left out from now on, and of a list what is good stays. Only for what was a map.
 * false: something that is required is not there, so they must not be read. */
bool options_forget_refused(struct mw_options *options) MUST_CHECK;

/* Is there a row of that word? */
bool options_has(const struct mw_option *table, struct str word);
/* "word:value" with a word of the table, where a blank behind the colon was forgotten? */
#define OPTIONS_GLUED "; a colon needs a blank behind it"
bool options_is_glued(const struct mw_option *table, struct str text);
/* Is a value of that option kept out of messages? */
bool options_is_secret(const char *word);
/* The i-th of a row's choices; later: known, but not built yet. false: no more. */
bool options_choice(const char *choices, size_t i, struct str *choice, bool *later);
/* What reads values of that type; NULL where there is no single number in it. */
scalar_reader *options_reader(enum mw_option_type type);

/* The value of a row by its word; NULL: the table has none of that name. */
const struct option_value *options_find(const struct mw_options *options, const char *word);
/* Do both say the same, by the same table? Where an option names a file, what was in it counts too.
 * The first is of one value, by its word. */
bool options_equal_at(const struct mw_options *a, const struct mw_options *b, const char *word)
    MUST_CHECK;
bool options_equal(const struct mw_options *a, const struct mw_options *b) MUST_CHECK;
/* What the module interface calls option_string etc., see there. A word that the table does not
 * have, or a type other than the one asked for, is a fault while the file is loaded, and 0 or
 * NULL. */
const char *options_string(const struct mw_options *options, const char *word);
int64_t options_integer(const struct mw_options *options, const char *word);
uint64_t options_interval_ns(const struct mw_options *options, const char *word);
bool options_given(const struct mw_options *options, const char *word);
size_t options_count(const struct mw_options *options, const char *word);
const char *options_key(const struct mw_options *options, const char *word, size_t i);
const char *options_item(const struct mw_options *options, const char *word, size_t i);
const struct mw_options *options_member(const struct mw_options *options, const char *word,
                                        size_t i);
/* "`word`: message" at item i. What a secret option or a variable held is taken out of it. In
 * faulty options nothing is said of one that is not there: it may be missing because it was
 * refused. */
void options_fault(const struct mw_options *options, const char *word, size_t i,
                   const char *format, ...) PRINTF_LIKE(4, 5);

#endif
