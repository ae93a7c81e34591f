/*
 * token_mint.c - `wsgatectl token mint`: makes a signed token.
 *
 * The token goes to standard output, with a line end; nothing else does.
 */
#include "token.h"

#include "command.h"
#include "signer.h"

#include <jansson.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char title[] = "wsgatectl token mint";

static const char help[] =
    "usage: wsgatectl token mint --key FILE [OPTION...]\n"
    "\n"
    "  -k, --key FILE         private key in PEM, or a file with a secret; - is standard input\n"
    "  -a, --algorithm NAME   see below; default: the usual one for the key\n"
    "  -K, --kid ID           name of the key, for the header\n"
    "  -T, --typ TYPE         typ of the header; default: JWT\n"
    "  -i, --issuer TEXT      iss\n"
    "  -s, --subject TEXT     sub\n"
    "  -A, --audience TEXT    aud; may be repeated\n"
    "  -e, --expires-in TIME  exp, from now: 90s 5m 1h 7d, also negative; default: 1h\n"
    "  -E, --no-expiry        leave exp out\n"
    "  -n, --not-before TIME  nbf, from now; default: left out\n"
    "  -c, --claim NAME=JSON  any claim; may be repeated\n"
    "  -h, --help             this text\n"
    "\n"
    "Algorithms:" JOSE_NAMES "\n";

static const struct option options[] = {
    {"key", required_argument, NULL, 'k'},        {"algorithm", required_argument, NULL, 'a'},
    {"kid", required_argument, NULL, 'K'},        {"typ", required_argument, NULL, 'T'},
    {"issuer", required_argument, NULL, 'i'},     {"subject", required_argument, NULL, 's'},
    {"audience", required_argument, NULL, 'A'},   {"expires-in", required_argument, NULL, 'e'},
    {"no-expiry", no_argument, NULL, 'E'},        {"not-before", required_argument, NULL, 'n'},
    {"claim", required_argument, NULL, 'c'},      {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What the command line asks for. */
struct order {
    const char *key;
    enum jose_algorithm algorithm;
    json_t *header, *claims;
    int64_t now_s;
};

/* "90s", "5m", "-1h", "30": seconds. */
static bool
parse_time(const char *text, int64_t *seconds)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    char *end;
    long long number = strtoll(text, &end, 10);

    if (end == text || number > 1000000000 || number < -1000000000)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        *seconds = number * units[i].seconds;
        if (strcmp(end, units[i].unit) == 0)
            return true;
    }
    return false;
}

static int
set_string(json_t *object, const char *name, const char *text)
{
    if (json_object_set_new(object, name, json_string(text)) == 0)
        return COMMAND_OK;
    return command_misuse(title, "%s is not UTF-8", name);
}

static int
set_time(struct order *order, const char *name, const char *text)
{
    int64_t seconds;

    if (!parse_time(text, &seconds))
        return command_misuse(title, "\"%s\" is no time; expected one like 90s, 5m, 1h, 7d", text);
    json_object_set_new(order->claims, name, json_integer(order->now_s + seconds));
    return COMMAND_OK;
}

/* One audience is a string, several are a list. */
static int
add_audience(json_t *claims, const char *text)
{
    json_t *before = json_object_get(claims, "aud");

    if (!before)
        return set_string(claims, "aud", text);
    if (json_is_string(before)) {
        before = json_pack("[O]", before);
        json_object_set_new(claims, "aud", before);
    }
    if (json_array_append_new(before, json_string(text)) == 0)
        return COMMAND_OK;
    return command_misuse(title, "aud is not UTF-8");
}

static int
set_claim(json_t *claims, const char *text)
{
    const char *equals = strchr(text, '=');
    json_t *value = equals ? json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                           : NULL;
    char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;
    bool ok = value && name && *name && json_object_set(claims, name, value) == 0;

    json_decref(value);
    free(name);
    if (ok)
        return COMMAND_OK;
    return command_misuse(title, "\"%s\": expected NAME=JSON, such as role='\"admin\"' or n=1",
                          text);
}

static int
take_option(struct order *order, int option, const char *text)
{
    switch (option) {
    case 'k':
        order->key = text;
        return COMMAND_OK;
    case 'a':
        order->algorithm = jose_algorithm_named(str_of(text));
        if (order->algorithm)
            return COMMAND_OK;
        return command_misuse(title, "there is no algorithm \"%s\"; expected one of" JOSE_NAMES,
                              text);
    case 'K':
        return set_string(order->header, "kid", text);
    case 'T':
        return set_string(order->header, "typ", text);
    case 'i':
        return set_string(order->claims, "iss", text);
    case 's':
        return set_string(order->claims, "sub", text);
    case 'A':
        return add_audience(order->claims, text);
    case 'e':
        return set_time(order, "exp", text);
    case 'E':
        json_object_del(order->claims, "exp");
        return COMMAND_OK;
    case 'n':
        return set_time(order, "nbf", text);
    case 'c':
        return set_claim(order->claims, text);
    default:
        return command_misuse(title, "wrong option");
    }
}

static int
mint(const struct order *order)
{
    struct key_error error = {""};
    struct signer *signer = signer_open(order->key, order->algorithm, &error);
    char *token = signer ? signer_sign(signer, order->header, order->claims, &error) : NULL;

    if (token)
        puts(token);
    else
        command_complain(title, "%s: %s", order->key, error.text);
    free(token);
    signer_close(signer);
    return token ? COMMAND_OK : COMMAND_REFUSED;
}

static int
read_order(struct order *order, int argc, char **argv)
{
    int option, status = COMMAND_OK;

    optind = 1;
    while (status == COMMAND_OK &&
           (option = getopt_long(argc, argv, "k:a:K:T:i:s:A:e:En:c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return -1;
        }
        status = take_option(order, option, optarg);
    }
    if (status == COMMAND_OK && optind < argc)
        return command_misuse(title, "\"%s\" is too much", argv[optind]);
    if (status == COMMAND_OK && !order->key)
        return command_misuse(title, "--key is missing");
    return status;
}

int
token_mint_run(int argc, char **argv)
{
    struct order order = {.header = json_object(), .now_s = time(NULL)};

    order.claims = json_pack("{s:I, s:I}", "iat", (json_int_t)order.now_s, "exp",
                             (json_int_t)order.now_s + 3600);
    int status = read_order(&order, argc, argv);
    if (status == COMMAND_OK)
        status = mint(&order);
    json_decref(order.header);
    json_decref(order.claims);
    return status == -1 ? COMMAND_OK : status;
}
