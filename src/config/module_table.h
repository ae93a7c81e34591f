/*
 * module_table.h - is what was handed over as modules fit to be used?
 *
 * A module may have been built by somebody else, against another header. What is looked at here is
 * what can be seen before it runs; that one which waits can be cancelled is seen when it waits.
 */
#ifndef WSGATE_MODULE_TABLE_H
#define WSGATE_MODULE_TABLE_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

#include <stdio.h>

/* A line to `faults` for each module that this gateway cannot use. `modules` has NULL at its
 * end. */
bool module_table_check(const struct mw_module *const *modules, FILE *faults) MUST_CHECK;
/* The same for one of them; those before it are known to be good. */
bool module_table_check_one(const struct mw_module *const *modules,
                            const struct mw_module *const *module, FILE *faults) MUST_CHECK;

#endif
