/* tls_maker.c - see tls_maker.h. */
#include "tls_maker.h"

#include "unit.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <unistd.h>

static void
no_fault(void *arg, size_t item, const char *word, const char *text)
{
    (void)arg;
    ck_abort_msg("%zu: %s: %s", item, word, text);
}

const struct tls_reporter tls_no_faults = {no_fault, NULL};

static FILE *
open_file(char *path)
{
    int fd = mkstemp(strcpy(path, "/tmp/wsgate-unit-XXXXXX"));

    ck_assert_int_ne(fd, -1);
    return fdopen(fd, "w");
}

static void
add_names(X509 *certificate, const char *names)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

void
tls_make(struct tls_made *made, const char *common_name, const char *names, bool rsa, long days)
{
    EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    FILE *file;

    ck_assert_int_eq(X509_set_version(certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400L * 365);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * days + 60);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    if (names != NULL)
        add_names(certificate, names);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    file = open_file(made->certificate);
    ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = open_file(made->key);
    ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

struct tls_files
tls_made_files(const struct tls_made *made)
{
    return (struct tls_files){made->certificate, made->key};
}

void
tls_made_free(struct tls_made *made)
{
    (void)unlink(made->certificate);
    (void)unlink(made->key);
}
