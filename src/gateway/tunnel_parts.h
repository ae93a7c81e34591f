/*
 * tunnel_parts.h - what the parts of a tunnel need of each other; for tunnel*.c alone.
 *
 *   tunnel.c         bytes and ends      tunnel_frames.c  what of the bytes may go on
 *   tunnel_clock.c   deadlines           tunnel_close.c   Close frames, and ending it ourselves
 *                                        tunnel_heartbeat.c  pings of our own
 */
#ifndef WSGATE_TUNNEL_PARTS_H
#define WSGATE_TUNNEL_PARTS_H

#include "gateway/tunnel.h"

static inline int
tunnel_other(int side)
{
    return 1 - side;
}

/* What comes from `from` has nowhere to go. */
bool tunnel_is_dropping(const struct tunnel *tunnel, int from);
/* Reads `from` again, to pass on or to drop, unless it has to wait. */
enum reason tunnel_read_on(struct tunnel *tunnel, int from) MUST_CHECK;
/* NONE, or what the tunnel ended of, once both directions are over. */
enum reason tunnel_settle(const struct tunnel *tunnel);
/* Nothing more comes from `from`. */
enum reason tunnel_read_ended(struct tunnel *tunnel, int from, enum stream_status how,
                              uint64_t now_ms) MUST_CHECK;
/* Bytes to the other side of `from`. */
enum reason tunnel_pass_on(struct tunnel *tunnel, int from, const char *data, size_t bytes,
                           uint64_t now_ms) MUST_CHECK;
void tunnel_note_progress(struct tunnel *tunnel, int to, uint64_t now_ms);
/* Nothing more will come from `from`, and all of it has been written. */
bool tunnel_direction_over(const struct tunnel *tunnel, int from);

/* Copies what is held of `from` to `buffer`. How many bytes: new ones belong behind them. */
size_t tunnel_show_rest(const struct tunnel *tunnel, int from, char *buffer);
void tunnel_drop_rest(struct tunnel *tunnel, int from);
/* Judges `bytes` behind the first `head` of data, and passes the good ones on, with the head. */
enum reason tunnel_judge(struct tunnel *tunnel, int from, char *data, size_t bytes, size_t head,
                         uint64_t now_ms) MUST_CHECK;

/* For a frame of ours: NULL to the client, a mask to the backend. */
const uint8_t *tunnel_mask(int to);
/* What has gone on is paid for. Over a limit, reading stops, or the tunnel ends. */
enum reason tunnel_pay(struct tunnel *tunnel, int from, uint64_t messages, uint64_t bytes,
                       uint64_t now_ms) MUST_CHECK;

struct heartbeat *heartbeat_new(const struct tunnel_times *times, uint64_t random,
                                uint64_t now_ms) MUST_CHECK;
/* Where there is a heartbeat: something came from that side. */
void tunnel_heard(struct tunnel *tunnel, int from, uint64_t now_ms);
/* Is that whole pong the answer to a ping of ours? */
bool tunnel_is_our_pong(const struct tunnel *tunnel, int from, const char *frame);
/* Pings that are due, and answers that did not come. */
enum reason tunnel_beat(struct tunnel *tunnel, uint64_t now_ms) MUST_CHECK;
uint64_t tunnel_beat_due(const struct tunnel *tunnel);

/* We are closing, but a frame from `from` is still on its way. */
bool tunnel_is_finishing(const struct tunnel *tunnel, int from);
/* While closing: sends the Close, then FIN, if the time for it has come. */
void tunnel_say_goodbye(struct tunnel *tunnel, int to);
/* A Close of `from` has been passed on. */
enum reason tunnel_close_passed(struct tunnel *tunnel, int from, uint64_t now_ms) MUST_CHECK;
/* Nothing more is to be written to `to`. */
bool tunnel_writing_over(const struct tunnel *tunnel, int to);

#endif
