/*
 * token_inspect.c - `wsgatectl token inspect`: what a token says, and whether it verifies.
 *
 * It prints header and claims as JSON with every character beyond ASCII escaped, so
 * that a hostile token cannot write to the terminal, and never the signature: what
 * it prints is no credential.
 */
#include "token.h"

#include "command.h"
#include "protocol/base64url.h"
#include "token/jwks.h"
#include "token/key_file.h"
#include "token/verify.h"

#include <jansson.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char title[] = "wsgatectl token inspect";

static const char help[] =
    "usage: wsgatectl token inspect [OPTION...] [TOKEN]\n"
    "\n"
    "Without TOKEN, or with -, it is read from standard input, which keeps it out of\n"
    "the list of processes. The signature is never printed.\n"
    "\n"
    "  -k, --key FILE     public key or certificate in PEM, or a file with a secret\n"
    "  -j, --jwks FILE    JSON Web Key Set\n"
    "  -h, --help         this text\n"
    "\n"
    "With a key, the exit status is 1 unless the token verifies and is valid now.\n";

static const struct option options[] = {
    {"key", required_argument, NULL, 'k'},
    {"jwks", required_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct inspection {
    const char *key, *jwks, *token; /* token NULL: standard input */
    struct jose_parts parts;
    unsigned char scratch[JOSE_TOKEN_MAX];
};

/* ---- Keys ------------------------------------------------------------------------ */

static void
on_jwks_message(void *arg, const char *text)
{
    command_complain(title, "%s: %s", (const char *)arg, text);
}

static bool
add_key(struct keyset *keyset, struct key_file *file, struct key_error *error)
{
    struct key *key = str_starts_with(file->text, STR("-----BEGIN"))
                          ? key_from_pem(file->text, STR_NONE, JOSE_NO_ALGORITHM, error)
                          : key_from_secret(key_file_secret(file), STR_NONE, JOSE_NO_ALGORITHM,
                                            error);

    return key && keyset_add(keyset, key, error);
}

static bool
fill_keyset(struct keyset *keyset, const struct inspection *inspection)
{
    const char *path = inspection->key ? inspection->key : inspection->jwks;
    const struct jwks_report report = {on_jwks_message, on_jwks_message,
                                       (void *)(uintptr_t)path};
    struct key_error error;
    struct key_file file;
    bool ok;

    if (!key_file_read(&file, path, &error)) {
        command_complain(title, "%s: %s", path, error.text);
        return false;
    }
    if (inspection->key) {
        ok = add_key(keyset, &file, &error);
        if (!ok)
            command_complain(title, "%s: %s", path, error.text);
    } else {
        ok = jwks_read(keyset, file.text, &report);
    }
    key_file_free(&file);
    return ok;
}

/* ---- What it says ------------------------------------------------------------------- */

static bool
print_part(struct inspection *inspection, const char *name, struct str segment)
{
    json_t *json = jose_payload_read(segment, inspection->scratch);
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;

    if (text)
        printf("%s %s\n", name, text);
    else
        command_complain(title, "the token's %s is not one JSON object in base64url", name);
    free(text);
    json_decref(json);
    return text != NULL;
}

/* "expires 2026-01-01T00:00:00Z, in 59m" */
static void
print_date(struct inspection *inspection, const char *claim, const char *word, time_t now)
{
    json_t *json = jose_payload_read(inspection->parts.payload, inspection->scratch);
    const json_t *value = json_object_get(json, claim);
    double seconds = json_number_value(value);
    char text[64];

    if (json_is_number(value) && seconds >= 0 && seconds < 253402300800.0) {
        time_t at = (time_t)seconds;
        struct tm parts;
        long long away = (long long)at - (long long)now;

        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts));
        printf("%s %s (%lld s %s)\n", word, text, away < 0 ? -away : away,
               away < 0 ? "ago" : "from now");
    }
    json_decref(json);
}

static int
print_verdict(struct inspection *inspection, struct str token, time_t now)
{
    const struct verify_policy policy = {.algorithms = JOSE_ALL_ALGORITHMS};
    struct keyset *keyset = keyset_new();
    struct verifier *verifier = NULL;
    struct verified verified;
    int status = COMMAND_REFUSED;

    if (keyset && fill_keyset(keyset, inspection))
        verifier = verifier_new(keyset);
    if (verifier) {
        enum jose_reason reason =
            verify_token(verifier, &policy, token, (int64_t)now * 1000, &verified);
        if (reason == JOSE_OK) {
            printf("verifies, with %s\n", inspection->key ? inspection->key : inspection->jwks);
            verified_free(&verified);
            status = COMMAND_OK;
        } else {
            const struct jose_reason_row *row = jose_reason(reason);
            printf("refused: %s (%s)\n", row->word, row->description ? row->description : "-");
        }
    }
    verifier_free(verifier);
    keyset_unref(keyset);
    return status;
}

static int
inspect(struct inspection *inspection, struct str token)
{
    enum jose_reason reason = jose_split(&inspection->parts, token);
    time_t now = time(NULL);

    if (reason != JOSE_OK) {
        command_complain(title, "%s", jose_reason(reason)->description);
        return COMMAND_REFUSED;
    }
    if (!print_part(inspection, "header", inspection->parts.header) ||
        !print_part(inspection, "claims", inspection->parts.payload))
        return COMMAND_REFUSED;
    print_date(inspection, "iat", "issued", now);
    print_date(inspection, "nbf", "not before", now);
    print_date(inspection, "exp", "expires", now);
    if (inspection->key || inspection->jwks)
        return print_verdict(inspection, token, now);
    printf("signature of %zu bytes, not checked: give --key or --jwks\n",
           BASE64URL_BYTES_LEN(inspection->parts.signature.len));
    return COMMAND_OK;
}

/* ---- The command ---------------------------------------------------------------------- */

static int
read_options(struct inspection *inspection, int argc, char **argv)
{
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "k:j:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return -1;
        }
        if (option == 'k')
            inspection->key = optarg;
        else if (option == 'j')
            inspection->jwks = optarg;
        else
            return command_misuse(title, "wrong option");
    }
    if (argc - optind > 1)
        return command_misuse(title, "more than one token");
    if (inspection->key && inspection->jwks)
        return command_misuse(title, "expected one of --key and --jwks");
    if (optind < argc && strcmp(argv[optind], "-") != 0)
        inspection->token = argv[optind];
    return COMMAND_OK;
}

int
token_inspect_run(int argc, char **argv)
{
    struct inspection *inspection = calloc(1, sizeof(*inspection));
    struct key_file input = {{NULL, 0}, NULL};
    struct key_error error = {"out of memory"};
    int status = inspection ? read_options(inspection, argc, argv) : COMMAND_REFUSED;

    if (status == COMMAND_OK && inspection->token) {
        status = inspect(inspection, str_of(inspection->token));
    } else if (status == COMMAND_OK && key_file_read(&input, "-", &error)) {
        status = inspect(inspection, key_file_secret(&input));
    } else if (status == COMMAND_OK) {
        command_complain(title, "%s", error.text);
        status = COMMAND_REFUSED;
    }
    key_file_free(&input);
    free(inspection);
    return status == -1 ? COMMAND_OK : status;
}
