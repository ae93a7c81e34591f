/*
 * keys.c - `wsgatectl token keygen` and `token jwks`.
 *
 * A private key or a secret is written to a file that only its owner can read; all files of a
 * keygen come to be, or none (output_files.h).
 */
#include "token.h"

#include "command.h"
#include "jwk.h"
#include "output_files.h"
#include "protocol/base64url.h"
#include "token/key.h"
#include "token/key_file.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { RSA_BITS = 2048 };

/* ---- keygen --------------------------------------------------------------------------- */

static const char keygen_title[] = "wsgatectl token keygen";

static const char keygen_help[] =
    "usage: wsgatectl token keygen --algorithm NAME --out-private FILE [OPTION...]\n"
    "\n"
    "  -a, --algorithm NAME    see below\n"
    "  -p, --out-private FILE  private key (PEM) or secret; mode 0600\n"
    "  -P, --out-public FILE   public key (PEM); not with HS256, HS384, HS512\n"
    "  -j, --out-jwks FILE     public key as a JSON Web Key Set; likewise\n"
    "  -K, --kid ID            its name in the key set; default: its thumbprint (RFC 7638)\n"
    "  -f, --force             write over files\n"
    "  -h, --help              this text\n"
    "\n"
    "Algorithms:" JOSE_NAMES "\n";

