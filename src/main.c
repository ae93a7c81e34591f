/* main.c - the program: it alone hands the module table to the core. */
#include "program.h"

#include "registry.h"

int
main(int argc, char **argv)
{
    return program_run(argc, argv, middleware_registry);
}
