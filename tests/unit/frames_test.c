/* frames_test.c - one direction followed: every legal and illegal stream, split at every byte. */
#include "frame_cases.h"
#include "unit.h"

#include <stdlib.h>

/* What a caller does with frames_follow: shows what was held again, with more behind it. */
struct follower {
    struct frames frames;
    struct frames_rules rules;
    uint64_t budget;
    char held[FRAME_CONTROL_MAX];
    size_t held_len, good, controls;
    enum frames_found found;
};

static void
follow(struct follower *follower, const char *at, size_t len)
{
    char *block = malloc(follower->held_len + len + 1); /* of that size: a sanitizer looks on */
    size_t pos = 0, end = follower->held_len + len;
    struct frames_step step = {.budget = follower->budget};

    memcpy(block, follower->held, follower->held_len);
    memcpy(block + follower->held_len, at, len);
    block = realloc(block, end > 0 ? end : 1);
    do {
        follower->found =
            frames_follow(&follower->frames, &follower->rules, block + pos, end - pos, &step);
        if (follower->found == FRAMES_CONTROL) {
            step.used += step.len;
            follower->controls++;
        }
        pos += step.used;
    } while (follower->found == FRAMES_CONTROL && !follower->frames.over);
    follower->budget = step.budget;
    follower->good += pos;
    follower->held_len = end - pos;
    if (follower->found == FRAMES_MORE) {
        ck_assert_uint_le(follower->held_len, sizeof(follower->held) - 1);
        memcpy(follower->held, block + pos, follower->held_len);
    }
    free(block);
}

static struct follower
follower_of(const struct frame_case *row, bool masked)
{
    struct follower follower = {.rules = frame_case_rules(row), .budget = UINT64_MAX};

    frames_init(&follower.frames, masked, row->deflate);
    return follower;
}

static void
check(const struct frame_case *row, const struct follower *follower, size_t good, size_t split)
{
    enum frames_found found =
        follower->found == FRAMES_CONTROL ? FRAMES_MORE : follower->found;

    ck_assert_msg(found == row->found, "%s: %d at split %zu", row->stream, found, split);
    ck_assert_msg(follower->good == good, "%s: %zu bytes instead of %zu at split %zu", row->stream,
                  follower->good, good, split);
}

/* The bytes that may pass. */
static size_t
good_bytes(const struct frame_case *row, bool masked, size_t all)
{
    size_t good, head = masked ? 6 : 2;

    if (row->found == FRAMES_MORE)
        return all;
    free(frame_case_bytes(row->stream, row->good, masked, &good));
    if (row->utf8 && strchr(row->stream, 'X') == NULL && row->good < 2)
        good += head + row->good_bytes; /* of text the header has gone already */
    return good;
}

static void
feed(struct follower *follower, const char *bytes, size_t len)
{
    if (!follower->frames.over)
        follow(follower, bytes, len);
}

START_TEST(every_stream_at_every_split)
{
    const struct frame_case *row = &frame_cases[_i];

    for (int masked = 0; masked < 2; masked++) {
        size_t len;
        char *bytes = frame_case_bytes(row->stream, SIZE_MAX, masked, &len);
        size_t good = good_bytes(row, masked, len);
        size_t step = len > 2000 ? len / 500 : 1; /* in the long ones, not at each */

        for (size_t split = 0; split <= len; split += split < 40 ? 1 : step) {
            struct follower follower = follower_of(row, masked);
            feed(&follower, bytes, split);
            feed(&follower, bytes + split, len - split);
            check(row, &follower, good, split);
        }
        struct follower follower = follower_of(row, masked);
        for (size_t i = 0; i < len; i++)
            feed(&follower, bytes + i, 1);
        check(row, &follower, good, SIZE_MAX);
        free(bytes);
    }
}
END_TEST

