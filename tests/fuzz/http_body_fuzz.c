/*
 * http_body_fuzz.c - a body decoded at once, in pieces and in place: always the same bytes.
 * First byte: how it ends; second: the pieces; the rest is the body.
 */
#include "fuzz.h"

#include "protocol/http_body.h"

struct outcome {
    enum http_verdict verdict;
    size_t used, out_len;
    bool whole;
};

static struct http_body
body_start(uint8_t kind)
{
    struct http_body body = {.kind = HTTP_BODY_CHUNKED};

    if (kind % 4 == 0)
        body.kind = HTTP_BODY_CLOSE;
    if (kind % 4 == 1) {
        body.kind = HTTP_BODY_LENGTH;
        body.remaining = kind;
    }
    return body;
}

static struct outcome
decode_whole(uint8_t kind, const char *in, size_t len, char *out)
{
    struct http_body body = body_start(kind);
    struct outcome outcome = {.out_len = len};

    outcome.verdict = http_body_feed(&body, in, len, &outcome.used, out, &outcome.out_len);
    FUZZ_REQUIRE((outcome.verdict == HTTP_BAD) == (body.error != NULL));
    outcome.whole = http_body_at_close(&body);
    return outcome;
}

/* Each piece is decoded onto itself, and what comes of it appended to out. */
static struct outcome
decode_pieces(uint8_t kind, const char *in, size_t len, char *out, size_t step)
{
    struct http_body body = body_start(kind);
    struct outcome outcome = {.verdict = HTTP_MORE};

    do {
        size_t have = len - outcome.used < step ? len - outcome.used : step;
        size_t taken, written = have;
        char *piece = fuzz_block(in + outcome.used, have);
        outcome.verdict = http_body_feed(&body, piece, have, &taken, piece, &written);
        FUZZ_REQUIRE(outcome.verdict != HTTP_HEAD_TOO_LARGE && taken <= have && written <= taken);
        memcpy(out + outcome.out_len, piece, written);
        free(piece);
        outcome.used += taken;
        outcome.out_len += written;
    } while (outcome.verdict == HTTP_MORE && outcome.used < len);
    outcome.whole = http_body_at_close(&body);
    return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t len = size - 2;
    char *in = fuzz_block(data + 2, len);
    char *out = fuzz_block(NULL, len), *pieces_out = fuzz_block(NULL, len);
    struct outcome whole = decode_whole(data[0], in, len, out);
    struct outcome pieces = decode_pieces(data[0], in, len, pieces_out, data[1] % 16 + 1U);

    FUZZ_REQUIRE(whole.verdict == pieces.verdict && whole.used == pieces.used);
    FUZZ_REQUIRE(whole.out_len == pieces.out_len && whole.whole == pieces.whole);
    FUZZ_REQUIRE(memcmp(out, pieces_out, whole.out_len) == 0);
    free(in);
    free(out);
    free(pieces_out);
    return 0;
}
