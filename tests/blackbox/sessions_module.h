/* sessions_module.h - a test-only module; see sessions_module.c. */
#ifndef WSGATE_SESSIONS_MODULE_H
#define WSGATE_SESSIONS_MODULE_H

#include <wsgate/middleware.h>

extern const struct mw_module sessions_module;

#endif
