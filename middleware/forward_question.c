/* forward_question.c - see forward_question.h. */
#include "forward_question.h"

#include "base/address.h"
#include "base/text.h"
#include "forward_header.h"
#include "protocol/digest.h"

#include <openssl/crypto.h>

#include <stdlib.h>

/* Gathers: the first time around only counts, the second time writes. */
struct gathering {
    const char **fields;
    size_t count, bytes;
    char *memory; /* NULL: only counting */
};

static void
add(struct gathering *gathering, const char *name, struct mw_str value)
{
    struct str title = str_of(name);
    size_t len = title.len + 2 + value.len + 1;

    if (value.at == NULL)
        return;
    if (gathering->memory != NULL) {
        struct text text = {gathering->memory + gathering->bytes, 0, len, false};
        gathering->fields[gathering->count] = text.at;
        text_add(&text, title);
        text_add(&text, STR(": "));
        text_add(&text, (struct str){value.at, value.len});
        text_add(&text, (struct str){"", 1});
    }
    gathering->count++;
    gathering->bytes += len;
}

static void
add_address(struct gathering *gathering, const struct sockaddr *peer)
{
    char space[ADDRESS_TEXT_MAX];
    struct address address;

    if (peer == NULL || (peer->sa_family != AF_INET && peer->sa_family != AF_INET6))
        return;
    address_of(&address, peer);
    struct str text = address_format_ip(&address, space);
    add(gathering, "X-Forwarded-For", (struct mw_str){text.at, text.len});
}

static void
copy(struct gathering *gathering, const struct mw_host *host, const struct mw_request *request,
     const char *name)
{
    struct forward_header header;
    struct mw_str value;

    forward_header_find(&header, host, request, name);
    for (size_t i = 0; value = forward_header_value(&header, i), value.at; i++)
        add(gathering, name, value);
}

static void
gather(struct gathering *gathering, const struct forward_auth_settings *settings,
       const struct mw_host *host, struct mw_request *request, struct mw_str uri)
{
    static const struct mw_str plain = {"http", 4}, secure = {"https", 5};

    add(gathering, "X-Forwarded-Method", host->method(request));
    add(gathering, "X-Forwarded-Proto", host->is_secure(request) ? secure : plain);
    add(gathering, "X-Forwarded-Host", host->authority(request));
    add(gathering, "X-Forwarded-Uri", uri);
    add_address(gathering, host->peer_address(request));
    for (size_t i = 0; i < settings->copy_count; i++)
        copy(gathering, host, request, settings->copies[i]);
}

/* ---- What an answer is kept by ----------------------------------------------------------- */

/* Of two cookies or arguments of one name the service may go by the other one. */
static bool
is_ambiguous(const struct forward_auth_settings *settings, const struct mw_host *host,
             const struct mw_request *request)
{
    for (size_t i = 0; i < settings->cookie_count; i++)
        if (host->cookie(request, settings->cookies[i], 1).at != NULL)
            return true;
    for (size_t i = 0; i < settings->argument_count; i++)
        if (host->query(request, settings->arguments[i], 1).at != NULL)
            return true;
    return false;
}

static bool
add_header(EVP_MD_CTX *digest, const struct mw_host *host, const struct mw_request *request,
           const char *name)
{
    struct forward_header header;
    struct mw_str value;
    bool ok = true;

    forward_header_find(&header, host, request, name);
    for (size_t i = 0; ok && (value = forward_header_value(&header, i), value.at); i++)
        ok = digest_add(digest, (struct str){value.at, value.len});
    return ok && digest_add(digest, STR_NONE);
}

static bool
add_query(EVP_MD_CTX *digest, struct mw_str uri)
{
    const char *sign = uri.at ? memchr(uri.at, '?', uri.len) : NULL;

    return digest_add(digest,
                      sign ? (struct str){sign, uri.len - (size_t)(sign - uri.at)} : STR_NONE);
}

/* Wherever the service may find a credential: else one client's yes would be given to who has none,
 * by an operator who forgot to name where it stands. */
static bool
add_credentials(EVP_MD_CTX *digest, const struct forward_auth_settings *settings,
                const struct mw_host *host, const struct mw_request *request, struct mw_str uri)
{
    bool ok = settings->argument_count > 0 || add_query(digest, uri);

    for (size_t i = 0; ok && i < settings->copy_count; i++)
        if (settings->cookie_count == 0 || strcasecmp(settings->copies[i], "Cookie") != 0)
            ok = add_header(digest, host, request, settings->copies[i]);
    return ok;
}

static bool
make_digest(unsigned char *digest, const struct forward_auth_settings *settings,
            const struct mw_host *host, struct mw_request *request, struct mw_str uri)
{
    EVP_MD_CTX *context = digest_new("SHA256");
    bool ok = context != NULL;

    for (size_t i = 0; ok && i < settings->part_count; i++)
        ok = request_part_add(&settings->parts[i], context, host, request);
    ok = ok && add_credentials(context, settings, host, request, uri);
    ok = ok && EVP_DigestFinal_ex(context, digest, NULL) > 0;
    EVP_MD_CTX_free(context);
    return ok;
}

struct forward_question *
forward_question_new(const struct forward_auth_settings *settings, const struct mw_host *host,
                     struct mw_request *request)
{
    struct mw_str uri = host->uri(request);
    struct gathering sizes = {NULL, 0, 0, NULL};

    gather(&sizes, settings, host, request, uri);
    size_t head = sizeof(struct forward_question) + (sizes.count + 1) * sizeof(const char *);
    struct forward_question *question = malloc(head + sizes.bytes);
    if (question == NULL)
        return NULL;
    struct gathering gathering = {question->fields, 0, 0, (char *)question + head};
    question->bytes = head + sizes.bytes;
    gather(&gathering, settings, host, request, uri);
    question->fields[gathering.count] = NULL;
    question->is_kept = settings->cache != NULL && !is_ambiguous(settings, host, request);
    if (!question->is_kept || make_digest(question->digest, settings, host, request, uri))
        return question;
    forward_question_free(question);
    return NULL;
}

void
forward_question_free(struct forward_question *question)
{
    if (question == NULL)
        return;
    OPENSSL_cleanse(question, question->bytes);
    free(question);
}
