/* http_transfer.c - libcurl's options, and its callbacks for one transfer; see http_transfer.h. */
#include "net/http_transfer.h"

#include "net/http_answer_head.h"
#include "protocol/cache_control.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_FIRST_BYTES = 4096, IDLE_MAX_S = 60, LIFE_MAX_S = 600 };

/* ---- While the answer arrives -------------------------------------------------------- */

/* false: no memory. */
static bool
make_room(struct http_transfer *transfer, size_t bytes)
{
    size_t size = transfer->body_size > 0 ? transfer->body_size : BODY_FIRST_BYTES;

    if (bytes <= transfer->body_size)
        return true;
    while (size < bytes)
        size *= 2;
    char *body = malloc(size);
    if (body == NULL)
        return false;
    if (transfer->body_len > 0)
        memcpy(body, transfer->body, transfer->body_len);
    free(transfer->body);
    transfer->body = body;
    transfer->body_size = size;
    return true;
}

static size_t
on_body(char *at, size_t one, size_t bytes, void *arg)
{
    struct http_transfer *transfer = arg;

    (void)one;
    if (bytes > transfer->body_max - transfer->body_len)
        return http_transfer_refuse(transfer, HTTP_TOO_LARGE, "the answer is too large");
    if (!make_room(transfer, transfer->body_len + bytes))
        return http_transfer_refuse(transfer, HTTP_BROKEN, "out of memory");
    memcpy(transfer->body + transfer->body_len, at, bytes);
    transfer->body_len += bytes;
    return bytes;
}

static int
on_lookup(void *resolver, void *reserved, void *arg)
{
    struct http_transfer *transfer = arg;

    (void)resolver, (void)reserved;
    transfer->looking_up = true;
    return transfer->forgotten;
}

/* The address is known. */
static curl_socket_t
on_socket_wanted(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_transfer *transfer = arg;

    (void)purpose;
    transfer->looking_up = false;
    if (transfer->forgotten)
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    transfer->is_new = true;
    http_sockets_add(transfer->sockets, fd);
    return fd;
}

/* Perhaps long after the transfer that opened it. */
static int
on_socket_done(void *sockets, curl_socket_t fd)
{
    return http_sockets_close(sockets, fd);
}

/* Connected, nothing sent yet. libcurl's own rule about redirects knows the first scheme alone. */
static int
on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct http_transfer *transfer = arg;
    const char *scheme = NULL;

    (void)to, (void)from, (void)to_port;
    transfer->is_stale = !transfer->is_new && http_sockets_have_bytes(transfer->sockets, from_port);
    transfer->is_new = false;
    if (transfer->is_stale)
        return CURL_PREREQFUNC_ABORT;
    bool secure = curl_easy_getinfo(transfer->easy, CURLINFO_SCHEME, &scheme) == CURLE_OK &&
                  scheme != NULL && strcasecmp(scheme, "https") == 0;
    if (transfer->secure && !secure) {
        (void)http_transfer_refuse(transfer, HTTP_REDIRECT, "a redirect from https to http");
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->secure = secure;
    transfer->head_status = 0; /* of a redirect */
    return CURL_PREREQFUNC_OK;
}

/* ---- Options --------------------------------------------------------------------------- */

/* The same for all. */
static const struct {
    CURLoption option;
    long value;
} fixed_options[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_QUICK_EXIT, 1}, /* or the end of a call waits for its look-up */
    {CURLOPT_NOPROGRESS, 1},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_MAXAGE_CONN, IDLE_MAX_S},
    {CURLOPT_MAXLIFETIME_CONN, LIFE_MAX_S}, /* so that a changed address is noticed */
};

static bool
set_fixed(CURL *easy)
{
    bool ok = true;

    for (size_t i = 0; ok && i < COUNT_OF(fixed_options); i++)
        ok = curl_easy_setopt(easy, fixed_options[i].option, fixed_options[i].value) == CURLE_OK;
    return ok && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "wsgate") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
}

