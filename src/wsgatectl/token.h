/* token.h - `wsgatectl token`: subcommands around tokens and keys. */
#ifndef WSGATE_WSGATECTL_TOKEN_H
#define WSGATE_WSGATECTL_TOKEN_H

int token_run(int argc, char **argv);

int token_mint_run(int argc, char **argv);
int token_inspect_run(int argc, char **argv);
int token_keygen_run(int argc, char **argv);
int token_jwks_run(int argc, char **argv);

#endif
