/* loop.h - an event loop as all of ours are made. */
#ifndef WSGATE_LOOP_H
#define WSGATE_LOOP_H

#include "base/compiler.h"

struct event_base;

/*
 * Without locks, for others reach a loop by its mailbox alone, and deaf to the environment, which
 * must not choose how it polls. NULL: no memory. Freed by event_base_free.
 */
struct event_base *loop_new(void) MUST_CHECK;

#endif
