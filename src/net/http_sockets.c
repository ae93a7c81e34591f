/* http_sockets.c - see http_sockets.h. */
#include "net/http_sockets.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

void
http_sockets_add(struct http_sockets *sockets, int fd)
{
    if (sockets->count == HTTP_SOCKETS_MAX)
        return;
    sockets->at[sockets->count].fd = fd;
    sockets->at[sockets->count++].port = 0;
}

int
http_sockets_close(struct http_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->at[i].fd == fd) {
            sockets->at[i] = sockets->at[--sockets->count];
            break;
        }
    return close(fd);
}

static int
local_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(name);

    if (getsockname(fd, &name.any, &len) != 0)
        return 0;
    if (name.any.sa_family == AF_INET)
        return ntohs(name.v4.sin_port);
    return name.any.sa_family == AF_INET6 ? ntohs(name.v6.sin6_port) : 0;
}

bool
http_sockets_have_bytes(struct http_sockets *sockets, int port)
{
    char byte;

    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->at[i].port == 0)
            sockets->at[i].port = local_port(sockets->at[i].fd);
        if (sockets->at[i].port == port &&
            recv(sockets->at[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
            return true;
    }
    return false;
}
