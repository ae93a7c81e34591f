/*
 * frames_fuzz.c - a direction followed in pieces against a decoder that sees all of it at once.
 *
 * The first byte chooses the rules, the second the pieces, the rest is the stream.
 */
#include "fuzz.h"

#include "protocol/frames.h"

struct end {
    enum frames_found found;
    size_t good;
    uint64_t messages;
};

/* ---- The plain one: one frame after the other, all of RFC 6455 5 written out ---------------- */

static bool
utf8_is_good(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t more = at[i] < 0x80 ? 0 : at[i] >> 5 == 6 ? 1 : at[i] >> 4 == 14 ? 2 : 3;
        uint32_t point = more == 0 ? at[i] : at[i] & (0x3f >> more);

        if ((at[i] & 0xc0) == 0x80 || at[i] >= 0xf8 || i + more >= len)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if ((at[i + k] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (at[i + k] & 0x3f);
        }
        if ((more == 1 && point < 0x80) || (more == 2 && point < 0x800) ||
            (more == 3 && (point < 0x10000 || point > 0x10ffff)) ||
            (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

static enum frames_found
plain_close(const uint8_t *payload, size_t len)
{
    unsigned code = len >= 2 ? (unsigned)(payload[0] << 8 | payload[1]) : 0;
    bool valid = (code >= 3000 && code < 5000) ||
                 (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006));

    if (len == 0)
        return FRAMES_CONTROL;
    if (!valid)
        return FRAMES_PROTOCOL;
    return utf8_is_good(payload + 2, len - 2) ? FRAMES_CONTROL : FRAMES_UTF8;
}

static struct end
plain(const struct frames *start, const struct frames_rules *rules, const uint8_t *at, size_t len)
{
    struct end end = {FRAMES_MORE, 0, 0};
    unsigned open = 0;
    uint64_t message = 0;

    while (len - end.good >= 2) {
        const uint8_t *head = at + end.good;
        size_t have = len - end.good;
        unsigned opcode = head[0] & 15, fin = head[0] >> 7, rsv = head[0] >> 4 & 7;
        size_t extended = (head[1] & 127) == 126 ? 2 : (head[1] & 127) == 127 ? 8 : 0;
        size_t size = 2 + extended + (start->masked ? 4 : 0);
        uint64_t payload = extended == 0 ? head[1] & 127 : 0;
        bool control = opcode >= 8;

        end.found = FRAMES_PROTOCOL;
        if (head[1] >> 7 != start->masked || (opcode > 2 && opcode < 8) || opcode > 10)
            return end;
        if (rsv != 0 && !(rsv == 4 && start->deflate && !control && opcode != 0))
            return end;
        if (control && (!fin || payload > 125 || extended > 0))
            return end;
        if (!control && (opcode == 0) != (open != 0))
            return end;
        if (!control && opcode != 0 && !(rules->allow >> opcode & 1)) {
            end.found = FRAMES_TYPE;
            return end;
        }
        if (have < size) {
            end.found = FRAMES_MORE;
            return end;
        }
        for (size_t i = 0; i < extended; i++)
            payload = payload << 8 | head[2 + i];
        if ((extended == 2 && payload < 126) || (extended == 8 && payload < 65536) ||
            payload >> 63)
            return end;
        if (control) {
            uint8_t clear[125];
            end.found = FRAMES_MORE;
            if (have < size + payload)
                return end;
            for (size_t i = 0; i < payload; i++)
                clear[i] = head[size + i] ^ (start->masked ? head[size - 4 + i % 4] : 0);
            end.found = opcode == 8 ? plain_close(clear, payload) : FRAMES_CONTROL;
            if (end.found != FRAMES_CONTROL)
                return end;
            end.good += size + payload;
            if (opcode == 8)
                return end;
            continue;
        }
        message = (opcode == 0 ? message : 0) + payload;
        end.found = FRAMES_FRAME_TOO_LARGE;
        if (rules->max_frame != 0 && payload > rules->max_frame)
            return end;
        end.found = FRAMES_MESSAGE_TOO_LARGE;
        if (rules->max_message != 0 && message > rules->max_message)
            return end;
        open = fin ? 0 : opcode != 0 ? opcode : open;
        end.messages += fin;
        end.found = FRAMES_MORE;
        if (have - size < payload) {
            end.good = len;
            return end;
        }
        end.good += size + payload;
    }
    end.found = FRAMES_MORE;
    return end;
}

/* ---- Ours, in pieces ---------------------------------------------------------------------- */

static struct end
pieces(struct frames *frames, const struct frames_rules *rules, const uint8_t *at, size_t len,
       size_t piece)
{
    struct end end = {FRAMES_MORE, 0, 0};
    size_t shown = 0;

    while (!frames->over && shown < len) {
        struct frames_step step = {.budget = UINT64_MAX};
        size_t more = piece < len - shown ? piece : len - shown;
        char *block = fuzz_block(at + end.good, shown + more - end.good);
        size_t pos = 0, all = shown + more - end.good;

        shown += more;
        do {
            end.found = frames_follow(frames, rules, block + pos, all - pos, &step);
            FUZZ_REQUIRE(step.used <= all - pos);
            pos += step.used + (end.found == FRAMES_CONTROL ? step.len : 0);
            FUZZ_REQUIRE(pos <= all);
        } while (end.found == FRAMES_CONTROL && !frames->over);
        FUZZ_REQUIRE(end.found != FRAMES_MORE || all - pos < FRAME_CONTROL_MAX);
        FUZZ_REQUIRE(end.found != FRAMES_MORE || frames->left == 0 || pos == all);
        end.good += pos;
        free(block);
    }
    end.messages = frames->messages;
    return end;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frames_rules rules = {.allow = FRAMES_ALLOW_TEXT | FRAMES_ALLOW_BINARY};
    struct frames start, whole;

    if (size < 2)
        return 0;
    frames_init(&start, data[0] & 1, data[0] & 2);
    rules.max_frame = data[0] & 4 ? 100 : 0;
    rules.max_message = data[0] & 8 ? 150 : 0;
    if (data[0] & 16)
        rules.allow = FRAMES_ALLOW_TEXT;
    size_t piece = 1 + data[1];
    whole = start;
    struct end wanted = plain(&start, &rules, data + 2, size - 2);
    struct end got = pieces(&whole, &rules, data + 2, size - 2, piece);
    FUZZ_REQUIRE(got.good == wanted.good && got.messages == wanted.messages);
    FUZZ_REQUIRE(got.found == wanted.found ||
                 (got.found == FRAMES_MORE && wanted.found == FRAMES_CONTROL));
    /* UTF-8 does not depend on the pieces; what it lets pass, it lets pass without. */
    rules.validate_utf8 = true;
    whole = start;
    struct end once = pieces(&whole, &rules, data + 2, size - 2, size);
    whole = start;
    struct end split = pieces(&whole, &rules, data + 2, size - 2, piece);
    FUZZ_REQUIRE(once.good == split.good && once.found == split.found);
    FUZZ_REQUIRE(once.good <= wanted.good);
    return 0;
}
