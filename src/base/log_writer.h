/* log_writer.h - between log_line.c, which makes lines, and log.c, which writes them. */
#ifndef WSGATE_LOG_WRITER_H
#define WSGATE_LOG_WRITER_H

#include "base/log.h"

/* Would a line of this level be written? The level is the error target's; access lines always
 * are. */
bool log_takes(const struct log *log, enum log_target target, enum log_level level) MUST_CHECK;
/* A whole line with its newline, at most LOG_LINE_MAX bytes. Never waits for a target. */
void log_submit(struct log *log, enum log_target target, enum log_level level, struct str text);
/* The digits of "0000-00-00T00:00:00.000Z", which stands there already. Years 1970 to 9999. */
void log_line_put_time(char *at, int64_t wall_ms);
/* Ends the line with "}\n". */
struct str log_line_finish(struct log_line *line);

#endif
