/*
 * side.h - one side of a connection: a stream, its read event, and what it
 * would not take yet.
 *
 * The read event is level-triggered and registered once; its memory is the owner's, so that
 * what every message touches can stand together (tunnel.h). A write event exists only while an
 * outbox does. Callbacks come from the loop, never from inside a call. A side owns its stream
 * and its outbox.
 */
#ifndef WSGATE_SIDE_H
#define WSGATE_SIDE_H

#include "net/stream.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdint.h>

/* Who is told; arg is the owner. One constant table per kind of side. */
struct side_handlers {
    void (*readable)(evutil_socket_t fd, short what, void *arg);
    void (*writable)(evutil_socket_t fd, short what, void *arg);
};

struct outbox;

struct side {
    struct stream stream;
    bool reading; /* the read event is registered */
    bool shut;    /* our direction is ended, or dead */
    bool ended;   /* the peer's direction is: end of stream or error */
    struct outbox *out;
    const struct side_handlers *handlers;
    struct event *read;
};

/* Once, before the others: a side that is closed. `read` must live as long as the side does. */
void side_init(struct side *side, struct event *read, struct event_base *base,
               const struct side_handlers *handlers, void *arg);
/* Takes the stream over. Nothing is registered yet. A side that was closed can be opened again. */
void side_open(struct side *side, struct stream stream);
bool side_is_open(const struct side *side);
/* Idempotent; false: no memory in libevent or the kernel. */
bool side_read_on(struct side *side) MUST_CHECK;
void side_read_off(struct side *side);

enum side_sent {
    SIDE_SENT,   /* all of it is with the kernel */
    SIDE_KEPT,   /* the rest waits in the outbox; handlers->writable will be called */
    SIDE_FAILED, /* errno; the side is shut */
};

/* Behind what waits in the outbox already. */
enum side_sent side_send(struct side *side, const void *data, size_t bytes) MUST_CHECK;
/* From the writable handler: goes on. SIDE_KEPT: some more is still there. */
enum side_sent side_flush(struct side *side) MUST_CHECK;
size_t side_waiting(const struct side *side); /* bytes in the outbox */
/* Drops the outbox and ends our direction. */
void side_abandon(struct side *side);
void side_shutdown(struct side *side);
/* Idempotent: events gone, outbox wiped and freed, stream closed. */
void side_close(struct side *side);

#endif
