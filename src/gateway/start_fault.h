/*
 * start_fault.h - why the gateway does not start.
 *
 * Whoever starts it by hand looks at the terminal, whoever looks for it later at the log:
 * it is said to both, and once where both are one.
 */
#ifndef WSGATE_START_FAULT_H
#define WSGATE_START_FAULT_H

#include "base/log.h"

/* One line in the error log, and "wsgate: EVENT: MESSAGE" on stderr unless the error log goes
 * there. Any thread. Always false, so that `return start_fault(..)` reads well. */
bool start_fault(struct log *log, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
