/* tls_peer.c - see tls_peer.h. */
#include "net/tls_peer.h"

#include "net/tls.h"

#include <openssl/bn.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* RFC 2253, in UTF-8: "CN=ann,O=Example". */
#define NAME_FLAGS (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)

static bool
is_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7F)
            return false;
    return text.len > 0;
}

static struct str
copy_text(struct arena *arena, const void *at, int len)
{
    struct str text = {at, len > 0 ? (size_t)len : 0};

    return is_text(text) ? arena_copy(arena, text) : STR_NONE;
}

static struct str
name_text(struct arena *arena, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct str text = STR_NONE;
    char *at;

    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0) {
        long len = BIO_get_mem_data(bio, &at);
        text = copy_text(arena, at, (int)len);
    }
    (void)BIO_free(bio);
    return text;
}

static struct str
common_name(struct arena *arena, const X509_NAME *name, size_t i)
{
    unsigned char *utf8 = NULL;
    int at = -1;

    do
        at = X509_NAME_get_index_by_NID(name, NID_commonName, at);
    while (at >= 0 && i-- > 0);
    if (at < 0)
        return STR_NONE;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    struct str text = copy_text(arena, utf8, len);

    OPENSSL_free(utf8);
    return text;
}

/* The i-th of a kind in subjectAltName. */
static struct str
alternative(struct arena *arena, const X509 *certificate, int kind, size_t i)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct str text = STR_NONE;

    for (int k = 0; k < sk_GENERAL_NAME_num(all); k++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, k);
        if (one->type != kind || i-- > 0)
            continue;
        text = copy_text(arena, ASN1_STRING_get0_data(one->d.ia5), ASN1_STRING_length(one->d.ia5));
        break;
    }
    GENERAL_NAMES_free(all);
    return text;
}

static struct str
hex_text(struct arena *arena, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *at = arena_alloc(arena, 2 * len);

    for (size_t i = 0; i < len && at != NULL; i++) {
        at[2 * i] = digits[bytes[i] >> 4];
        at[2 * i + 1] = digits[bytes[i] & 15];
    }
    return (struct str){at, at != NULL ? 2 * len : 0};
}

static struct str
fingerprint(struct arena *arena, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
        return STR_NONE;
    return hex_text(arena, digest, len);
}

static struct str
serial(struct arena *arena, const X509 *certificate)
{
    const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);

    return hex_text(arena, ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number));
}

static struct str
der(struct arena *arena, X509 *certificate)
{
    unsigned char *bytes = NULL;
    int len = i2d_X509(certificate, &bytes);
    struct str copy =
        len > 0 ? arena_copy(arena, (struct str){(char *)bytes, (size_t)len}) : STR_NONE;

    OPENSSL_free(bytes);
    return copy;
}

struct str
tls_peer_part(const struct stream *stream, enum mw_certificate part, size_t i, struct arena *arena)
{
    X509 *it = stream->tls != NULL ? SSL_get0_peer_certificate(tls_ssl(stream->tls)) : NULL;

    if (it == NULL)
        return STR_NONE;
    switch (part) {
    case MW_CERTIFICATE_COMMON_NAME:
        return common_name(arena, X509_get_subject_name(it), i);
    case MW_CERTIFICATE_DNS:
        return alternative(arena, it, GEN_DNS, i);
    case MW_CERTIFICATE_EMAIL:
        return alternative(arena, it, GEN_EMAIL, i);
    case MW_CERTIFICATE_URI:
        return alternative(arena, it, GEN_URI, i);
    case MW_CERTIFICATE_SUBJECT:
        return i == 0 ? name_text(arena, X509_get_subject_name(it)) : STR_NONE;
    case MW_CERTIFICATE_ISSUER:
        return i == 0 ? name_text(arena, X509_get_issuer_name(it)) : STR_NONE;
    case MW_CERTIFICATE_SERIAL:
        return i == 0 ? serial(arena, it) : STR_NONE;
    case MW_CERTIFICATE_FINGERPRINT:
        return i == 0 ? fingerprint(arena, it) : STR_NONE;
    case MW_CERTIFICATE_DER:
        return i == 0 ? der(arena, it) : STR_NONE;
    }
    return STR_NONE;
}
