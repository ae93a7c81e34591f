/* tcp_pair.h - two sockets that are connected over loopback, both without blocking and with
 * TCP_NODELAY. */
#ifndef WSGATE_TESTS_TCP_PAIR_H
#define WSGATE_TESTS_TCP_PAIR_H

/* pair[0] has connected, pair[1] was accepted. The caller closes both. A failure ends the test. */
void tcp_pair(int pair[2]);

#endif
