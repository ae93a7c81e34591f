/* waits_module.h - the test-only module; see waits_module.c. */
#ifndef WSGATE_WAITS_MODULE_H
#define WSGATE_WAITS_MODULE_H

#include <wsgate/middleware.h>

extern const struct mw_module waits_module;

#endif
