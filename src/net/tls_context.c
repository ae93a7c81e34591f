/* tls_context.c - see tls_context.h. */
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define CIPHERS                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERSUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define CURVES "X25519:P-256:P-384"

void
tls_report(const struct tls_reporter *reporter, size_t item, const char *word, const char *format,
           ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reporter->fault(reporter->arg, item, word, text);
}

const char *
tls_library_fault(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return text != NULL ? text : "refused";
}

/* ---- Options ------------------------------------------------------------------------ */

static bool
set_lists(SSL_CTX *context, const struct tls_versions *versions,
          const struct tls_reporter *reporter)
{
    const struct {
        const char *word, *value, *fallback;
        int (*set)(SSL_CTX *context, const char *value);
    } lists[] = {
        {"ciphers", versions->ciphers, CIPHERS, SSL_CTX_set_cipher_list},
        {"ciphersuites", versions->ciphersuites, CIPHERSUITES, SSL_CTX_set_ciphersuites},
    };
    bool good = true;

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const char *value = lists[i].value != NULL ? lists[i].value : lists[i].fallback;
        if (lists[i].set(context, value) == 1)
            continue;
        tls_report(reporter, TLS_NO_ITEM, lists[i].word, "expected names that OpenSSL knows: %s",
                   tls_library_fault());
        good = false;
    }
    const char *curves = versions->curves != NULL ? versions->curves : CURVES;

    if (SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, (void *)(uintptr_t)curves) != 1) {
        tls_report(reporter, TLS_NO_ITEM, "curves",
                   "expected names that OpenSSL knows, as in \"" CURVES "\"");
        ERR_clear_error();
        good = false;
    }
    return good;
}

SSL_CTX *
tls_context_new(enum tls_end end, const struct tls_versions *versions,
                const struct tls_reporter *reporter)
{
    SSL_CTX *context = SSL_CTX_new(end == TLS_SERVER ? TLS_server_method() : TLS_client_method());

    if (context == NULL ||
        SSL_CTX_set_min_proto_version(context,
                                      versions->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1) {
        tls_report(reporter, TLS_NO_ITEM, "min_version", "OpenSSL: %s", tls_library_fault());
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 1);
    if (set_lists(context, versions, reporter))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* ---- What lives as long ---------------------------------------------------------------- */

static int attached_index = -1;

static void
free_attached(void *parent, void *attached, CRYPTO_EX_DATA *data, int index, long number,
              void *pointer)
{
    struct tls_attached *it = attached;

    (void)parent, (void)data, (void)index, (void)number, (void)pointer;
    if (it != NULL)
        it->free(it);
}

static void
make_index(void)
{
    attached_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_attached);
}

bool
tls_attach(SSL_CTX *context, struct tls_attached *attached)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_index);
    return attached_index != -1 && SSL_CTX_set_ex_data(context, attached_index, attached) == 1;
}

struct tls_attached *
tls_attached_of(const SSL_CTX *context)
{
    return SSL_CTX_get_ex_data(context, attached_index);
}