START_TEST(counts_and_stands)
{
    static const struct frame_case row = {.stream = "t3 P2 C4 B0 b1 X=4401:over T1"};
    struct follower follower = follower_of(&row, true);
    size_t len, head;
    char *bytes = frame_case_bytes(row.stream, SIZE_MAX, true, &len);

    free(frame_case_bytes(row.stream, 6, true, &head));
    ck_assert(frames_at_boundary(&follower.frames));
    feed(&follower, bytes, 7);
    ck_assert(!frames_at_boundary(&follower.frames));
    ck_assert_uint_eq(follower.frames.left, 2);
    feed(&follower, bytes + 7, 2);
    ck_assert(frames_at_boundary(&follower.frames)); /* between fragments, too */
    feed(&follower, bytes + 9, len - 9);
    ck_assert_uint_eq(follower.frames.messages, 2);
    ck_assert_uint_eq(follower.frames.close_code, 4401);
    ck_assert_uint_eq(follower.controls, 2);
    ck_assert_uint_eq(follower.good, head); /* nothing after a Close */
    ck_assert(follower.frames.over);
    free(bytes);
}
END_TEST

START_TEST(a_budget_is_kept_to)
{
    static const struct frame_case row = {.stream = "t1 C1 P1 B1 B1"};
    size_t len, good;
    char *bytes = frame_case_bytes(row.stream, SIZE_MAX, true, &len);

    for (size_t budget = 0; budget <= 4; budget++) {
        static const size_t words[] = {0, 2, 3, 4, 5};
        struct follower follower = follower_of(&row, true);
        follower.budget = budget;
        feed(&follower, bytes, len);
        free(frame_case_bytes(row.stream, words[budget], true, &good));
        ck_assert_uint_eq(follower.good, good);
        ck_assert_int_eq(follower.found, budget < 4 ? FRAMES_TOO_MANY : FRAMES_MORE);
    }
    free(bytes);
}
END_TEST

START_TEST(a_close_is_never_too_many)
{
    static const struct frame_case row = {.stream = "X=1000:"};
    struct follower follower = follower_of(&row, false);
    size_t len;
    char *bytes = frame_case_bytes(row.stream, 1, false, &len);

    follower.budget = 0;
    feed(&follower, bytes, len);
    ck_assert_int_eq(follower.found, FRAMES_CONTROL);
    free(bytes);
}
END_TEST

START_TEST(makes_control_frames)
{
    static const uint8_t mask[] = {1, 2, 3, 4};
    char frame[FRAME_CONTROL_MAX], payload[FRAME_CONTROL_PAYLOAD_MAX], reason[200];

    memset(reason, 'r', sizeof(reason));
    ck_assert_uint_eq(frame_close(frame, 1012, STR("drain"), NULL), 9);
    ck_assert_mem_eq(frame, "\x88\x07\x03\xf4"
                            "drain",
                     9);
    ck_assert_uint_eq(frame_close(frame, 1000, STR_NONE, mask), 8);
    ck_assert_mem_eq(frame, "\x88\x82\x01\x02\x03\x04\x02\xea", 8);
    ck_assert_uint_eq(frame_close(frame, 0, STR("not sent"), NULL), 2);
    ck_assert_mem_eq(frame, "\x88\x00", 2);
    ck_assert_uint_eq(frame_close(frame, 4401, (struct str){reason, sizeof(reason)}, mask),
                      FRAME_CONTROL_MAX);
    struct str opened = frame_payload(frame, payload);
    ck_assert_uint_eq(opened.len, FRAME_CONTROL_PAYLOAD_MAX);
    ck_assert_mem_eq(opened.at + 2, reason, FRAME_CLOSE_REASON_MAX);
    ck_assert_uint_eq(frame_control(frame, OPCODE_PING, STR("abc"), mask), 9);
    ck_assert(str_equal(frame_payload(frame, payload), STR("abc")));
}
END_TEST

START_TEST(is_small)
{
    ck_assert_uint_le(sizeof(struct frames), 32);
}
END_TEST

Suite *
frames_suite(void)
{
    Suite *suite = suite_create("frames");
    TCase *tc = tcase_create("frames");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_stream_at_every_split, 0, (int)frame_case_count);
    tcase_add_test(tc, counts_and_stands);
    tcase_add_test(tc, a_budget_is_kept_to);
    tcase_add_test(tc, a_close_is_never_too_many);
    tcase_add_test(tc, makes_control_frames);
    tcase_add_test(tc, is_small);
    suite_add_tcase(suite, tc);
    return suite;
}
