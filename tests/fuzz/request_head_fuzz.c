/*
 * request_head_fuzz.c - a client's bytes through everything that is judged before a route is known.
 * The first byte says into what pieces the rest is cut: the verdict must be the same as on the
 * whole.
 */
#include "fuzz.h"

#include "protocol/handshake.h"
#include "protocol/http_head.h"
#include "protocol/path.h"

enum { FIELDS = 20 };

static const struct http_limits limits = {.head_bytes = 2048, .uri_bytes = 256, .fields = FIELDS};

static enum http_verdict
parse_pieces(struct http_head *head, const char *text, size_t len, size_t step)
{
    enum http_verdict verdict = HTTP_MORE;

    for (size_t end = 0; verdict == HTTP_MORE && end < len;) {
        end = len - end > step ? end + step : len;
        verdict = http_request_parse(head, text, end);
    }
    return verdict;
}

static void
check_fields(const struct http_head *head, const char *text)
{
    FUZZ_REQUIRE(head->length <= limits.head_bytes && head->field_count <= FIELDS);
    for (size_t i = 0; i < head->field_count; i++) {
        struct str name = head->fields[i].name, value = head->fields[i].value;
        FUZZ_REQUIRE(http_is_token(name));
        FUZZ_REQUIRE(name.at >= text && value.at + value.len <= text + head->length);
        FUZZ_REQUIRE(str_equal(str_trim(value), value));
        FUZZ_REQUIRE(!memchr(value.at, '\n', value.len) && !memchr(value.at, '\0', value.len));
        FUZZ_REQUIRE(http_count(head, name) >= 1);
    }
}

static void
check_target(struct str text)
{
    char *out = fuzz_block(NULL, text.len + 1);
    const char *error;
    struct target target;

    if (target_parse(&target, text, out, &error))
        FUZZ_REQUIRE(target.path.len > 0 && target.path.at[0] == '/');
    free(out);
}

static void
check_handshake(const struct http_head *head)
{
    struct handshake handshake;
    const char *error = NULL;
    char accept[HANDSHAKE_ACCEPT_LEN + 1];

    if (handshake_check_request(&handshake, head, &error) != HANDSHAKE_OK) {
        FUZZ_REQUIRE(error != NULL);
        return;
    }
    handshake_accept(handshake.key, accept);
    FUZZ_REQUIRE(strlen(accept) == HANDSHAKE_ACCEPT_LEN);
    FUZZ_REQUIRE(str_equal(head->method, STR("GET")));
    FUZZ_REQUIRE(http_count(head, STR("Host")) == 1);
    FUZZ_REQUIRE(http_count(head, STR("Content-Length")) == 0);
    FUZZ_REQUIRE(http_list_has(head, STR("upgrade"), STR("WEBSOCKET")));
    for (size_t i = 0; i < handshake.protocol_count; i++)
        FUZZ_REQUIRE(http_is_token(handshake.protocols[i]));
    for (size_t i = 0; i < handshake.extension_count; i++)
        FUZZ_REQUIRE(http_is_token(handshake_extension_name(handshake.extensions[i])));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_field fields[FIELDS], pieces_fields[FIELDS];
    struct http_head head, pieces;

    if (size == 0)
        return 0;
    size_t len = size - 1;
    char *text = fuzz_block(data + 1, len);
    http_head_init(&head, fields, &limits);
    http_head_init(&pieces, pieces_fields, &limits);
    enum http_verdict verdict = http_request_parse(&head, text, len);
    enum http_verdict in_pieces = parse_pieces(&pieces, text, len, data[0] % 32 + 1U);

    FUZZ_REQUIRE(verdict == in_pieces);
    FUZZ_REQUIRE((verdict > HTTP_DONE) == (head.error != NULL));
    if (verdict == HTTP_DONE) {
        FUZZ_REQUIRE(head.length == pieces.length && head.field_count == pieces.field_count);
        check_fields(&head, text);
        check_target(head.target);
        check_handshake(&head);
    }
    free(text);
    return 0;
}
