/* token.c - `wsgatectl token`: the table of its subcommands. */
#include "token.h"

#include "command.h"

static const struct command commands[] = {
    {"mint", "make a signed token", token_mint_run},
    {"inspect", "show what a token says, and whether it verifies", token_inspect_run},
    {"keygen", "make a key pair or a secret", token_keygen_run},
    {"jwks", "write public keys as a JSON Web Key Set", token_jwks_run},
    {NULL},
};

int
token_run(int argc, char **argv)
{
    return command_dispatch(commands, "wsgatectl token", argc, argv);
}
