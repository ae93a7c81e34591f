/*
 * bulk.h - a direction that flows on and on is spliced: its bytes are not copied.
 *
 * Where both sides are plain, no rates hold, and a direction has filled half the buffer some times
 * in a row, headers are looked at in the socket (MSG_PEEK), judged, and go with the payload behind
 * them through the worker's pipe. All else (small frames, control frames, faults, ends, text that
 * is judged) goes the usual way, which stays the only one that says no. A wake-up moves a bounded
 * number of bytes; what the other side would not take is kept in its outbox, as ever: two pieces at
 * most.
 */
#ifndef WSGATE_BULK_H
#define WSGATE_BULK_H

#include "gateway/tunnel.h"
#include "net/splice_pipe.h"

/* A frame of 64 KiB with its header passes as one piece. */
enum { BULK_PIECE_MAX = 64 * 1024 + FRAME_HEAD_MAX, BULK_HELD_MAX = 2 * BULK_PIECE_MAX };

/* What a worker has for it. */
struct bulk_means {
    struct splice_pipe *pipe;
    char *buffer; /* also that of tunnel_readable */
    size_t bytes;
    uint64_t now_ms;
};

/* Is it a flow to be spliced? Some comparisons. */
bool bulk_is_wanted(const struct tunnel *tunnel, int from);
/* Instead of tunnel_readable; or as it, where there is nothing to splice. */
enum reason bulk_readable(struct tunnel *tunnel, int from,
                          const struct bulk_means *means) MUST_CHECK;

#endif
