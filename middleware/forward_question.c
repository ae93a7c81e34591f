/* forward_question.c - see forward_question.h. */
#include "forward_question.h"

#include "base/address.h"
#include "base/text.h"
#include "protocol/digest.h"
#include "protocol/http_head.h"

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

/* Named by Connection, it is for one hop alone (RFC 9110 7.6.1), and the backend does not get it.
 */
static bool
is_for_one_hop(const struct mw_host *host, const struct mw_request *request, const char *name)
{
    struct mw_str field;
    struct str element;

    for (size_t i = 0; field = host->header(request, "Connection", i), field.at; i++)
        for (struct str rest = {field.at, field.len}; http_list_next(&rest, &element);)
            if (str_equal_nocase(element, str_of(name)))
                return true;
    return false;
}

static void
copy(struct gathering *gathering, const struct mw_host *host, const struct mw_request *request,
     const char *name)
{
    struct mw_str value;

    if (is_for_one_hop(host, request, name))
        return;
    for (size_t i = 0; value = host->header(request, name, i), value.at; i++)
        add(gathering, name, value);
}

static void
gather(struct gathering *gathering, const struct forward_auth_settings *settings,
       const struct mw_host *host, struct mw_request *request, struct mw_str uri)
{
    static const struct mw_str plain = {"http", 4}, secure = {"https", 5};

    add(gathering, "X-Forwarded-Method", host->method(request));
    add(gathering, "X-Forwarded-Proto", host->is_secure(request) ? secure : plain);
    add(gathering, "X-Forwarded-Host", host->host(request));
    add(gathering, "X-Forwarded-Uri", uri);
    add_address(gathering, host->peer_address(request));
    for (size_t i = 0; i < settings->copy_count; i++)
        copy(gathering, host, request, settings->copies[i]);
}

static bool
make_digest(unsigned char *digest, const struct forward_auth_settings *settings,
            const struct mw_host *host, struct mw_request *request)
{
    EVP_MD_CTX *context = digest_new("SHA256");
    bool ok = context != NULL;

    for (size_t i = 0; ok && i < settings->part_count; i++)
        ok = request_part_add(&settings->parts[i], context, host, request);
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
    if (settings->cache == NULL || make_digest(question->digest, settings, host, request))
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
