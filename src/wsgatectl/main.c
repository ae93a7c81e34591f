/* main.c - wsgatectl: the control command. A table of what it can do. */
#include "command.h"
#include "explain.h"
#include "key.h"
#include "probe.h"
#include "token.h"

#include "registry.h"

static int
explain(int argc, char **argv)
{
    return explain_run(argc, argv, middleware_registry);
}

static const struct command commands[] = {
    {"explain", "say what the gateway would do with a request, and why", explain},
    {"key", "make API keys", key_run},
    {"probe", "open a WebSocket and say what happened", probe_run},
    {"token", "make, read and sign tokens and keys", token_run},
    {NULL},
};

int
main(int argc, char **argv)
{
    return command_dispatch(commands, "wsgatectl", argc, argv);
}
