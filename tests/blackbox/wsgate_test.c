/* wsgate_test.c - the gateway as it is, with the test-only module beside the others. */
#include "program.h"

#include "registry.h"
#include "waits_module.h"

int
main(int argc, char **argv)
{
    const struct mw_module *modules[32] = {&waits_module};

    for (size_t i = 0; middleware_registry[i] != NULL && i < 30; i++)
        modules[i + 1] = middleware_registry[i];
    return program_run(argc, argv, modules);
}
