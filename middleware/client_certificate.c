/*
 * client_certificate.c - what the certificate must say that a client has shown (RFC 5280).
 *
 * That it is good - signed, not expired, not revoked - has been judged in the TLS handshake, by
 * the listener's client_ca and client_crl. Here it is asked whose it is.
 *
 * Each rule that is given must hold; a rule holds if one value in the certificate is one of its
 * patterns. A pattern is a text, or has one `*` at its front or at its end for any text there.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/http_head.h"

#include <stdlib.h>

enum { VALUES_MAX = 100, PARTS = 8 };

/* Of a certificate, as options name them; the identity's choices in the same order. */
static const struct part {
    const char *word;
    enum mw_certificate part;
} parts[PARTS] = {
    {"common_name", MW_CERTIFICATE_COMMON_NAME},
    {"subject", MW_CERTIFICATE_SUBJECT},
    {"dns", MW_CERTIFICATE_DNS},
    {"email", MW_CERTIFICATE_EMAIL},
    {"uri", MW_CERTIFICATE_URI},
    {"fingerprint", MW_CERTIFICATE_FINGERPRINT},
    {"serial", MW_CERTIFICATE_SERIAL},
    {"issuer", MW_CERTIFICATE_ISSUER},
};

static const struct mw_option options_table[] = {
    {"common_name", MW_LIST, NULL, "Common names in the subject that may connect."},
    {"subject", MW_LIST, NULL, "Whole subjects, as RFC 2253 writes them."},
    {"dns", MW_LIST, NULL, "DNS names in subjectAltName."},
    {"email", MW_LIST, NULL, "Mail addresses in subjectAltName."},
    {"uri", MW_LIST, NULL, "URIs in subjectAltName."},
    {"fingerprint", MW_LIST, NULL, "SHA-256 of the certificate, in hexadecimal."},
    {"serial", MW_LIST, NULL, "Serial numbers, in hexadecimal."},
    {"issuer", MW_LIST, NULL, "Whole issuers, as RFC 2253 writes them."},
    {"identity", MW_WORD, "common_name", "Which part the subject of the session is.", 0,
     "common_name|subject|dns|email|uri|fingerprint|none"},
    {"forward", MW_MAP, NULL, "Parts, and the headers that hand them to the backend."},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

struct forward {
    enum mw_certificate part;
    const char *header;
};

struct rules {
    const struct mw_host *host;
    struct str *patterns[PARTS]; /* of each part; those of a fingerprint and a serial are folded */
    size_t counts[PARTS];
    size_t identity; /* index into parts; PARTS: none */
    struct forward *forwards;
    size_t forward_count;
    char *text; /* what folded patterns point into */
};

/* ---- Setup ------------------------------------------------------------------- */

static bool
is_hex_part(size_t part)
{
    return parts[part].part == MW_CERTIFICATE_FINGERPRINT ||
           parts[part].part == MW_CERTIFICATE_SERIAL;
}

/* A number without its leading zeros: openssl(1) prints one as 0A1B, and as 0xa1b too. */
static struct str
comparable(size_t part, struct str text)
{
    while (parts[part].part == MW_CERTIFICATE_SERIAL && text.len > 1 && text.at[0] == '0')
        text = (struct str){text.at + 1, text.len - 1};
    return text;
}

/* "AB:CD" becomes "abcd", in place. false: not hexadecimal. */
static bool
fold_hex(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ':')
            continue;
        if (strchr("0123456789abcdefABCDEF", *at) == NULL)
            return false;
        *to++ = (char)(*at >= 'A' && *at <= 'F' ? *at + ('a' - 'A') : *at);
    }
    *to = '\0';
    return to > text;
}

/* false: a fault was reported. */
static bool
check_pattern(const struct rules *rules, const struct mw_options *options, size_t part, size_t i,
              char *text)
{
    const char *word = parts[part].word, *star = strchr(text, '*');
    size_t len = strlen(text);

    if (is_hex_part(part)) {
        if (fold_hex(text) && (parts[part].part == MW_CERTIFICATE_SERIAL || strlen(text) == 64))
            return true;
        rules->host->option_fault(options, word, i, "expected %s in hexadecimal, found `%s`",
                                  parts[part].part == MW_CERTIFICATE_SERIAL ? "a number"
                                                                            : "64 digits",
                                  rules->host->option_item(options, word, i));
        return false;
    }
    if (len > 0 && (star == NULL || (strchr(star + 1, '*') == NULL && len > 1 &&
                                     (star == text || star[1] == '\0'))))
        return true;
    rules->host->option_fault(options, word, i,
                              "expected a text, with at most one `*`, at its front or its end, "
                              "found `%s`",
                              text);
    return false;
}

static bool
read_rule(struct rules *rules, const struct mw_options *options, size_t part, char **text)
{
    const struct mw_host *host = rules->host;
    const char *word = parts[part].word;
    size_t count = host->option_count(options, word);
    bool good = true;

    rules->patterns[part] = calloc(count + 1, sizeof(*rules->patterns[part]));
    if (rules->patterns[part] == NULL)
        return false;
    rules->counts[part] = count;
    for (size_t i = 0; i < count; i++) {
        char *copy = strcpy(*text, host->option_item(options, word, i));
        *text += strlen(copy) + 1;
        good = check_pattern(rules, options, part, i, copy) && good;
        rules->patterns[part][i] = comparable(part, str_of(copy));
    }
    if (count == 0 && host->option_given(options, word)) {
        host->option_fault(options, word, 0, "the list is empty: nobody could connect");
        good = false;
    }
    return good;
}

