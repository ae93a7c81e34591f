/*
 * side.h - one side of a connection: a stream, its read event, and what it
 * would not take yet.
 *
 * The read event is level-triggered and registered once; its memory is the owner's, so that
 * what every message touches can stand together (tunnel.h). A write event exists only while an
 * outbox does. Both have one callback, which `what` tells apart. It comes from the loop, never from
 * inside a call. A side owns its stream and its outbox.
 *
 * TLS can hold bytes that the kernel does not know of: then the read event is activated by hand,
 * so that to whoever waits it looks as if they were still in the socket.
 */
#ifndef WSGATE_SIDE_H
#define WSGATE_SIDE_H

#include "net/stream.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdint.h>

struct outbox;

struct side {
    struct stream stream;
    struct outbox *out;
    struct event *read;
    bool reading; /* the read event is registered */
    bool shut;    /* our direction is ended, or dead */
    bool ended;   /* the peer's direction is: end of stream or error */
    uint8_t flow; /* how steadily reads have filled half the buffer; its reader's to count */
};

/* Once, before the others: a side that is closed. `read` must live as long as the side does. */
void side_init(struct side *side, struct event *read, struct event_base *base,
               event_callback_fn ready, void *arg);
/* Takes the stream over. Nothing is registered yet. A side that was closed can be opened again. */
void side_open(struct side *side, struct stream stream);
bool side_is_open(const struct side *side);
/* Idempotent; false: no memory in libevent or the kernel. */
bool side_read_on(struct side *side) MUST_CHECK;
void side_read_off(struct side *side);

/* From the readable handler: stream_read. What TLS still holds then is told of again. */
struct stream_result side_read(struct side *side, void *buffer, size_t bytes) MUST_CHECK;
/* stream_handshake. After STREAM_AGAIN the side is ready when it can go on; where it is ready to
 * write, side_flush comes first. */
enum stream_status side_handshake(struct side *side) MUST_CHECK;

enum side_sent {
    SIDE_SENT,   /* all of it is with the kernel */
    SIDE_KEPT,   /* the rest waits in the outbox; the side will be ready to write */
    SIDE_FAILED, /* errno; the side is shut */
};

/* Behind what waits in the outbox already. */
enum side_sent side_send(struct side *side, const void *data, size_t bytes) MUST_CHECK;
/* The same where more, or side_shutdown, follows at once: see stream_write. */
enum side_sent side_send_more(struct side *side, const void *data, size_t bytes) MUST_CHECK;
/* From the writable handler: goes on. SIDE_KEPT: some more is still there. */
enum side_sent side_flush(struct side *side) MUST_CHECK;
size_t side_waiting(const struct side *side); /* bytes in the outbox */
/* Drops the outbox and ends our direction. */
void side_abandon(struct side *side);
/* Ends our direction. Where it is not shut afterwards, there is an outbox without bytes: once it
 * has been flushed, try again. */
void side_shutdown(struct side *side);
/* Idempotent: events gone, outbox wiped and freed, stream closed. */
void side_close(struct side *side);

#endif
