/* explain.h - `wsgatectl explain TARGET`: what the gateway would do with a request, without one. */
#ifndef WSGATE_EXPLAIN_H
#define WSGATE_EXPLAIN_H

#include <wsgate/middleware.h>

/* argv[0] is "explain"; modules is the table that the gateway has, NULL at its end. 0: would be let
 * in; 1: refused; 2: usage, or a fault of the configuration. */
int explain_run(int argc, char **argv, const struct mw_module *const *modules);

#endif
