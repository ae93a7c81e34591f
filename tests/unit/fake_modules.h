/* fake_modules.h - modules for tests of the configuration: they set up and decide nothing. */
#ifndef WSGATE_FAKE_MODULES_H
#define WSGATE_FAKE_MODULES_H

#include <wsgate/middleware.h>

/* every: the table of every_option.h; `needed` says what its setup does: "fault", "nothing",
 * "lie" (a fault and an instance all the same), "reserve" (headers). plain: no table.
 * ip_allowlist, origin, jwt: tables like the real ones'. */
extern const struct mw_module *const fake_modules[];

/* How many instances live, and the last `needed` that was torn down. */
extern int fake_instances;
extern char fake_last[32];

#endif
