/*
 * option_value.h - one value held against the type of its row. Used by options.c alone.
 *
 * What a row may hold is the type's business here; which rows there are, which
 * are missing and which come later is that of options.c.
 */
#ifndef WSGATE_OPTION_VALUE_H
#define WSGATE_OPTION_VALUE_H

#include "config/options.h"

/* The checking of one row. */
struct option_check {
    struct mw_options *options;
    const struct mw_option *row;
    struct option_value *value; /* of that row, to be filled */
    bool is_default;            /* the node was made from the row's fallback */
};

/* Fills check->value. false: a fault, at this value or inside it, has been reported. */
bool option_value_check(const struct option_check *check, const struct yaml_node *node) MUST_CHECK;
/* Reports, and marks the options as faulty. Always false, so that `return option_fault(..)` reads
 * well. */
bool option_fault(const struct option_check *check, struct mark mark, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
