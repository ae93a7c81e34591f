/* response_head_fuzz.c - a backend's answer: head, the rules of a 101, what it says of a body. */
#include "head_pair.h"

#include "protocol/handshake.h"
#include "protocol/http_body.h"

static const struct str protocols[] = {{"chat", 4}, {"v2", 2}};
static const struct str extensions[] = {{"permessage-deflate; client_max_window_bits", 42},
                                        {"x-e", 3}};
static const struct handshake_offer offer = {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", protocols, 2,
                                             extensions, 2};

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
    struct head_pair pair;
    struct http_head *head = &pair.whole;

    if (size == 0)
        return 0;
    if (head_pair_parse(&pair, http_response_parse, data, size)) {
        FUZZ_REQUIRE(head->status == pair.pieces.status);
        FUZZ_REQUIRE(head->status >= 100 && head->status <= 999);
        check_upgrade(head);
        check_body(head, pair.text + head->length, pair.len - head->length);
    }
    head_pair_free(&pair);
    return 0;
}
