/*
 * splice_pipe.h - a pipe through which bytes go from socket to socket and are copied by nobody
 * (splice(2)).
 *
 * One for a worker, opened with it, so that its descriptors are counted from the start. It is empty
 * between two callbacks: what a socket would not take is read out of it again, so no tunnel ever
 * owns one and a tunnel's end finds nothing in it.
 */
#ifndef WSGATE_SPLICE_PIPE_H
#define WSGATE_SPLICE_PIPE_H

#include "net/stream.h"

#include <stdint.h>

enum {
    SPLICE_PIPE_BYTES = 256 * 1024, /* what it is asked for; it may get less */
    SPLICE_PIPE_RETRY_MS = 10 * 1000,
};

struct splice_pipe {
    int in, out;       /* -1: not open */
    bool useless;      /* the kernel cannot */
    uint64_t retry_ms; /* after that, or where none could be opened: not before this */
};

#define SPLICE_PIPE_CLOSED ((struct splice_pipe){.in = -1, .out = -1})

/* Open, or opened now. It may be closed and opened anew where it is empty, as it is between two
 * callbacks. false: there is none, for want of descriptors or memory, for some time. */
bool splice_pipe_ready(struct splice_pipe *pipe, uint64_t now_ms) MUST_CHECK;
/* Up to `bytes` that have arrived at a plain stream. AGAIN: none have, or the pipe is full, or the
 * kernel cannot: then it will not be ready for some time. END and ERROR: as of a read. */
struct stream_result splice_pipe_fill(struct splice_pipe *pipe, struct stream *from,
                                      size_t bytes) MUST_CHECK;
/* Up to `bytes`, which are in it, to a plain stream. AGAIN: it takes none, or is broken; a write
 * tells more. */
struct stream_result splice_pipe_drain(struct splice_pipe *pipe, struct stream *to,
                                       size_t bytes) MUST_CHECK;
/* Takes out what is left, up to `bytes`. 0: there is nothing. */
size_t splice_pipe_read(struct splice_pipe *pipe, char *buffer, size_t bytes) MUST_CHECK;
/* Idempotent. */
void splice_pipe_close(struct splice_pipe *pipe);

#endif
