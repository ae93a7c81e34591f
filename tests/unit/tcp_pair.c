/* tcp_pair.c - see tcp_pair.h. */
#include "tcp_pair.h"
#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

void
tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(pair[0], (struct sockaddr *)&address, len), 0);
    pair[1] = accept(listener, NULL, NULL);
    ck_assert_int_ne(pair[1], -1);
    close(listener);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fcntl(pair[i], F_SETFL, O_NONBLOCK), 0);
        ck_assert_int_eq(setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    }
}