static const struct option keygen_options[] = {
    {"algorithm", required_argument, NULL, 'a'},
    {"out-private", required_argument, NULL, 'p'},
    {"out-public", required_argument, NULL, 'P'},
    {"out-jwks", required_argument, NULL, 'j'},
    {"kid", required_argument, NULL, 'K'},
    {"force", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct keygen {
    enum jose_algorithm algorithm;
    const char *out_private, *out_public, *out_jwks, *kid;
    bool force;
};

/* Random bytes as text, so that the file can be read, mailed and typed: the text itself is the
 * secret, and it is longer than the hash. */
static int
make_secret(const struct keygen *keygen)
{
    struct output_files files = {.title = keygen_title, .force = keygen->force};
    size_t len = jose_algorithm(keygen->algorithm)->hash_len;
    unsigned char bytes[JOSE_HASH_MAX];
    char text[BASE64URL_TEXT_LEN(JOSE_HASH_MAX) + 1];
    bool ok = RAND_bytes(bytes, (int)len) > 0;

    if (ok) {
        size_t text_len = base64url_encode(bytes, len, text);
        text[text_len++] = '\n';
        ok = output_files_add(&files, keygen->out_private, (struct str){text, text_len}, 0600) &&
             output_files_place(&files);
    }
    output_files_end(&files);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(text, sizeof(text));
    return ok ? COMMAND_OK : COMMAND_REFUSED;
}

static EVP_PKEY *
generate(enum jose_algorithm algorithm)
{
    const struct jose_algorithm_row *row = jose_algorithm(algorithm);

    if (row->family == JOSE_ECDSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", jose_curve(row->curve)->group);
    if (row->family == JOSE_EDDSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
}

static bool
add_pem(struct output_files *files, const struct keygen *keygen, EVP_PKEY *key, bool private)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    bool ok = bio && (private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                              : PEM_write_bio_PUBKEY(bio, key)) > 0;

    if (ok) {
        long len = BIO_get_mem_data(bio, &text);
        ok = output_files_add(files, private ? keygen->out_private : keygen->out_public,
                              (struct str){text, (size_t)len}, private ? 0600 : 0644);
    } else {
        command_complain(keygen_title, "the key could not be written as PEM");
    }
    BIO_free(bio);
    return ok;
}

/* {"keys": [...]}; takes keys. NULL: out of memory. */
static char *
set_of(json_t *keys)
{
    json_t *set = json_pack("{s:o}", "keys", keys);
    char *text = set ? json_dumps(set, JSON_INDENT(2)) : NULL;

    json_decref(set);
    return text;
}

static bool
add_jwks(struct output_files *files, const struct keygen *keygen, EVP_PKEY *key)
{
    json_t *keys = json_pack("[o]", jwk_from_public(key, keygen->kid, keygen->algorithm));
    char *text = keys ? set_of(keys) : NULL;
    struct str all = str_of(text);
    bool ok = text != NULL;

    if (ok) {
        text[all.len++] = '\n'; /* where its NUL stood */
        ok = output_files_add(files, keygen->out_jwks, all, 0644);
    }
    free(text);
    return ok;
}

static int
make_pair(const struct keygen *keygen)
{
    struct output_files files = {.title = keygen_title, .force = keygen->force};
    EVP_PKEY *key = generate(keygen->algorithm);
    bool ok = key != NULL;

    if (!ok)
        command_complain(keygen_title, "no key could be made");
    ok = ok && add_pem(&files, keygen, key, true) &&
         (!keygen->out_public || add_pem(&files, keygen, key, false)) &&
         (!keygen->out_jwks || add_jwks(&files, keygen, key)) && output_files_place(&files);
    output_files_end(&files);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok ? COMMAND_OK : COMMAND_REFUSED;
}

static int
take_keygen_option(struct keygen *keygen, int option)
{
    switch (option) {
    case 'a':
        keygen->algorithm = jose_algorithm_named(str_of(optarg));
        if (keygen->algorithm)
            return COMMAND_OK;
        return command_misuse(keygen_title,
                              "there is no algorithm \"%s\"; expected one of" JOSE_NAMES, optarg);
    case 'p':
        keygen->out_private = optarg;
        return COMMAND_OK;
    case 'P':
        keygen->out_public = optarg;
        return COMMAND_OK;
    case 'j':
        keygen->out_jwks = optarg;
        return COMMAND_OK;
    case 'K':
        keygen->kid = optarg;
        return COMMAND_OK;
    case 'f':
        keygen->force = true;
        return COMMAND_OK;
    default:
        return command_misuse(keygen_title, "wrong option");
    }
}

static int
check_keygen(const struct keygen *keygen, bool more_arguments)
{
    if (more_arguments)
        return command_misuse(keygen_title, "too many arguments");
    if (!keygen->algorithm || !keygen->out_private)
        return command_misuse(keygen_title, "--algorithm and --out-private are needed");
    if (jose_algorithm(keygen->algorithm)->family == JOSE_HMAC &&
        (keygen->out_public || keygen->out_jwks))
        return command_misuse(keygen_title, "a secret has no public part");
    return COMMAND_OK;
}

int
token_keygen_run(int argc, char **argv)
{
    struct keygen keygen = {JOSE_NO_ALGORITHM};
    int option, status = COMMAND_OK;

    optind = 1;
    while (status == COMMAND_OK &&
           (option = getopt_long(argc, argv, "a:p:P:j:K:fh", keygen_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(keygen_help, stdout);
            return COMMAND_OK;
        }
        status = take_keygen_option(&keygen, option);
    }
    if (status == COMMAND_OK)
        status = check_keygen(&keygen, optind < argc);
    if (status != COMMAND_OK)
        return status;
    return jose_algorithm(keygen.algorithm)->family == JOSE_HMAC ? make_secret(&keygen)
                                                                 : make_pair(&keygen);
}

/* ---- jwks ------------------------------------------------------------------------------ */

static const char jwks_title[] = "wsgatectl token jwks";

static const char jwks_help[] =
    "usage: wsgatectl token jwks [[--kid ID] [--algorithm NAME] FILE]...\n"
    "\n"
    "Writes the public keys and certificates in FILE... (PEM) as a JSON Web Key Set. An option\n"
    "is for the next FILE alone.\n"
    "\n"
    "  -K, --kid ID            name of the key; default: its thumbprint (RFC 7638)\n"
    "  -a, --algorithm NAME    the one algorithm it is for; default: none is named\n"
    "  -h, --help              this text\n";

static const struct option jwks_options[] = {
    {"kid", required_argument, NULL, 'K'},
    {"algorithm", required_argument, NULL, 'a'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool
append_key(json_t *keys, const char *path, const char *kid, enum jose_algorithm algorithm)
{
    struct key_error error = {"cannot be written as a JSON Web Key"};
    struct key_file file;
    struct key *key;

    if (!key_file_read(&file, path, &error)) {
        command_complain(jwks_title, "%s: %s", path, error.text);
        return false;
    }
    key = key_from_pem(file.text, str_of(kid), algorithm, &error);
    json_t *jwk = key ? jwk_from_public(key->public_key, kid, algorithm) : NULL;
    bool ok = jwk && json_array_append_new(keys, jwk) == 0;

    if (!ok)
        command_complain(jwks_title, "%s: %s", path, error.text);
    key_free(key);
    key_file_free(&file);
    return ok;
}

/* COMMAND_OK, or what went wrong; -1: help was asked for. */
static int
collect_keys(json_t *keys, int argc, char **argv)
{
    enum jose_algorithm algorithm = JOSE_NO_ALGORITHM;
    const char *kid = NULL;
    int option;

    optind = 1;
    /* The leading "-" hands the files over in order, between the options. */
    while ((option = getopt_long(argc, argv, "-K:a:h", jwks_options, NULL)) != -1) {
        if (option == 1) {
            if (!append_key(keys, optarg, kid, algorithm))
                return COMMAND_REFUSED;
            kid = NULL;
            algorithm = JOSE_NO_ALGORITHM;
        } else if (option == 'K') {
            kid = optarg;
        } else if (option == 'a' && (algorithm = jose_algorithm_named(str_of(optarg)))) {
            continue;
        } else if (option == 'h') {
            fputs(jwks_help, stdout);
            return -1;
        } else {
            return command_misuse(jwks_title, "wrong option");
        }
    }
    if (json_array_size(keys) == 0 || kid || algorithm)
        return command_misuse(jwks_title, "a FILE is missing");
    return COMMAND_OK;
}

int
token_jwks_run(int argc, char **argv)
{
    json_t *keys = json_array();
    int status = collect_keys(keys, argc, argv);
    char *text = status == COMMAND_OK ? set_of(json_incref(keys)) : NULL;

    if (text)
        puts(text);
    free(text);
    json_decref(keys);
    return status == -1 ? COMMAND_OK : status;
}
