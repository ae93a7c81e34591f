/* program.h - the command line of wsgate. main hands the module table over; tests hand theirs. */
#ifndef WSGATE_PROGRAM_H
#define WSGATE_PROGRAM_H

#include <wsgate/middleware.h>

int program_run(int argc, char **argv, const struct mw_module *const *modules);

#endif