static bool
set_callbacks(struct http_transfer *transfer, void *owner)
{
    CURL *easy = transfer->easy;

    return curl_easy_setopt(easy, CURLOPT_PRIVATE, owner) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_answer_head_line) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_lookup) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_done) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->sockets) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK;
}

static bool
add_field(struct http_transfer *transfer, const char *field)
{
    struct curl_slist *fields = curl_slist_append(transfer->fields, field);

    if (fields != NULL)
        transfer->fields = fields;
    return fields != NULL;
}

static bool
set_fields(struct http_transfer *transfer, const char *const *fields)
{
    bool ok = add_field(transfer, "Accept-Encoding: identity");

    for (; ok && fields != NULL && *fields != NULL; fields++)
        ok = add_field(transfer, *fields);
    return ok && curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->fields) == CURLE_OK;
}

static bool
set_request(struct http_transfer *transfer, struct str body)
{
    CURL *easy = transfer->easy;

    transfer->request = malloc(body.len + 1);
    if (transfer->request == NULL)
        return false;
    transfer->request_len = body.len;
    if (body.len > 0)
        memcpy(transfer->request, body.at, body.len);
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request) == CURLE_OK;
}

static bool
set_query(struct http_transfer *transfer, const struct http_query *query)
{
    CURL *easy = transfer->easy;
    bool secure = strncasecmp(query->url, "https:", 6) == 0;

    transfer->body_max = query->body_max;
    transfer->bodiless = strcmp(query->method, "HEAD") == 0;
    if (strcmp(query->method, "POST") == 0 && !set_request(transfer, query->body))
        return false;
    if (transfer->bodiless && curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) != CURLE_OK)
        return false;
    return curl_easy_setopt(easy, CURLOPT_URL, query->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, query->redirects_max > 0 ? 1L : 0L) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)query->redirects_max) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https") ==
               CURLE_OK &&
           set_fields(transfer, query->fields);
}

size_t
http_transfer_refuse(struct http_transfer *transfer, enum http_outcome outcome, const char *why)
{
    transfer->refused = outcome;
    transfer->why = why;
    return 0;
}

bool
http_transfer_open(struct http_transfer *transfer, const struct http_query *query,
                   struct http_trust *trust, struct http_sockets *sockets, void *owner)
{
    transfer->sockets = sockets;
    transfer->max_age_s = CACHE_CONTROL_SILENT;
    transfer->easy = curl_easy_init();
    return transfer->easy != NULL && set_fixed(transfer->easy) && set_callbacks(transfer, owner) &&
           http_trust_set(trust, transfer->easy, query->ca_file) && set_query(transfer, query);
}

bool
http_transfer_again(struct http_transfer *transfer)
{
    bool again = transfer->is_stale &&
                 curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;

    transfer->is_stale = false;
    return again;
}

static void
wipe_request(struct http_transfer *transfer)
{
    for (struct curl_slist *field = transfer->fields; field != NULL; field = field->next)
        explicit_bzero(field->data, strlen(field->data));
    if (transfer->request != NULL)
        explicit_bzero(transfer->request, transfer->request_len);
}

void
http_transfer_forget(struct http_transfer *transfer)
{
    transfer->forgotten = true;
    wipe_request(transfer);
}

void
http_transfer_close(struct http_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    wipe_request(transfer);
    curl_slist_free_all(transfer->fields);
    free(transfer->request);
    if (transfer->body != NULL)
        explicit_bzero(transfer->body, transfer->body_len);
    free(transfer->body);
}

/* ---- What came of it --------------------------------------------------------------------- */

