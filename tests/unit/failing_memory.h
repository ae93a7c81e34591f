/*
 * failing_memory.h - memory that runs out when a test says so.
 *
 * Counts what our own code, OpenSSL and jansson allocate, and lets one of these
 * fail. Unarmed it only passes on to malloc.
 */
#ifndef WSGATE_FAILING_MEMORY_H
#define WSGATE_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th allocation (from 1) of this process fails, once. */
void failing_memory_arm(size_t n);
/* None fails any more. Did one? */
bool failing_memory_disarm(void);
/* With WSGATE_FEW set not every allocation fails in its turn, but the first ones and a sample. */
bool failing_memory_is_sampled(void);
/* The n that comes after this one. */
size_t failing_memory_next(size_t n);

#endif
