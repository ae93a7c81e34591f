/* side.c - a stream with its events and its outbox; see side.h. */
#include "net/side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct outbox {
    struct event write;
    size_t bytes, sent;
    char data[];
};

void
side_init(struct side *side, struct event *read, struct event_base *base, event_callback_fn ready,
          void *arg)
{
    *side = (struct side){.stream = STREAM_CLOSED, .read = read};
    event_assign(read, base, -1, EV_READ | EV_PERSIST, ready, arg);
}

void
side_open(struct side *side, struct stream stream)
{
    side->stream = stream;
    side->reading = side->shut = side->ended = false;
    side->flow = 0;
    side->out = NULL;
    event_assign(side->read, event_get_base(side->read), stream.fd, EV_READ | EV_PERSIST,
                 event_get_callback(side->read), event_get_callback_arg(side->read));
}

bool
side_is_open(const struct side *side)
{
    return side->stream.fd != -1;
}

/* Each time some of at most 17 KB is taken, and nothing from the kernel: it comes to an end, and
 * others have their turn. */
static void
tell_pending(struct side *side)
{
    if (side->reading && stream_pending(&side->stream))
        event_active(side->read, EV_READ, 0);
}

bool
side_read_on(struct side *side)
{
    if (!side->reading)
        side->reading = event_add(side->read, NULL) == 0;
    tell_pending(side);
    return side->reading;
}

void
side_read_off(struct side *side)
{
    if (side->reading)
        event_del(side->read);
    side->reading = false;
}

static void
outbox_free(struct side *side)
{
    if (side->out == NULL)
        return;
    event_del(&side->out->write);
    explicit_bzero(side->out->data, side->out->bytes);
    free(side->out);
    side->out = NULL;
}

size_t
side_waiting(const struct side *side)
{
    return side->out != NULL ? side->out->bytes - side->out->sent : 0;
}

static bool
outbox_keep(struct side *side, const char *data, size_t bytes)
{
    size_t waiting = side_waiting(side);
    struct outbox *out = malloc(sizeof(*out) + waiting + bytes);

    if (out == NULL)
        return false;
    out->bytes = waiting + bytes;
    out->sent = 0;
    if (waiting > 0)
        memcpy(out->data, side->out->data + side->out->sent, waiting);
    memcpy(out->data + waiting, data, bytes);
    event_assign(&out->write, event_get_base(side->read), side->stream.fd, EV_WRITE | EV_PERSIST,
                 event_get_callback(side->read), event_get_callback_arg(side->read));
    if (event_add(&out->write, NULL) == -1) {
        free(out);
        return false;
    }
    outbox_free(side);
    side->out = out;
    return true;
}

struct stream_result
side_read(struct side *side, void *buffer, size_t bytes)
{
    struct stream_result result = stream_read(&side->stream, buffer, bytes);

    tell_pending(side);
    return result;
}

enum stream_status
side_handshake(struct side *side)
{
    enum stream_status status = stream_handshake(&side->stream);

    if (status != STREAM_AGAIN)
        return status;
    if (stream_wants_write(&side->stream) && side->out == NULL && !outbox_keep(side, "", 0)) {
        errno = ENOMEM;
        return STREAM_ERROR;
    }
    if (side_read_on(side))
        return STREAM_AGAIN;
    errno = ENOMEM;
    return STREAM_ERROR;
}

static enum side_sent
transmit(struct side *side, const void *data, size_t bytes, bool more)
{
    struct stream_result result = {STREAM_AGAIN, 0};

    if (side->out == NULL)
        result = stream_write(&side->stream, data, bytes, more);
    if (result.status == STREAM_OK && result.n == bytes)
        return SIDE_SENT;
    if (result.status == STREAM_ERROR) {
        side->shut = true;
        return SIDE_FAILED;
    }
    if (outbox_keep(side, (const char *)data + result.n, bytes - result.n))
        return SIDE_KEPT;
    side_abandon(side);
    errno = ENOMEM;
    return SIDE_FAILED;
}

enum side_sent
side_send(struct side *side, const void *data, size_t bytes)
{
    return transmit(side, data, bytes, false);
}

enum side_sent
side_send_more(struct side *side, const void *data, size_t bytes)
{
    return transmit(side, data, bytes, true);
}

enum side_sent
side_flush(struct side *side)
{
    struct outbox *out = side->out;

    if (out == NULL)
        return SIDE_SENT;
    struct stream_result result =
        stream_write(&side->stream, out->data + out->sent, out->bytes - out->sent, false);
    if (result.status == STREAM_ERROR) {
        int error = errno;
        side_abandon(side);
        errno = error;
        return SIDE_FAILED;
    }
    out->sent += result.n;
    if (out->sent < out->bytes)
        return SIDE_KEPT;
    outbox_free(side);
    return SIDE_SENT;
}

void
side_abandon(struct side *side)
{
    outbox_free(side);
    side->shut = true;
}

void
side_shutdown(struct side *side)
{
    if (!side->shut && stream_shutdown(&side->stream) == STREAM_AGAIN && side->out == NULL &&
        outbox_keep(side, "", 0))
        return;
    side->shut = true;
}

void
side_close(struct side *side)
{
    if (!side_is_open(side))
        return;
    outbox_free(side);
    side_read_off(side);
    stream_close(&side->stream);
}
