/*
 * openings.c - see openings.h.
 *
 * The request is written right after connect: on loopback the connection
 * stands by then. A 101 counts when its head is whole and right in every
 * header; another answer counts when its body is there as well, by
 * Content-Length or by the end of the connection.
 */
#include "openings.h"

#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 8192
#define BATCH 256

struct slot {
    int fd;
    bool waits_to_write;
    size_t request; /* its index */
    size_t len;
    char answer[ANSWER_MAX];
};

struct openings {
    const struct plan *plan;
    const struct requests *requests;
    struct outcome *outcome;
    int *fds;
    int epoll;
    size_t next;   /* request to be sent */
    size_t active; /* slots in use */
};

static void
slot_want(struct openings *run, struct slot *slot, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = slot};

    if (epoll_ctl(run->epoll, operation, slot->fd, &event) != 0)
        tool_die("epoll_ctl");
}

static void
slot_write(struct openings *run, struct slot *slot, int operation)
{
    const struct request *request = &run->requests->row[slot->request];
    ssize_t done = send(slot->fd, request->bytes, request->len, MSG_NOSIGNAL);

    slot->waits_to_write = done < 0 && errno == EAGAIN;
    if (!slot->waits_to_write && done != (ssize_t)request->len)
        plan_fault(run->outcome, "request %zu: sent %zd bytes of %zu, errno %d", slot->request,
                   done, request->len, errno);
    slot_want(run, slot, operation, slot->waits_to_write ? EPOLLOUT : EPOLLIN);
}

/* The next request, if there is one left. */
static void
slot_start(struct openings *run, struct slot *slot)
{
    if (run->next == run->requests->count) {
        run->active--;
        return;
    }
    slot->request = run->next++;
    slot->len = 0;
    slot->fd = tool_connect(&run->plan->address);
    if (slot->fd < 0)
        tool_die("connect");
    slot_write(run, slot, EPOLL_CTL_ADD);
}

static void
slot_finish(struct openings *run, struct slot *slot, bool right)
{
    if (run->plan->keep && right) {
        slot_want(run, slot, EPOLL_CTL_DEL, 0);
        run->fds[slot->request] = slot->fd;
    } else {
        close(slot->fd);
    }
    if (right)
        run->outcome->done++;
    slot_start(run, slot);
}

/* The whole of an answer that is no 101: head and body. 0: its end is the connection's. */
static size_t
answer_length(const struct slot *slot, size_t head_len)
{
    size_t value_len;
    const char *value = opening_header(slot->answer, head_len, "Content-Length", &value_len);

    return value ? head_len + strtoul(value, NULL, 10) : 0;
}

static bool
slot_is_whole(const struct slot *slot, size_t head_len, int status, bool ended)
{
    if (head_len == 0)
        return false;
    if (status == 101)
        return true;
    size_t whole = answer_length(slot, head_len);
    return whole ? slot->len >= whole : ended;
}

static void
slot_judge(struct openings *run, struct slot *slot, bool ended)
{
    const char *accept = run->requests->row[slot->request].accept;
    size_t head_len = opening_head_length(slot->answer, slot->len);
    int status = opening_status(slot->answer, slot->len);

    if (!slot_is_whole(slot, head_len, status, ended)) {
        if (!ended && slot->len < ANSWER_MAX)
            return;
        plan_fault(run->outcome, "request %zu: closed after %zu bytes of answer", slot->request,
                   slot->len);
        slot_finish(run, slot, false);
        return;
    }
    bool right = status == run->plan->status &&
                 (status != 101 || (slot->len == head_len &&
                                    opening_is_answered(slot->answer, head_len, accept)));
    if (!right)
        plan_fault(run->outcome, "request %zu: status %d, or a wrong 101", slot->request, status);
    slot_finish(run, slot, right);
}

static void
slot_read(struct openings *run, struct slot *slot)
{
    ssize_t got = recv(slot->fd, slot->answer + slot->len, ANSWER_MAX - slot->len, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got > 0)
        slot->len += (size_t)got;
    slot_judge(run, slot, got <= 0);
}

static void
wait_and_serve(struct openings *run)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(run->epoll, events, BATCH, 1000);

    for (int i = 0; i < count; i++) {
        struct slot *slot = events[i].data.ptr;
        if (slot->waits_to_write)
            slot_write(run, slot, EPOLL_CTL_MOD);
        else
            slot_read(run, slot);
    }
}

void
openings_run(const struct plan *plan, const struct requests *requests, int *fds,
             struct outcome *outcome)
{
    struct openings run = {plan, requests, outcome, fds, epoll_create1(EPOLL_CLOEXEC), 0, 0};
    size_t slots = plan->in_flight < requests->count ? plan->in_flight : requests->count;
    struct slot *slot = tool_alloc(slots * sizeof(*slot));

    if (run.epoll < 0)
        tool_die("epoll");
    outcome->begin_ns = tool_now_ns();
    run.active = slots;
    for (size_t i = 0; i < slots; i++)
        slot_start(&run, &slot[i]);
    while (run.active > 0) {
        wait_and_serve(&run);
        if (tool_now_ns() > plan->deadline_ns) {
            plan_fault(outcome, "out of time with %zu under way", run.active);
            break;
        }
    }
    outcome->end_ns = tool_now_ns();
    close(run.epoll);
    free(slot);
}
