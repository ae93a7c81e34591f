/* start_fault.c - see start_fault.h. */
#include "gateway/start_fault.h"

#include <stdarg.h>
#include <stdio.h>

bool
start_fault(struct log *log, const char *event, const char *format, ...)
{
    char text[512]; /* the longest part is the path of a socket, 107 bytes */
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_message(log, LOG_LEVEL_ERROR, event, "%s", text);
    if (!log_is_stderr(log))
        fprintf(stderr, "wsgate: %s: %s\n", event, text);
    return false;
}