static size_t
text_bytes(const struct mw_options *options, const struct mw_host *host)
{
    size_t bytes = 1;

    for (size_t part = 0; part < PARTS; part++)
        for (size_t i = 0; i < host->option_count(options, parts[part].word); i++)
            bytes += strlen(host->option_item(options, parts[part].word, i)) + 1;
    return bytes;
}

static size_t
part_named(const char *word)
{
    size_t part = 0;

    while (part < PARTS && strcmp(parts[part].word, word) != 0)
        part++;
    return part;
}

static bool
is_forwarded(const struct rules *rules, const char *header)
{
    for (size_t i = 0; i < rules->forward_count; i++)
        if (http_names_alike(str_of(rules->forwards[i].header), str_of(header)))
            return true;
    return false;
}

static bool
read_forward(struct rules *rules, const struct mw_options *options)
{
    const struct mw_host *host = rules->host;
    size_t count = host->option_count(options, "forward");
    bool good = true;

    rules->forwards = calloc(count + 1, sizeof(*rules->forwards));
    for (size_t i = 0; i < count && rules->forwards != NULL; i++) {
        const char *key = host->option_key(options, "forward", i);
        const char *header = host->option_item(options, "forward", i);
        size_t part = part_named(key);
        if (part == PARTS) {
            host->option_fault(options, "forward", i,
                               "expected common_name, subject, dns, email, uri, fingerprint, "
                               "serial or issuer, found `%s`",
                               key);
        } else if (is_forwarded(rules, header) || !host->reserve_header(options, header)) {
            host->option_fault(options, "forward", i,
                               "expected a header that a module can set, once, found `%s`", header);
        } else {
            rules->forwards[rules->forward_count++] = (struct forward){parts[part].part, header};
            continue;
        }
        good = false;
    }
    return good && rules->forwards != NULL;
}

static void
teardown(void *instance)
{
    struct rules *rules = instance;

    if (rules == NULL)
        return;
    for (size_t part = 0; part < PARTS; part++)
        free(rules->patterns[part]);
    free(rules->forwards);
    free(rules->text);
    free(rules);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct rules *rules = calloc(1, sizeof(*rules));
    char *text = malloc(text_bytes(options, host));
    bool good = rules != NULL && text != NULL;

    if (!good) {
        host->option_fault(options, "identity", 0, "out of memory");
        free(rules);
        free(text);
        return NULL;
    }
    rules->host = host;
    rules->text = text;
    for (size_t part = 0; part < PARTS; part++)
        good = read_rule(rules, options, part, &text) && good;
    good = read_forward(rules, options) && good;
    size_t identity = (size_t)host->option_integer(options, "identity");

    rules->identity = identity < part_named("serial") ? identity : PARTS; /* "none" is the last */
    if (good)
        return rules;
    teardown(rules);
    return NULL;
}

/* ---- Deciding ------------------------------------------------------------------ */

static bool
matches(struct str pattern, struct str value)
{
    size_t fixed = pattern.len - 1;

    if (pattern.at[0] == '*')
        return value.len > fixed &&
               memcmp(value.at + value.len - fixed, pattern.at + 1, fixed) == 0;
    if (pattern.at[fixed] == '*')
        return value.len > fixed && memcmp(value.at, pattern.at, fixed) == 0;
    return value.len == pattern.len && memcmp(value.at, pattern.at, pattern.len) == 0;
}

static bool
rule_holds(const struct rules *rules, size_t part, struct mw_request *request)
{
    for (size_t i = 0; i < VALUES_MAX; i++) {
        struct mw_str value = rules->host->peer_certificate(request, parts[part].part, i);
        if (value.at == NULL)
            return false;
        for (size_t k = 0; k < rules->counts[part]; k++)
            if (matches(rules->patterns[part][k],
                        comparable(part, (struct str){value.at, value.len})))
                return true;
    }
    return false;
}

/* What the session is called: the issuer's name tells equal names of several authorities apart. */
static bool
identify(const struct rules *rules, struct mw_request *request)
{
    const struct mw_host *host = rules->host;

    if (rules->identity == PARTS)
        return true;
    return host->identify(request, host->peer_certificate(request, MW_CERTIFICATE_ISSUER, 0),
                          host->peer_certificate(request, parts[rules->identity].part, 0));
}

static bool
forward(const struct rules *rules, struct mw_request *request)
{
    for (size_t i = 0; i < rules->forward_count; i++) {
        const struct forward *it = &rules->forwards[i];
        struct mw_str value = rules->host->peer_certificate(request, it->part, 0);
        if (value.at != NULL && !rules->host->forward_header(request, it->header, value))
            return false;
    }
    return true;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct rules *rules = instance;
    const struct mw_host *host = rules->host;

    (void)state;
    if (host->peer_certificate(request, MW_CERTIFICATE_FINGERPRINT, 0).at == NULL)
        return host->deny(request, 403, "certificate-missing", NULL);
    for (size_t part = 0; part < PARTS; part++)
        if (rules->counts[part] > 0 && !rule_holds(rules, part, request))
            return host->deny(request, 403, "certificate-not-allowed", NULL);
    if (!identify(rules, request) || !forward(rules, request))
        return MW_DENY;
    return MW_PASS;
}

const struct mw_module client_certificate_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "client_certificate",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .decide = decide,
};
