/*
 * response_head_fuzz.c - a backend's answer: the head, the 101's rules, and what the head says of a
 * body. The first byte says into what pieces the rest is cut.
 */
#include "fuzz.h"

#include "protocol/handshake.h"
#include "protocol/http_body.h"

enum { FIELDS = 20 };

static const struct http_limits limits = {.head_bytes = 2048, .uri_bytes = 256, .fields = FIELDS};

static const struct str protocols[] = {{"chat", 4}, {"v2", 2}};
static const struct str extensions[] = {{"permessage-deflate; client_max_window_bits", 42},
                                        {"x-e", 3}};
static const struct handshake_offer offer = {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", protocols, 2,
                                             extensions, 2};

static enum http_verdict
parse_pieces(struct http_head *head, const char *text, size_t len, size_t step)
{
    enum http_verdict verdict = HTTP_MORE;

    for (size_t end = 0; verdict == HTTP_MORE && end < len;) {
        end = len - end > step ? end + step : len;
        verdict = http_response_parse(head, text, end);
    }
    return verdict;
}

static void
check_upgrade(const struct http_head *head)
{
    struct handshake_choice choice;
    const char *error = NULL;

    if (!handshake_check_response(head, &offer, &choice, &error)) {
        FUZZ_REQUIRE(error != NULL);
        return;
    }
    FUZZ_REQUIRE(head->status == 101);
    FUZZ_REQUIRE(str_equal(http_only(head, STR("sec-websocket-accept")), str_of(offer.accept)));
    FUZZ_REQUIRE(!choice.protocol.at || str_equal(choice.protocol, protocols[0]) ||
                 str_equal(choice.protocol, protocols[1]));
}

static void
check_body(const struct http_head *head, const char *rest, size_t len)
{
    struct http_body body;
    size_t used, out_len = len;
    char *out = fuzz_block(NULL, len);

    if (http_body_init(&body, head) != HTTP_BAD) {
        enum http_verdict verdict = http_body_feed(&body, rest, len, &used, out, &out_len);
        FUZZ_REQUIRE(verdict != HTTP_HEAD_TOO_LARGE && used <= len && out_len <= used);
    }
    free(out);
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
    enum http_verdict verdict = http_response_parse(&head, text, len);

    FUZZ_REQUIRE(verdict == parse_pieces(&pieces, text, len, data[0] % 32 + 1U));
    FUZZ_REQUIRE((verdict > HTTP_DONE) == (head.error != NULL));
    if (verdict == HTTP_DONE) {
        FUZZ_REQUIRE(head.length == pieces.length && head.status == pieces.status);
        FUZZ_REQUIRE(head.status >= 100 && head.status <= 999);
        check_upgrade(&head);
        check_body(&head, text + head.length, len - head.length);
    }
    free(text);
    return 0;
}
