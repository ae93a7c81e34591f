/* wsgate_test.c - the gateway as it is, with the test-only modules beside the others. */
#include "program.h"

#include "registry.h"
#include "sessions_module.h"
#include "waits_module.h"

int
main(int argc, char **argv)
{
    const struct mw_module *modules[32] = {&waits_module, &sessions_module};

    for (size_t i = 0; middleware_registry[i] != NULL && i < 29; i++)
        modules[i + 2] = middleware_registry[i];
    return program_run(argc, argv, modules);
}
