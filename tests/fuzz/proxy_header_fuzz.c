/*
 * proxy_header_fuzz.c - a PROXY header and what follows. However it is split, the verdict is the
 * same, and so is where it ends; what it names can be written, in both versions, and read again.
 */
#include "fuzz.h"

#include "protocol/proxy_protocol.h"

static enum proxy_verdict
feed(struct proxy_header *header, const uint8_t *data, size_t size, size_t step, size_t *taken)
{
    enum proxy_verdict verdict = PROXY_MORE;

    *header = (struct proxy_header){.len = 0};
    *taken = 0;
    while (verdict == PROXY_MORE && *taken < size) {
        size_t count = step < size - *taken ? step : size - *taken, used;
        char *piece = fuzz_block(data + *taken, count);

        verdict = proxy_header_read(header, piece, count, &used);
        free(piece);
        FUZZ_REQUIRE(used <= count && (verdict != PROXY_MORE || used == count));
        *taken += used;
    }
    FUZZ_REQUIRE(verdict != PROXY_BAD || header->error != NULL);
    FUZZ_REQUIRE(*taken <= PROXY_V2_MAX);
    return verdict;
}

static void
require_same(const struct proxy_header *one, const struct proxy_header *other)
{
    FUZZ_REQUIRE(one->client == other->client);
    if (one->client != PROXY_NAMED)
        return;
    FUZZ_REQUIRE(address_equal(&one->source, &other->source));
    FUZZ_REQUIRE(address_equal(&one->destination, &other->destination));
}

static void
check_written(const struct proxy_header *header,
              void (*write)(struct text *, const struct address *, const struct address *))
{
    char buffer[PROXY_V1_MAX];
    struct text text = {buffer, 0, sizeof(buffer), false};
    struct proxy_header again;
    size_t taken;

    write(&text, &header->source, &header->destination);
    FUZZ_REQUIRE(!text.full);
    FUZZ_REQUIRE(feed(&again, (const uint8_t *)text.at, text.len, text.len, &taken) == PROXY_DONE);
    FUZZ_REQUIRE(taken == text.len);
    require_same(header, &again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 7, 16};
    struct proxy_header whole, pieces;
    size_t taken, again;
    enum proxy_verdict verdict = feed(&whole, data, size, size > 0 ? size : 1, &taken);

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        FUZZ_REQUIRE(feed(&pieces, data, size, steps[i], &again) == verdict);
        if (verdict != PROXY_BAD)
            FUZZ_REQUIRE(again == taken);
        if (verdict == PROXY_DONE)
            require_same(&whole, &pieces);
    }
    if (verdict == PROXY_DONE && whole.client == PROXY_NAMED) {
        check_written(&whole, proxy_header_write_v1);
        check_written(&whole, proxy_header_write_v2);
    }
    return 0;
}
