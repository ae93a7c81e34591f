/* registry.c - the modules that are part of the program, one row each. */
#include "registry.h"

const struct mw_module *const middleware_registry[] = {
    &jwt_module,
    NULL,
};
