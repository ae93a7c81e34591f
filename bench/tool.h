/*
 * tool.h - what the programs of bench/ share: sockets on loopback, numbers
 * from the command line, the clock, and one way to give up.
 */
#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prints the message, and errno's text if errno is set; exits with 1. */
_Noreturn void tool_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *tool_alloc(size_t bytes); /* zeroed, or dies */
unsigned long tool_number(const char *text, unsigned long max);
struct sockaddr_in tool_address(const char *text); /* "127.0.0.1:8080"; loopback only */

/* Non-blocking, close-on-exec; TCP_NODELAY is set, and inherited by what is accepted. */
int tool_listen(const struct sockaddr_in *address);
/* Non-blocking: the connection may still be in progress. -1 with errno on failure. */
int tool_connect(const struct sockaddr_in *address);

void tool_raise_descriptor_limit(void);
void tool_exit_on_signals(void); /* TERM and INT end the program at once, with 0 */
uint64_t tool_now_ns(void);

#endif
