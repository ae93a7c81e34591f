/* rows.c - reads tests/data and plays the part of the gateway that needs no socket. */
#define _GNU_SOURCE /* memmem, memrchr */
#include "rows.h"

#include "protocol/handshake.h"
#include "protocol/path.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

const struct http_limits rows_limits = {
    .head_bytes = 16384, .uri_bytes = 8192, .fields = ROWS_FIELDS};

json_t *
rows_load(const char *file)
{
    char path[4096];
    json_error_t error;

    snprintf(path, sizeof(path), "%s/data/%s", TEST_DATA, file);
    json_t *rows = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    ck_assert_msg(rows != NULL, "%s:%d: %s", path, error.line, error.text);
    return rows;
}

struct rows_bytes
rows_copy(const char *at, size_t len)
{
    struct rows_bytes bytes = {malloc(len > 0 ? len : 1), len};

    ck_assert_ptr_nonnull(bytes.at);
    if (len > 0)
        memcpy(bytes.at, at, len);
    return bytes;
}

/* UTF-8 as jansson has it, to one byte a character, in place. Returns the length. */
static size_t
narrow(char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80)
            c = (unsigned char)((c & 3) << 6 | ((unsigned char)text[++i] & 0x3F));
        text[n++] = (char)c;
    }
    return n;
}

static const char *
find_mark(const char *at, const char *end)
{
    return at < end ? memmem(at, (size_t)(end - at), "@@", 2) : NULL;
}

/* Copies text to out, which may be NULL to count, with every @@TEXT*N@@ expanded. */
static size_t
expand(const char *text, size_t len, char *out)
{
    const char *end = text + len, *mark;
    size_t n = 0;

    while ((mark = find_mark(text, end))) {
        const char *close = find_mark(mark + 2, end);
        const char *star = memrchr(mark + 2, '*', (size_t)(close - mark - 2));
        size_t piece = (size_t)(star - mark - 2), plain = (size_t)(mark - text);
        if (out)
            memcpy(out + n, text, plain);
        n += plain;
        for (long i = strtol(star + 1, NULL, 10); i > 0; i--, n += piece)
            if (out)
                memcpy(out + n, mark + 2, piece);
        text = close + 2;
    }
    if (out)
        memcpy(out + n, text, (size_t)(end - text));
    return n + (size_t)(end - text);
}

struct rows_bytes
rows_get(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    struct rows_bytes narrowed = rows_copy(json_string_value(value), json_string_length(value));

    narrowed.len = narrow(narrowed.at, narrowed.len);
    struct rows_bytes bytes = {NULL, expand(narrowed.at, narrowed.len, NULL)};
    bytes.at = malloc(bytes.len > 0 ? bytes.len : 1);
    ck_assert_ptr_nonnull(bytes.at);
    expand(narrowed.at, narrowed.len, bytes.at);
    free(narrowed.at);
    return bytes;
}

static unsigned
head_status(struct http_head *head, struct rows_bytes request, size_t step)
{
    enum http_verdict verdict = HTTP_MORE;

    for (size_t len = step > 0 ? 0 : request.len; verdict == HTTP_MORE; len += step) {
        len = len < request.len ? len : request.len;
        verdict = http_request_parse(head, request.at, len);
        if (len == request.len)
            break;
    }
    static const unsigned statuses[] = {
        [HTTP_MORE] = 408,         [HTTP_DONE] = 101,           [HTTP_BAD] = 400,
        [HTTP_URI_TOO_LONG] = 414, [HTTP_HEAD_TOO_LARGE] = 431,
    };
    ck_assert((verdict > HTTP_DONE) == (head->error != NULL));
    return statuses[verdict];
}

static bool
hosts_agree(const struct target *target, const struct host *host, char *out)
{
    const char *error;
    struct host named;

    return !target->authority.at ||
           (host_parse(&named, target->authority, target->secure, out, &error) &&
            str_equal(named.name, host->name) && named.port == host->port);
}

static unsigned
handshake_status(const struct http_head *head, struct handshake *handshake)
{
    static const unsigned statuses[] = {
        [HANDSHAKE_OK] = 101,         [HANDSHAKE_BAD] = 400,         [HANDSHAKE_METHOD] = 405,
        [HANDSHAKE_NO_UPGRADE] = 426, [HANDSHAKE_BAD_VERSION] = 426,
    };
    const char *error = NULL;
    enum handshake_verdict verdict = handshake_check_request(handshake, head, &error);

    ck_assert((verdict != HANDSHAKE_OK) == (error != NULL));
    return statuses[verdict];
}

static bool
route_matches(enum rows_route route, struct str path)
{
    return route == ROWS_ROUTE_ALL || str_equal(path, STR("/chat")) ||
           str_starts_with(path, STR("/chat/"));
}

/* What the gateway asks its router about a path with parameters. */
static bool
parameters_decide(enum rows_route route, struct str path)
{
    static char out[16384];

    ck_assert_uint_le(path.len, sizeof(out));
    return route_matches(route, path) != route_matches(route, path_without_parameters(path, out));
}

static void
write_answer(struct rows_answer *answer, const struct target *target, const struct host *host)
{
    char port[8] = "";

    snprintf(answer->target, sizeof(answer->target), STR_FMT "%s" STR_FMT, STR_ARG(target->path),
             target->query.at ? "?" : "", STR_ARG(target->query));
    if (host->port)
        snprintf(port, sizeof(port), ":%d", host->port);
    snprintf(answer->host, sizeof(answer->host), STR_FMT "%s", STR_ARG(host->name), port);
}

void
rows_judge(struct rows_answer *answer, enum rows_route route, struct rows_bytes request,
           size_t step)
{
    static char path[16384], host_out[HOST_OUT_BYTES(16384)], authority_out[HOST_OUT_BYTES(16384)];
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;
    struct handshake handshake;
    struct target target;
    struct host host;
    const char *error;

    http_head_init(&head, fields, &rows_limits);
    if ((answer->status = head_status(&head, request, step)) != 101)
        return;
    answer->status = 400;
    if (!target_parse(&target, head.target, path, &error) || target.encoded_slash)
        return;
    unsigned status = handshake_status(&head, &handshake);
    if (status == 400 && !handshake.host.at)
        return;
    if (!host_parse(&host, handshake.host, target.secure, host_out, &error) ||
        !hosts_agree(&target, &host, authority_out) || parameters_decide(route, target.path))
        return;
    if (status == 101 && !route_matches(route, target.path))
        status = 404;
    answer->status = status;
    write_answer(answer, &target, &host);
}
