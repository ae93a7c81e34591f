/* tool.c - see tool.h. */
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void
tool_die(const char *format, ...)
{
    int error = errno;
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
    exit(1);
}

void *
tool_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);

    if (!memory)
        tool_die("no memory for %zu bytes", bytes);
    return memory;
}

unsigned long
tool_number(const char *text, unsigned long max)
{
    char *end;

    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || number > max) {
        errno = 0;
        tool_die("%s: not a number from 0 to %lu", text, max);
    }
    return number;
}

struct sockaddr_in
tool_address(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');

    errno = 0;
    if (!colon || (size_t)(colon - text) >= sizeof(host))
        tool_die("%s: not an address like 127.0.0.1:8080", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        tool_die("%s: not an address on loopback", text);
    address.sin_port = htons((uint16_t)tool_number(colon + 1, 65535));
    return address;
}

static void
set_option(int fd, int level, int name)
{
    int on = 1;

    if (setsockopt(fd, level, name, &on, sizeof(on)) != 0)
        tool_die("setsockopt");
}

int
tool_listen(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        tool_die("socket");
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        tool_die("bind to port %u", ntohs(address->sin_port));
    if (listen(fd, 4096) != 0)
        tool_die("listen");
    return fd;
}

int
tool_connect(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
        errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

void
tool_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        tool_die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        tool_die("setrlimit");
}

static void
on_signal(int number)
{
    (void)number;
    _exit(0);
}

void
tool_exit_on_signals(void)
{
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
}

uint64_t
tool_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
