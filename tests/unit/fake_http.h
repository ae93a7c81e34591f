/*
 * fake_http.h - an HTTP client and its timers in a test's hands: calls wait until the test answers
 * them, timers until it says that they are due.
 *
 * While it is armed the linker's --wrap brings the calls of net/http_client.h and net/timer.h here;
 * else they go to the real ones.
 */
#ifndef WSGATE_FAKE_HTTP_H
#define WSGATE_FAKE_HTTP_H

#include "net/http_client.h"

void fake_http_arm(void);
/* Nothing may be under way. */
void fake_http_disarm(void);
/* Calls under way, and how many were ever started since it was armed. */
int fake_http_waiting(void);
int fake_http_started(void);
/* Of the i-th that waits, the oldest first. */
const char *fake_http_url(int i);
const char *fake_http_body(int i);
/* Ends the i-th. body == NULL: it was not answered; status is then an http_outcome. */
void fake_http_end(int i, unsigned status, const char *body);
/* The same with header fields: name and value in turn, NULL at the end. */
void fake_http_end_with(int i, unsigned status, const char *body, const char *const *fields);
/* Ends it behind a whole head with that status and these fields, but before the end of its body. */
void fake_http_break(int i, enum http_outcome outcome, unsigned head_status,
                     const char *const *fields);
/* The i-th call's own fields, one a line. */
const char *fake_http_fields(int i);
/* Of the timers that are set, the one that was set last is due. Returns the milliseconds that it
 * was set to; 0: none is set. */
uint64_t fake_timer_fire(void);

#endif
