/* mailbox_test.c - messages to a thread: order, the descriptor, closing, many posters. */
#include "base/mailbox.h"
#include "unit.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
is_readable(const struct mailbox *box)
{
    struct pollfd poller = {.fd = box->fd, .events = POLLIN};

    return poll(&poller, 1, 0) == 1;
}

/* What ran, in order. */
struct record {
    struct mailbox *box;
    char text[16];
    size_t len;
};

struct letter {
    struct record *record;
    char name;
};

static void
on_letter(void *arg)
{
    struct letter *letter = arg;

    letter->record->text[letter->record->len++] = letter->name;
}

static void
on_letter_that_posts(void *arg)
{
    struct letter *letter = arg;

    on_letter(letter);
    letter->name = 'z';
    ck_assert(mailbox_post(letter->record->box, on_letter, letter));
}

static void
on_letter_that_cannot_post(void *arg)
{
    struct letter *letter = arg;

    on_letter(letter);
    ck_assert(!mailbox_post(letter->record->box, on_letter, letter));
}

START_TEST(runs_in_order_and_is_readable_while_messages_wait)
{
    struct mailbox box;
    struct record record = {.box = &box};
    struct letter a = {&record, 'a'}, b = {&record, 'b'}, c = {&record, 'c'};

    ck_assert(mailbox_open(&box));
    ck_assert(!is_readable(&box));
    mailbox_run(&box);
    ck_assert(mailbox_post(&box, on_letter, &a));
    ck_assert(mailbox_post(&box, on_letter_that_posts, &b));
    ck_assert(mailbox_post(&box, on_letter, &c));
    ck_assert(is_readable(&box));
    mailbox_run(&box);
    ck_assert_str_eq(record.text, "abc");
    ck_assert(is_readable(&box));
    mailbox_run(&box);
    ck_assert_str_eq(record.text, "abcz");
    ck_assert(!is_readable(&box));
    mailbox_close(&box);
    mailbox_destroy(&box);
}
END_TEST

START_TEST(close_runs_what_is_left_and_takes_no_more)
{
    struct mailbox box;
    struct record record = {.box = &box};
    struct letter a = {&record, 'a'}, b = {&record, 'b'};

    ck_assert(mailbox_open(&box));
    ck_assert(mailbox_post(&box, on_letter, &a));
    ck_assert(mailbox_post(&box, on_letter_that_cannot_post, &b));
    mailbox_close(&box);
    ck_assert_str_eq(record.text, "ab");
    ck_assert(!mailbox_post(&box, on_letter, &a));
    ck_assert(!is_readable(&box));
    mailbox_destroy(&box);
}
END_TEST

START_TEST(lent_memory_may_go_with_its_message)
{
    struct mailbox box;
    struct mailbox_message *message = malloc(sizeof(*message));

    ck_assert(mailbox_open(&box));
    ck_assert(mailbox_put(&box, message, free, message)); /* the sanitizer sees what touches it */
    mailbox_run(&box);
    mailbox_close(&box);
    message = malloc(sizeof(*message));
    ck_assert(!mailbox_put(&box, message, free, message));
    free(message);
    mailbox_destroy(&box);
}
END_TEST

START_TEST(a_door_closes_behind_what_came_through)
{
    struct mailbox box;
    struct record record = {.box = &box};
    struct letter a = {&record, 'a'}, b = {&record, 'b'}, c = {&record, 'c'}, d = {&record, 'd'};
    struct mailbox_door door = {&box, false}, other = {&box, false};
    struct mailbox_message last;

    ck_assert(mailbox_open(&box));
    ck_assert(mailbox_door_post(&door, on_letter, &a));
    ck_assert(mailbox_post(&box, on_letter, &b));
    ck_assert(mailbox_door_close(&door, &last, on_letter, &c));
    ck_assert(!mailbox_door_post(&door, on_letter, &a));
    ck_assert(mailbox_door_post(&other, on_letter, &d));
    mailbox_run(&box);
    ck_assert_str_eq(record.text, "abcd");
    mailbox_close(&box);
    ck_assert(!mailbox_door_close(&other, &last, on_letter, &c));
    ck_assert(!mailbox_door_post(&other, on_letter, &d));
    ck_assert_str_eq(record.text, "abcd");
    mailbox_destroy(&box);
}
END_TEST

START_TEST(open_fails_without_descriptors)
{
    struct mailbox box;
    struct rlimit limit = {0, 0}, before;

    getrlimit(RLIMIT_NOFILE, &before);
    limit.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    ck_assert(!mailbox_open(&box));
    setrlimit(RLIMIT_NOFILE, &before);
}
END_TEST

/* ---- Several posters ------------------------------------------------------ */

enum { POSTERS = 4, POSTS = 5000 };

struct poster {
    struct mailbox *box;
    pthread_t thread;
    size_t sent, received, *total;
};

struct post {
    struct poster *poster;
    size_t number;
};

static void
on_post(void *arg)
{
    struct post *post = arg;

    ck_assert_uint_eq(post->number, post->poster->received);
    post->poster->received++;
    (*post->poster->total)++;
    free(post);
}

static void *
run_poster(void *arg)
{
    struct poster *poster = arg;

    for (size_t i = 0; i < POSTS; i++) {
        struct post *post = malloc(sizeof(*post));

        *post = (struct post){poster, i};
        if (!mailbox_post(poster->box, on_post, post)) {
            free(post);
            break;
        }
        poster->sent++;
    }
    return NULL;
}

/* With `most` below all, the box is closed under the posters' hands. */
static void
receive_from_posters(size_t most)
{
    struct mailbox box;
    struct poster posters[POSTERS];
    size_t total = 0;

    ck_assert(mailbox_open(&box));
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.box = &box, .total = &total};
        pthread_create(&posters[i].thread, NULL, run_poster, &posters[i]);
    }
    while (total < most) {
        struct pollfd poller = {.fd = box.fd, .events = POLLIN};

        ck_assert_int_eq(poll(&poller, 1, 10000), 1);
        mailbox_run(&box);
    }
    mailbox_close(&box);
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        ck_assert_uint_eq(posters[i].sent, posters[i].received);
    }
    mailbox_destroy(&box);
}

START_TEST(no_message_is_lost_between_threads)
{
    receive_from_posters((size_t)POSTERS * POSTS);
}
END_TEST

START_TEST(close_meets_posters_halfway)
{
    receive_from_posters(1000);
}
END_TEST

Suite *
mailbox_suite(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tc = tcase_create("mailbox");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, runs_in_order_and_is_readable_while_messages_wait);
    tcase_add_test(tc, close_runs_what_is_left_and_takes_no_more);
    tcase_add_test(tc, lent_memory_may_go_with_its_message);
    tcase_add_test(tc, a_door_closes_behind_what_came_through);
    tcase_add_test(tc, open_fails_without_descriptors);
    tcase_add_test(tc, no_message_is_lost_between_threads);
    tcase_add_test(tc, close_meets_posters_halfway);
    suite_add_tcase(suite, tc);
    return suite;
}
