/* main.c - wsgatectl: the control command. A table of what it can do. */
#include "command.h"
#include "probe.h"
#include "token.h"

static const struct command commands[] = {
    {"probe", "open a WebSocket and say what happened", probe_run},
    {"token", "make, read and sign tokens and keys", token_run},
    {NULL},
};

int
main(int argc, char **argv)
{
    return command_dispatch(commands, "wsgatectl", argc, argv);
}