static const struct {
    CURLcode code;
    enum http_outcome outcome;
} outcomes[] = {
    {CURLE_COULDNT_RESOLVE_HOST, HTTP_NO_ADDRESS},
    {CURLE_COULDNT_CONNECT, HTTP_NO_CONNECTION},
    {CURLE_OPERATION_TIMEDOUT, HTTP_TIMEOUT},
    {CURLE_SSL_CONNECT_ERROR, HTTP_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, HTTP_TLS},
    {CURLE_SSL_CACERT_BADFILE, HTTP_TLS},
    {CURLE_SSL_CIPHER, HTTP_TLS},
    {CURLE_SSL_ISSUER_ERROR, HTTP_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, HTTP_TLS},
    {CURLE_TOO_MANY_REDIRECTS, HTTP_REDIRECT},
};

/* What is wrong with an address is a redirect's fault once one has been followed. */
static bool
is_address_fault(CURLcode code)
{
    return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
           code == CURLE_LOGIN_DENIED;
}

static enum http_outcome
outcome_of(const struct http_transfer *transfer, CURLcode result)
{
    long redirects = 0;

    if (result == CURLE_OK || transfer->refused != HTTP_ANSWERED)
        return transfer->refused;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        if (outcomes[i].code == result)
            return outcomes[i].outcome;
    if (is_address_fault(result) &&
        curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_COUNT, &redirects) == CURLE_OK &&
        redirects > 0)
        return HTTP_REDIRECT;
    return HTTP_BROKEN;
}

/*
 * libcurl's own words where they name no more than host, port and certificate; elsewhere they might
 * repeat what the other side sent, and its general phrase must do.
 */
static const char *
words(const struct http_transfer *transfer, enum http_outcome outcome, CURLcode result)
{
    if (transfer->why != NULL)
        return transfer->why;
    if ((outcome == HTTP_NO_ADDRESS || outcome == HTTP_NO_CONNECTION || outcome == HTTP_TLS) &&
        transfer->error[0] != '\0')
        return transfer->error;
    return curl_easy_strerror(result);
}

static struct str
field_of(const struct http_answer *answer, const char *name, size_t i)
{
    return answer->head_status != 0 ? http_answer_head_field(answer->handle, name, i) : STR_NONE;
}

static void
fail(struct http_transfer *transfer, struct http_answer *answer, enum http_outcome outcome)
{
    for (char *c = transfer->text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    *answer = (struct http_answer){
        .outcome = outcome,
        .head_status = transfer->head_status,
        .body = STR(""),
        .max_age_s = CACHE_CONTROL_SILENT,
        .error = transfer->text,
        .handle = transfer->easy,
        .field = field_of,
    };
}

struct str
http_answer_field(const struct http_answer *answer, const char *name, size_t i)
{
    return answer->field != NULL ? answer->field(answer, name, i) : STR_NONE;
}

void
http_transfer_answer(struct http_transfer *transfer, CURLcode result, struct http_answer *answer)
{
    /* A connection that ends within the head is a success to libcurl. */
    if (result == CURLE_OK && transfer->head_status == 0)
        (void)http_transfer_refuse(transfer, HTTP_BROKEN, "the answer's head is not whole");
    enum http_outcome outcome = outcome_of(transfer, result);

    if (outcome != HTTP_ANSWERED) {
        snprintf(transfer->text, sizeof(transfer->text), "%s", words(transfer, outcome, result));
        fail(transfer, answer, outcome);
        return;
    }
    struct str body = {transfer->body_len > 0 ? transfer->body : "", transfer->body_len};
    *answer = (struct http_answer){
        .status = transfer->head_status,
        .head_status = transfer->head_status,
        .body = body,
        .max_age_s = transfer->max_age_s,
        .error = "",
        .handle = transfer->easy,
        .field = field_of,
    };
}

void
http_transfer_overdue(struct http_transfer *transfer, uint64_t timeout_ms,
                      struct http_answer *answer)
{
    snprintf(transfer->text, sizeof(transfer->text), "no answer within %llu ms%s",
             (unsigned long long)timeout_ms,
             transfer->looking_up ? ", for the name is still being looked up" : "");
    fail(transfer, answer, HTTP_TIMEOUT);
}
