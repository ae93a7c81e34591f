/*
 * tunnel_rig.h - two sides over real sockets, and whoever sits at their other ends. The loop is
 * turned by hand; the clock stands at 1000 ms.
 */
#ifndef WSGATE_TUNNEL_RIG_H
#define WSGATE_TUNNEL_RIG_H

#include "gateway/tunnel.h"
#include "net/splice_pipe.h"

enum { RIG_BUFFER = 65536 };

extern struct event_base *base;
extern struct tunnel tunnel;
extern struct tunnel_rules rules; /* zeroed by rig_setup: frames are not followed */
extern int peers[2];              /* the client's and the backend's end; -1: it has left */
extern enum reason over;          /* NONE: the tunnel goes on */

extern bool rig_bulk; /* as a worker has it: what flows is spliced */
extern struct splice_pipe rig_pipe;
/* Sockets of the Unix kind: quicker, but they know no reset. */
extern bool rig_local;
void rig_setup(void);
void rig_teardown(void);
/* Lets happen what is under way. */
void turn(void);
void leave(int peer, bool reset);
/* Exactly that text has come, or the end. */
void expect(int peer, const char *text);
void expect_end(int peer);
/* Once the tunnel is over, its owner closes it. */
void close_if_over(void);

#endif
