/* request_head_fuzz.c - a client's bytes through all that is judged before a route is known. */
#include "head_pair.h"

#include "protocol/accept_value.h"
#include "protocol/path.h"

static void
check_fields(const struct http_head *head, const char *text)
{
    FUZZ_REQUIRE(head->length <= head_pair_limits.head_bytes);
    FUZZ_REQUIRE(head->field_count <= HEAD_PAIR_FIELDS);
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
    static struct accept_maker *maker;
    struct handshake handshake;
    const char *error = NULL;
    char accept[HANDSHAKE_ACCEPT_LEN + 1];

    if (handshake_check_request(&handshake, head, &error) != HANDSHAKE_OK) {
        FUZZ_REQUIRE(error != NULL);
        return;
    }
    if (!maker)
        maker = accept_maker_new();
    FUZZ_REQUIRE(maker && accept_value(maker, handshake.key, accept));
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
    struct head_pair pair;

    if (size == 0)
        return 0;
    if (head_pair_parse(&pair, http_request_parse, data, size)) {
        check_fields(&pair.whole, pair.text);
        check_target(pair.whole.target);
        check_handshake(&pair.whole);
    }
    head_pair_free(&pair);
    return 0;
}
