/* turns_test.c - who is asked about at a time, who next, and who not at all. */
#include "base/compiler.h"
#include "gateway/kept_captures.h"
#include "gateway/revalidation.h"
#include "gateway/turns.h"
#include "unit.h"

#include <stdlib.h>

enum { OWNERS = 3 * TURNS_MAX + 150 };

struct owner {
    struct turn turn; /* first */
    struct turns *turns;
    int came;
    bool leaves_at_once; /* it is answered when it is asked */
};

static void
on_come(struct turn *turn)
{
    struct owner *owner = (struct owner *)turn;

    ck_assert_int_eq(turn->state, TURN_TAKEN);
    owner->came++;
    if (owner->leaves_at_once)
        turns_leave(owner->turns, turn);
}

struct rig {
    struct mailbox box;
    struct turns turns;
    struct owner *owners;
};

/* All of them ask; the first TURNS_MAX have their turn. */
static void
begin(struct rig *rig)
{
    ck_assert(mailbox_open(&rig->box));
    turns_init(&rig->turns, &rig->box);
    rig->owners = calloc(OWNERS, sizeof(*rig->owners));
    for (int i = 0; i < OWNERS; i++) {
        rig->owners[i].turns = &rig->turns;
        bool taken = turns_ask(&rig->turns, &rig->owners[i].turn, on_come);
        ck_assert(taken == (i < TURNS_MAX));
    }
}

static void
end(struct rig *rig)
{
    mailbox_close(&rig->box);
    mailbox_destroy(&rig->box);
    free(rig->owners);
}

static int
came(const struct rig *rig)
{
    int count = 0;

    for (int i = 0; i < OWNERS; i++)
        count += rig->owners[i].came;
    return count;
}

START_TEST(in_the_order_they_came)
{
    struct rig rig;

    begin(&rig);
    mailbox_run(&rig.box);
    ck_assert_int_eq(came(&rig), 0);
    for (int i = 0; i < OWNERS - TURNS_MAX; i++) {
        turns_leave(&rig.turns, &rig.owners[i].turn);
        ck_assert_int_eq(came(&rig), i); /* not in there */
        mailbox_run(&rig.box);
        ck_assert_int_eq(came(&rig), i + 1);
        ck_assert_int_eq(rig.owners[TURNS_MAX + i].came, 1);
    }
    end(&rig);
}
END_TEST

START_TEST(who_leaves_the_queue_is_not_called)
{
    struct rig rig;

    begin(&rig);
    turns_leave(&rig.turns, &rig.owners[TURNS_MAX].turn);
    turns_leave(&rig.turns, &rig.owners[0].turn);
    turns_leave(&rig.turns, &rig.owners[0].turn); /* it has none: nothing */
    mailbox_run(&rig.box);
    ck_assert_int_eq(came(&rig), 1);
    ck_assert_int_eq(rig.owners[TURNS_MAX + 1].came, 1);
    end(&rig);
}
END_TEST

/* There is room, but somebody is about to be called. */
START_TEST(a_newcomer_does_not_overtake)
{
    struct rig rig;
    struct owner late = {.turns = &rig.turns};

    begin(&rig);
    turns_leave(&rig.turns, &rig.owners[0].turn);
    ck_assert(!turns_ask(&rig.turns, &late.turn, on_come));
    mailbox_run(&rig.box);
    ck_assert_int_eq(rig.owners[TURNS_MAX].came, 1);
    ck_assert_int_eq(late.came, 0);
    turns_leave(&rig.turns, &late.turn);
    end(&rig);
}
END_TEST

/* Those who are answered at once do not hold up the loop for all who wait. */
START_TEST(a_long_queue_is_served_in_pieces)
{
    struct rig rig;
    int pieces = 0;

    begin(&rig);
    for (int i = TURNS_MAX; i < OWNERS; i++)
        rig.owners[i].leaves_at_once = true;
    turns_leave(&rig.turns, &rig.owners[0].turn);
    for (int before = -1; came(&rig) > before; pieces++) {
        before = came(&rig);
        mailbox_run(&rig.box);
    }
    ck_assert_int_eq(came(&rig), OWNERS - TURNS_MAX);
    ck_assert_int_gt(pieces, 2);
    for (int i = TURNS_MAX; i < OWNERS; i++)
        ck_assert_int_eq(rig.owners[i].came, 1);
    end(&rig);
}
END_TEST

