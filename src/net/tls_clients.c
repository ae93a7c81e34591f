/* tls_clients.c - see tls_clients.h. */
#include "net/tls_clients.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <string.h>

enum { ENTRIES_MAX = 10000 };

/* One object of the file into the digest, in DER. */
static bool
add_der(EVP_MD_CTX *digest, unsigned char *der, int len)
{
    bool good = len > 0 && EVP_DigestUpdate(digest, der, (size_t)len) == 1;

    OPENSSL_free(der);
    return good;
}

static bool
add_authority(struct tls_clients *clients, X509 *one, EVP_MD_CTX *digest)
{
    unsigned char *der = NULL;
    int len = i2d_X509(one, &der);
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(one));

    if (!add_der(digest, der, len) || name == NULL ||
        sk_X509_NAME_push(clients->names, name) == 0) {
        X509_NAME_free(name);
        return false;
    }
    return X509_STORE_add_cert(clients->store, one) == 1;
}

static bool
add_revocations(struct tls_clients *clients, X509_CRL *one, EVP_MD_CTX *digest)
{
    unsigned char *der = NULL;
    int len = i2d_X509_CRL(one, &der);

    return add_der(digest, der, len) && X509_STORE_add_crl(clients->store, one) == 1;
}

/* All of the file, or it is a fault: of authorities, or of lists of what they have revoked. */
static bool
load_file(struct tls_clients *clients, const char *file, bool revocations, EVP_MD_CTX *digest)
{
    BIO *bio = BIO_new_file(file, "r");
    bool good = bio != NULL;
    int count = 0;

    while (good && count < ENTRIES_MAX) {
        X509 *authority = revocations ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
        X509_CRL *list = revocations ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
        if (authority == NULL && list == NULL)
            break;
        good = revocations ? add_revocations(clients, list, digest)
                           : add_authority(clients, authority, digest);
        X509_free(authority);
        X509_CRL_free(list);
        count++;
    }
    (void)BIO_free(bio);
    good = good && count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return good;
}

static bool
load_files(struct tls_clients *clients, const struct tls_server_settings *settings,
           EVP_MD_CTX *digest, const struct tls_reporter *reporter)
{
    bool good = true;

    if (!load_file(clients, settings->client_ca, false, digest)) {
        tls_report(reporter, TLS_NO_ITEM, "client_ca", "expected certificates in PEM");
        good = false;
    }
    if (settings->client_crl == NULL)
        return good;
    if (!load_file(clients, settings->client_crl, true, digest)) {
        tls_report(reporter, TLS_NO_ITEM, "client_crl",
                   "expected certificate revocation lists in PEM");
        good = false;
    }
    X509_STORE_set_flags(clients->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return good;
}

bool
tls_clients_load(struct tls_clients *clients, const struct tls_server_settings *settings,
                 const struct tls_reporter *reporter)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char verify = (unsigned char)settings->client_verify;

    memset(clients, 0, sizeof(*clients));
    bool good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, &verify, 1) == 1;
    if (good && settings->client_verify != TLS_VERIFY_NONE) {
        clients->store = X509_STORE_new();
        clients->names = sk_X509_NAME_new_null();
        good = clients->store != NULL && clients->names != NULL &&
               load_files(clients, settings, digest, reporter);
    }
    good = good && EVP_DigestFinal_ex(digest, clients->digest, NULL) == 1;
    EVP_MD_CTX_free(digest);
    if (!good)
        tls_clients_free(clients);
    return good;
}

void
tls_clients_free(struct tls_clients *clients)
{
    X509_STORE_free(clients->store);
    sk_X509_NAME_pop_free(clients->names, X509_NAME_free);
    clients->store = NULL;
    clients->names = NULL;
}

bool
tls_clients_use(const struct tls_clients *clients, enum tls_client_verify verify, SSL_CTX *context)
{
    int mode =
        SSL_VERIFY_PEER | (verify == TLS_VERIFY_REQUIRE ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

    if (SSL_CTX_set_session_id_context(context, clients->digest, sizeof(clients->digest)) != 1)
        return false;
    if (clients->store == NULL)
        return true;
    STACK_OF(X509_NAME) *names =
        sk_X509_NAME_deep_copy(clients->names, X509_NAME_dup, X509_NAME_free);

    if (names == NULL)
        return false;
    SSL_CTX_set_verify(context, mode, NULL);
    SSL_CTX_set1_cert_store(context, clients->store);
    SSL_CTX_set_client_CA_list(context, names);
    return true;
}
