/*
 * inbox.h - bytes that arrive, in one piece, and the head that begins with them.
 *
 * Memory is the arena's, and plain: what was received is wiped by inbox_wipe. A head begins in a
 * small piece; a larger one, up to the head's limit, is taken only by whoever needs it.
 */
#ifndef WSGATE_INBOX_H
#define WSGATE_INBOX_H

#include "base/arena.h"
#include "protocol/http_head.h"

enum { INBOX_FIRST_BYTES = 2048 }; /* a browser's handshake is 400 to 1,200 bytes */

/* Never more than cap. */
struct inbox {
    char *at;
    size_t len, cap;
};

/* An empty inbox and a head that is parsed from it. false: no memory. */
bool inbox_begin(struct inbox *in, struct http_head *head, struct arena *arena,
                 const struct http_limits *limits) MUST_CHECK;
/* After HTTP_MORE: room for at least one byte more, where the head must be parsed anew if the bytes
 * had to move. false: no memory. */
bool inbox_go_on(struct inbox *in, struct http_head *head, struct arena *arena) MUST_CHECK;
/* Moves what is there into a larger piece of the arena. false: cap is not larger, or no memory. */
bool inbox_grow(struct inbox *in, struct arena *arena, size_t cap) MUST_CHECK;
/* Forgets the first `bytes` bytes; what follows moves to the front. */
void inbox_drop(struct inbox *in, size_t bytes);
/* Due before the arena goes. Harmless on one that never began. */
void inbox_wipe(struct inbox *in);

#endif
