/*
 * json_text_fuzz.c - a room, then lines that become members. Whatever they hold, the object can
 * be read again by jansson, and cutting it leaves an object.
 */
#include "fuzz.h"

#include "base/json_text.h"

#include <jansson.h>

enum { ROOM_MAX = 1024 };

static void
check_object(const struct json_text *text)
{
    char *closed = fuzz_block(NULL, text->len + 1);

    memcpy(closed, text->at, text->len);
    closed[text->len] = '}';
    json_t *object = json_loadb(closed, text->len + 1, JSON_ALLOW_NUL, NULL);

    FUZZ_REQUIRE(object != NULL);
    json_decref(object);
    free(closed);
}

/* In the order in which a log line tries them. */
static void
add_member(struct json_text *text, struct str value)
{
    size_t added = json_text_plain(text->at + text->len, text->room - text->len, "k", value, true);

    text->len += added;
    if (added == 0 && !json_text_string(text, "key\n", value) &&
        !json_text_string_start(text, "k", value) && !json_text_bare(text, "n", STR("1")))
        return;
    FUZZ_REQUIRE(text->len <= text->room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    size_t room = 1 + (data[0] << 8 | data[1]) % ROOM_MAX, cut = data[2] * 4;
    struct json_text text = {fuzz_block(NULL, room), 1, room};
    char *lines = fuzz_block(data + 3, size - 3);

    text.at[0] = '{';
    FUZZ_REQUIRE(json_text_string_start(&text, "first", STR("x")) || room < 13);
    for (size_t at = 0; at < size - 3 && text.len > 1;) {
        const char *end = memchr(lines + at, '\n', size - 3 - at);
        size_t len = end ? (size_t)(end - lines) - at : size - 3 - at;

        add_member(&text, (struct str){lines + at, len});
        at += len + 1;
    }
    check_object(&text);
    bool was_cut = json_text_cut(&text, cut);

    FUZZ_REQUIRE(text.len <= cut || !was_cut);
    check_object(&text);
    free(text.at);
    free(lines);
    return 0;
}
