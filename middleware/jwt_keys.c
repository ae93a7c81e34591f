/*
 * jwt_keys.c - the keys that a jwt instance's options name.
 *
 * A file's text is wiped as soon as the key is made; of a secret only the copy in
 * the key set stays (and, written into the configuration, what the configuration
 * holds).
 */
#include "jwt_keys.h"

#include "token/jwks.h"
#include "token/key_file.h"

#include <stdlib.h>

const struct mw_option jwt_key_options[] = {
    {"file", MW_FILE, NULL, "PEM file with a public key or a certificate."},
    {"secret_file", MW_FILE, NULL,
     "File with the secret of HS256, HS384 or HS512; one line end at its end does not count."},
    {"secret", MW_STRING, NULL, "The secret itself, best as ${ENV_NAME}."},
    {"kid", MW_STRING, NULL, "Name of the key; without one it fits every token of its algorithms."},
    {"algorithm", MW_WORD, NULL, "The one algorithm it is for; default: all that it can serve.", 0,
     JOSE_CHOICES},
    {NULL},
};

/* What the callbacks of the JWKS reader need. */
struct report_place {
    const struct mw_options *options;
    const struct mw_host *host;
    const char *path;
    size_t i; /* of jwks_file */
};

static void
on_jwks_fault(void *arg, const char *text)
{
    const struct report_place *place = arg;

    place->host->option_fault(place->options, "jwks_file", place->i, "%s: %s", place->path, text);
}

static void
on_jwks_note(void *arg, const char *text)
{
    const struct report_place *place = arg;

    place->host->log(place->host, MW_LOG_WARNING, "jwt", "%s: %s", place->path, text);
}

static bool
load_jwks(struct keyset *keyset, const struct mw_options *options, const struct mw_host *host,
          size_t i)
{
    struct report_place place = {options, host, host->option_item(options, "jwks_file", i), i};
    const struct jwks_report report = {on_jwks_fault, on_jwks_note, &place, false};
    struct key_file file;
    struct key_error error;

    if (!key_file_read(&file, place.path, &error)) {
        on_jwks_fault(&place, error.text);
        return false;
    }
    bool ok = jwks_read(keyset, file.text, &report);
    key_file_free(&file);
    return ok;
}

/* The one of file, secret_file and secret that is given; NULL when none or several are. */
static const char *
key_source(const struct mw_options *key, const struct mw_host *host)
{
    static const char *const sources[] = {"file", "secret_file", "secret"};
    const char *source = NULL;

    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        if (!host->option_given(key, sources[i]))
            continue;
        if (source)
            return NULL;
        source = sources[i];
    }
    return source;
}

/* NULL: *error says why. */
static struct key *
make_key(const char *source, const char *value, struct str kid, enum jose_algorithm algorithm,
         struct key_error *error)
{
    struct key_file file;
    struct key *key;

    if (strcmp(source, "secret") == 0)
        return key_from_secret(str_of(value), kid, algorithm, error);
    if (!key_file_read(&file, value, error))
        return NULL;
    if (strcmp(source, "file") == 0)
        key = key_from_pem(file.text, kid, algorithm, error);
    else
        key = key_from_secret(key_file_secret(&file), kid, algorithm, error);
    key_file_free(&file);
    return key;
}

static bool
read_kid(struct str *kid, const struct mw_options *key, const struct mw_host *host)
{
    *kid = str_of(host->option_string(key, "kid"));
    if (!kid->at || (kid->len > 0 && kid->len <= JOSE_KID_MAX))
        return true;
    host->option_fault(key, "kid", 0, "%zu bytes; expected 1 to %d", kid->len, JOSE_KID_MAX);
    return false;
}

static bool
load_key(struct keyset *keyset, const struct mw_options *key, const struct mw_host *host,
         unsigned accepted)
{
    const char *source = key_source(key, host);
    struct key_error error = {""};
    enum jose_algorithm algorithm = JOSE_NO_ALGORITHM;
    struct str kid;

    if (!source) {
        host->option_fault(key, "file", 0, "expected one of file, secret_file and secret");
        return false;
    }
    if (host->option_given(key, "algorithm"))
        algorithm = (enum jose_algorithm)(host->option_integer(key, "algorithm") + 1);
    if (algorithm && !(accepted & JOSE_BIT(algorithm))) {
        host->option_fault(key, "algorithm", 0, "%s is not among the instance's algorithms",
                           jose_algorithm(algorithm)->name);
        return false;
    }
    if (!read_kid(&kid, key, host))
        return false;
    struct key *made =
        make_key(source, host->option_string(key, source), kid, algorithm, &error);
    if (made && keyset_add(keyset, made, &error))
        return true;
    host->option_fault(key, source, 0, "%s", error.text);
    return false;
}

static bool
load_all(struct keyset *keyset, const struct mw_options *options, const struct mw_host *host,
         unsigned algorithms, bool remote)
{
    size_t count = host->option_count(options, "keys");
    size_t files = host->option_count(options, "jwks_file");
    bool ok = true;

    if (count == 0 && files == 0 && !remote) {
        host->option_fault(options, "keys", 0,
                           "expected keys, jwks_file, jwks_url, discovery or an https issuer");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        ok = load_key(keyset, host->option_member(options, "keys", i), host, algorithms) && ok;
    for (size_t i = 0; i < files; i++)
        ok = load_jwks(keyset, options, host, i) && ok;
    unsigned served = keyset_algorithms(keyset);
    if (remote) /* whatever is public */
        served |= JOSE_ALL_ALGORITHMS & ~jose_family_mask(JOSE_HMAC);
    if (ok && !(served & algorithms)) {
        host->option_fault(options, "algorithms", 0, "no key can serve any of these");
        ok = false;
    }
    return ok;
}

struct keyset *
jwt_keys_load(const struct mw_options *options, const struct mw_host *host, unsigned algorithms,
              bool remote)
{
    struct keyset *keyset = keyset_new();

    if (!keyset)
        host->option_fault(options, "keys", 0, "out of memory");
    else if (load_all(keyset, options, host, algorithms, remote))
        return keyset;
    keyset_unref(keyset);
    return NULL;
}
