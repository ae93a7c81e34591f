/*
 * module_load.h - a module out of a file, by dlopen(3).
 *
 * It stays loaded until the process ends: what it has given out (its name, its tables) is held by
 * many. A file that is loaded again is the same module.
 */
#ifndef WSGATE_MODULE_LOAD_H
#define WSGATE_MODULE_LOAD_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

#include <stdio.h>

/* Control thread. NULL: one line to `fault` says why. What it gives may still be unfit, see
 * module_table.h. */
const struct mw_module *module_load(const char *path, FILE *fault) MUST_CHECK;

#endif
