/* tls_pair.c - see tls_pair.h. */
#include "net/tls_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctype.h>
#include <string.h>
#include <time.h>

/* ---- Files -------------------------------------------------------------------------- */

/* After a failed read of PEM: is it only that nothing more stands in the file? */
static bool
is_end_of_file(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static bool
report(const struct tls_reporter *reporter, size_t item, const char *word, const char *what)
{
    tls_report(reporter, item, word, "%s", what);
    ERR_clear_error();
    return false;
}

static bool
load_chain(struct tls_pair *pair, const char *file, size_t item,
           const struct tls_reporter *reporter)
{
    BIO *bio = BIO_new_file(file, "r");
    X509 *one = NULL;
    int count = 0;

    pair->chain = sk_X509_new_null();
    while (bio != NULL && pair->chain != NULL && count <= TLS_CHAIN_MAX &&
           (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (count++ == 0)
            pair->certificate = one;
        else if (sk_X509_push(pair->chain, one) == 0)
            X509_free(one);
    }
    (void)BIO_free(bio);
    if (bio == NULL)
        return report(reporter, item, "certificate", "cannot be read");
    if (count == 0 && is_end_of_file())
        return report(reporter, item, "certificate", "expected a certificate in PEM");
    if (count > TLS_CHAIN_MAX)
        return report(reporter, item, "certificate", "expected at most 16 certificates");
    if (is_end_of_file()) {
        ERR_clear_error();
        return true;
    }
    tls_report(reporter, item, "certificate", "certificate %d in it is broken: %s", count + 1,
               tls_library_fault());
    return false;
}

/* Nobody is there to type one. */
static int
no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool
load_key(struct tls_pair *pair, const char *file, size_t item, const struct tls_reporter *reporter)
{
    BIO *bio = BIO_new_file(file, "r");
    bool asked = false;

    if (bio == NULL)
        return report(reporter, item, "private_key", "cannot be read");
    pair->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    (void)BIO_free(bio);
    if (pair->key == NULL)
        return report(reporter, item, "private_key",
                      asked ? "needs a passphrase, expected a private key without one"
                            : "expected a private key in PEM");
    return true;
}

static bool
read_end(struct tls_pair *pair)
{
    struct tm end;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(pair->certificate), &end) != 1)
        return false;
    pair->ends_s = timegm(&end);
    return true;
}

bool
tls_pair_load(struct tls_pair *pair, const struct tls_files *files, size_t item,
              const struct tls_reporter *reporter)
{
    *pair = (struct tls_pair){NULL};
    ERR_clear_error();
    bool chain = load_chain(pair, files->certificate, item, reporter);
    bool key = load_key(pair, files->private_key, item, reporter);
    bool good = chain && key;

    if (good && X509_check_private_key(pair->certificate, pair->key) != 1) {
        tls_report(reporter, item, "private_key", "is not the key of the certificate in `%s`",
                   files->certificate);
        good = false;
    }
    if (good && !read_end(pair))
        good = report(reporter, item, "certificate", "no date to end at");
    ERR_clear_error();
    if (!good)
        tls_pair_free(pair);
    return good;
}

void
tls_pair_free(struct tls_pair *pair)
{
    X509_free(pair->certificate);
    sk_X509_pop_free(pair->chain, X509_free);
    EVP_PKEY_free(pair->key);
    *pair = (struct tls_pair){NULL};
}

bool
tls_pair_use(const struct tls_pair *pair, SSL_CTX *context, size_t item,
             const struct tls_reporter *reporter)
{
    if (SSL_CTX_use_cert_and_key(context, pair->certificate, pair->key, pair->chain, 1) == 1)
        return true;
    tls_report(reporter, item, "certificate", "OpenSSL does not take it: %s", tls_library_fault());
    return false;
}

/* ---- Names --------------------------------------------------------------------------- */

/* The text in lower case where it could be a host's name, else "". */
static void
copy_name(const ASN1_STRING *text, char *name)
{
    const unsigned char *at = ASN1_STRING_get0_data(text);
    int len = ASN1_STRING_length(text);

    name[0] = '\0';
    if (len <= 0 || len > TLS_NAME_MAX)
        return;
    for (int i = 0; i < len; i++) {
        if (!isalnum(at[i]) && strchr(i == 0 ? "*_" : ".-_", at[i]) == NULL) {
            name[0] = '\0';
            return;
        }
        name[i] = (char)tolower(at[i]);
    }
    name[len] = '\0';
    if (name[0] == '*' && name[1] != '.')
        name[0] = '\0';
}

static bool
common_name(const struct tls_pair *pair, char *name)
{
    const X509_NAME *subject = X509_get_subject_name(pair->certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (at < 0)
        return false;
    copy_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), name);
    return true;
}

bool
tls_pair_name(const struct tls_pair *pair, size_t i, char *name)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(pair->certificate, NID_subject_alt_name, NULL, NULL);
    size_t seen = 0;
    bool found = false;

    for (int k = 0; i < TLS_NAMES_MAX && k < sk_GENERAL_NAME_num(all) && !found; k++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, k);
        if (one->type != GEN_DNS)
            continue;
        found = seen++ == i;
        if (found)
            copy_name(one->d.dNSName, name);
    }
    GENERAL_NAMES_free(all);
    return found || (seen == 0 && i == 0 && common_name(pair, name));
}
