/* explain_program.c - `wsgatectl explain` as it is, with the test-only module beside the others. */
#include "wsgatectl/explain.h"

#include "blackbox/waits_module.h"
#include "registry.h"

int
main(int argc, char **argv)
{
    const struct mw_module *modules[32] = {&waits_module};

    for (size_t i = 0; middleware_registry[i] != NULL && i < 30; i++)
        modules[i + 1] = middleware_registry[i];
    return explain_run(argc, argv, modules);
}
