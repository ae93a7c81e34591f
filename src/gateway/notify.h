/* notify.h - a word to the service manager, where there is one (sd_notify(3)'s protocol). */
#ifndef WSGATE_NOTIFY_H
#define WSGATE_NOTIFY_H

/* Sends `state` ("READY=1") to the socket that NOTIFY_SOCKET names. Without it, nothing. Lost where
 * nobody reads there for a second. */
void notify_send(const char *state);

#endif
