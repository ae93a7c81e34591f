/*
 * mailbox.c - messages to a thread: functions to run on it, in order.
 *
 * It does not wait for an answer and does not bound the number of messages:
 * who posts on behalf of a peer bounds what it posts.
 *
 * Ownership: a message belongs to the box from post until it has run, one that was put until it
 * runs; `arg` belongs to the message's function.
 *
 * The hard thing: the descriptor is readable exactly while messages wait. It is
 * therefore written and read under the lock, and only on the change between
 * empty and not empty, so that a burst of posts costs one system call.
 */
#include "base/mailbox.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool
mailbox_open(struct mailbox *box)
{
    *box = (struct mailbox){.fd = -1};
    if (pthread_mutex_init(&box->lock, NULL) != 0)
        return false;
    box->last = &box->first;
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (box->fd < 0) {
        pthread_mutex_destroy(&box->lock);
        return false;
    }
    return true;
}

/* Neither can fail: the counter is 0 or 1, and the descriptor is ours. */
static void
raise_flag(int fd)
{
    ssize_t done = write(fd, &(uint64_t){1}, sizeof(uint64_t));

    (void)done;
}

static void
lower_flag(int fd)
{
    uint64_t count;
    ssize_t done = read(fd, &count, sizeof(count));

    (void)done;
}

/* Under the lock. false: closed. */
static bool
append(struct mailbox *box, struct mailbox_message *message)
{
    if (box->closed)
        return false;
    if (box->first == NULL)
        raise_flag(box->fd);
    *box->last = message;
    box->last = &message->next;
    return true;
}

/* door: NULL, or what must be open too. */
static bool
post(struct mailbox *box, const struct mailbox_door *door, void (*fn)(void *arg), void *arg)
{
    struct mailbox_message *message = malloc(sizeof(*message));

    if (message == NULL)
        return false;
    *message = (struct mailbox_message){.fn = fn, .arg = arg};
    pthread_mutex_lock(&box->lock);
    bool open = (door == NULL || !door->closed) && append(box, message);
    pthread_mutex_unlock(&box->lock);
    if (!open)
        free(message);
    return open;
}

bool
mailbox_post(struct mailbox *box, void (*fn)(void *arg), void *arg)
{
    return post(box, NULL, fn, arg);
}

bool
mailbox_put(struct mailbox *box, struct mailbox_message *message, void (*fn)(void *arg), void *arg)
{
    *message = (struct mailbox_message){.fn = fn, .arg = arg, .lent = true};
    pthread_mutex_lock(&box->lock);
    bool open = append(box, message);
    pthread_mutex_unlock(&box->lock);
    return open;
}

bool
mailbox_door_post(struct mailbox_door *door, void (*fn)(void *arg), void *arg)
{
    return post(door->box, door, fn, arg);
}

bool
mailbox_door_close(struct mailbox_door *door, struct mailbox_message *message,
                   void (*fn)(void *arg), void *arg)
{
    *message = (struct mailbox_message){.fn = fn, .arg = arg, .lent = true};
    pthread_mutex_lock(&door->box->lock);
    door->closed = true;
    bool open = append(door->box, message);
    pthread_mutex_unlock(&door->box->lock);
    return open;
}

static struct mailbox_message *
take_all(struct mailbox *box, bool close)
{
    pthread_mutex_lock(&box->lock);
    struct mailbox_message *first = box->first;

    if (close)
        box->closed = true;
    if (first != NULL)
        lower_flag(box->fd);
    box->first = NULL;
    box->last = &box->first;
    pthread_mutex_unlock(&box->lock);
    return first;
}

/* Does not touch the box, so that a message may end it; nor a lent message once it runs. */
static void
run_all(struct mailbox_message *message)
{
    while (message != NULL) {
        struct mailbox_message *next = message->next;
        bool lent = message->lent;

        message->fn(message->arg);
        if (!lent)
            free(message);
        message = next;
    }
}

void
mailbox_run(struct mailbox *box)
{
    run_all(take_all(box, false));
}

void
mailbox_close(struct mailbox *box)
{
    run_all(take_all(box, true));
}

void
mailbox_destroy(struct mailbox *box)
{
    close(box->fd);
    box->fd = -1;
    pthread_mutex_destroy(&box->lock);
}
