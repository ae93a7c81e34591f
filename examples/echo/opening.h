/*
 * opening.h - the opening handshake of the echo server (RFC 6455 4.2).
 *
 * It reads the request out of one buffer and writes the answer into another;
 * it knows nothing of sockets. Of what HTTP allows it takes only what a
 * WebSocket client sends: GET, HTTP/1.1, one line per field.
 */
#ifndef ECHO_OPENING_H
#define ECHO_OPENING_H

#include <event2/buffer.h>

enum opening {
    OPENING_MORE,    /* the head is not all there yet; nothing was read or written */
    OPENING_DONE,    /* a 101 was written: frames follow */
    OPENING_REFUSED, /* 400, 426 or 431 was written: close once it has gone out */
};

/* number: which client this is; the head is printed behind it unless it is 0. */
enum opening opening_take(struct evbuffer *input, struct evbuffer *output, unsigned long number);

#endif