/* ---- Pauses ------------------------------------------------------------------------- */

/* 9,000 tunnels of one second are spread evenly over half of the interval. */
START_TEST(who_came_together_is_not_asked_together)
{
    enum { TUNNELS = 9000, INTERVAL_MS = 300000, BUCKETS = 50 };
    int first[BUCKETS] = {0}, later[BUCKETS] = {0};

    for (uint64_t i = 0; i < TUNNELS; i++) {
        uint64_t random = i * UINT64_C(0x9E3779B97F4A7C15) >> 16;
        uint64_t once = revalidation_pause(INTERVAL_MS, true, random);
        uint64_t again = revalidation_pause(INTERVAL_MS, false, random);
        ck_assert(once >= INTERVAL_MS / 2 && once <= INTERVAL_MS);
        ck_assert(again >= INTERVAL_MS - INTERVAL_MS / 10 && again <= INTERVAL_MS);
        first[(INTERVAL_MS - once) * BUCKETS / (INTERVAL_MS / 2 + 1)]++;
        later[(INTERVAL_MS - again) * BUCKETS / (INTERVAL_MS / 10 + 1)]++;
    }
    for (int i = 0; i < BUCKETS; i++) {
        ck_assert_int_lt(abs(first[i] - TUNNELS / BUCKETS), TUNNELS / BUCKETS / 2);
        ck_assert_int_lt(abs(later[i] - TUNNELS / BUCKETS), TUNNELS / BUCKETS / 2);
    }
    ck_assert_uint_eq(revalidation_pause(1, true, 7), 1);
}
END_TEST

START_TEST(the_wait_for_a_turn_is_bounded)
{
    ck_assert_uint_eq(revalidation_turn_patience(0, 5000), 300000);
    ck_assert_uint_eq(revalidation_turn_patience(1000, 5000), 300000);
    ck_assert_uint_eq(revalidation_turn_patience(3600000, 5000), 3600000);
    ck_assert_uint_eq(revalidation_turn_patience(3600000, 0), 0); /* timeouts.auth is off */
}
END_TEST

/* ---- Captures ----------------------------------------------------------------------- */

START_TEST(captures_outlive_their_path)
{
    struct path_piece pieces[] = {{STR("/rooms/"), STR("room")},
                                  {STR("/x/"), STR("user")},
                                  {STR("/end"), STR_NONE}};
    struct route_settings route = {.match = PATH_CAPTURES, .pieces = pieces, .piece_count = 3};
    char text[] = "blueann";
    const struct str captures[] = {{text, 4}, {text + 4, 3}};
    struct kept_captures *kept;

    ck_assert(kept_captures_new(&route, captures, &kept));
    memset(text, 'x', sizeof(text));
    ck_assert(str_equal(kept_captures_find(kept, STR("room")), STR("blue")));
    ck_assert(str_equal(kept_captures_find(kept, STR("user")), STR("ann")));
    ck_assert_ptr_null(kept_captures_find(kept, STR("Room")).at);
    free(kept);
    route = (struct route_settings){.match = PATH_EXACT};
    ck_assert(kept_captures_new(&route, captures, &kept));
    ck_assert_ptr_null(kept);
    ck_assert_ptr_null(kept_captures_find(kept, STR("room")).at);
}
END_TEST

Suite *
turns_suite(void)
{
    Suite *suite = suite_create("turns");
    TCase *tc = tcase_create("turns");

    tcase_add_test(tc, in_the_order_they_came);
    tcase_add_test(tc, who_leaves_the_queue_is_not_called);
    tcase_add_test(tc, a_newcomer_does_not_overtake);
    tcase_add_test(tc, a_long_queue_is_served_in_pieces);
    tcase_add_test(tc, who_came_together_is_not_asked_together);
    tcase_add_test(tc, the_wait_for_a_turn_is_bounded);
    tcase_add_test(tc, captures_outlive_their_path);
    suite_add_tcase(suite, tc);
    return suite;
}
