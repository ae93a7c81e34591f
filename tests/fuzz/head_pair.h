/*
 * head_pair.h - a head parsed whole and in pieces; the verdict must be the same.
 *
 * The first byte of the input says how long the pieces are; the rest is the text.
 */
#ifndef WSGATE_HEAD_PAIR_H
#define WSGATE_HEAD_PAIR_H

#include "fuzz.h"

#include "protocol/http_head.h"

enum { HEAD_PAIR_FIELDS = 20 };

static const struct http_limits head_pair_limits = {
    .head_bytes = 2048, .uri_bytes = 256, .fields = HEAD_PAIR_FIELDS};

typedef enum http_verdict head_parser(struct http_head *head, const char *text, size_t len);

struct head_pair {
    char *text; /* a block of its own */
    size_t len;
    struct http_field fields[2][HEAD_PAIR_FIELDS];
    struct http_head whole, pieces;
};

static enum http_verdict
head_pair_pieces(struct head_pair *pair, head_parser *parse, size_t step)
{
    enum http_verdict verdict = HTTP_MORE;

    for (size_t end = 0; verdict == HTTP_MORE && end < pair->len;) {
        end = pair->len - end > step ? end + step : pair->len;
        verdict = parse(&pair->pieces, pair->text, end);
    }
    return verdict;
}

/* true: there is a head. size is 1 or more; head_pair_free is due either way. */
static bool
head_pair_parse(struct head_pair *pair, head_parser *parse, const uint8_t *data, size_t size)
{
    pair->len = size - 1;
    pair->text = fuzz_block(data + 1, pair->len);
    http_head_init(&pair->whole, pair->fields[0], &head_pair_limits);
    http_head_init(&pair->pieces, pair->fields[1], &head_pair_limits);
    enum http_verdict verdict = parse(&pair->whole, pair->text, pair->len);

    FUZZ_REQUIRE(verdict == head_pair_pieces(pair, parse, data[0] % 32 + 1U));
    FUZZ_REQUIRE((verdict > HTTP_DONE) == (pair->whole.error != NULL));
    if (verdict != HTTP_DONE)
        return false;
    FUZZ_REQUIRE(pair->whole.length == pair->pieces.length);
    FUZZ_REQUIRE(pair->whole.field_count == pair->pieces.field_count);
    return true;
}

static void
head_pair_free(struct head_pair *pair)
{
    free(pair->text);
}

#endif
