/*
 * log_line.c - one JSON line, made on the caller's stack.
 *
 * It writes nowhere: log_end hands the finished line to log.c. No memory is
 * allocated and no locale or time zone is asked: gmtime_r would take a lock
 * that all workers share.
 *
 * The hard thing: a line that gets too long must stay JSON. Room for its end is kept at
 * all times; a field that does not fit is added to a wide copy, in which the
 * longest strings are then cut until everything fits.
 */
#include "base/clock.h"
#include "base/json_text.h"
#include "base/log_writer.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_ROOM = LOG_LINE_MAX - 2 }; /* "}\n" goes behind */

/* A field for which there is no room as it is. One that still has none is left out. */
static void
add_to_full_line(struct log_line *line, const char *key, struct str value, bool quoted)
{
    char wide[2 * LOG_LINE_MAX];
    struct json_text text = {wide, line->len, sizeof(wide)};

    memcpy(wide, line->text, line->len);
    bool added = quoted ? json_text_string_start(&text, key, value)
                        : json_text_bare(&text, key, value);

    if (!added || !json_text_cut(&text, LINE_ROOM))
        return;
    memcpy(line->text, wide, text.len);
    line->len = text.len;
}

/* Apart, so that the usual case needs no stack of its own. */
static __attribute__((noinline)) void
add_any(struct log_line *line, const char *key, struct str value, bool quoted)
{
    struct json_text text = {line->text, line->len, LINE_ROOM};

    if (quoted ? json_text_string(&text, key, value) : json_text_bare(&text, key, value))
        line->len = text.len;
    else
        add_to_full_line(line, key, value, quoted);
}

static void
add(struct log_line *line, const char *key, struct str value, bool quoted)
{
    size_t added = json_text_plain(line->text + line->len, LINE_ROOM - line->len, key, value,
                                   quoted);

    line->len += added;
    if (added == 0)
        add_any(line, key, value, quoted);
}

/* ---- Time ---------------------------------------------------------------- */

/* Days from 0001-01-01 to the first of January of `year`. */
static int64_t
days_before_year(int64_t year)
{
    int64_t past = year - 1;

    return past * 365 + past / 4 - past / 100 + past / 400;
}

static void
put_two(char *at, unsigned value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

static void
put_date(char *at, int64_t days_since_1970)
{
    static const int16_t starts[2][13] = {
        {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
        {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
    };
    int64_t days = days_since_1970 + 719162; /* days_before_year(1970) */
    int64_t year = 1970 + days_since_1970 * 400 / 146097;

    if (days_before_year(year + 1) <= days)
        year++;
    else if (days_before_year(year) > days)
        year--;
    int day = (int)(days - days_before_year(year));
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int month = day / 32; /* this one or the next */

    month += day >= starts[leap][month + 1];
    put_two(at, (unsigned)year / 100);
    put_two(at + 2, (unsigned)year % 100);
    put_two(at + 5, (unsigned)month + 1);
    put_two(at + 8, (unsigned)(day - starts[leap][month]) + 1);
}

void
log_line_put_time(char *at, int64_t wall_ms)
{
    int64_t seconds = wall_ms / 1000;
    unsigned of_day = (unsigned)(seconds % 86400), ms = (unsigned)(wall_ms % 1000);

    put_date(at, seconds / 86400);
    put_two(at + 11, of_day / 3600);
    put_two(at + 14, of_day / 60 % 60);
    put_two(at + 17, of_day % 60);
    at[20] = (char)('0' + ms / 100);
    put_two(at + 21, ms % 100);
}

/* ---- The interface --------------------------------------------------------- */

void
log_begin(struct log_line *line, struct log *log, enum log_target target, enum log_level level,
          const char *event)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    static const char start[] = "{\"time\":\"0000-00-00T00:00:00.000Z\"";

    line->log = log != NULL && log_takes(log, target, level) ? log : NULL;
    line->target = target;
    line->level = level;
    line->len = sizeof(start) - 1;
    if (line->log == NULL)
        return;
    memcpy(line->text, start, sizeof(start) - 1);
    log_line_put_time(line->text + 9, clock_wall_ms());
    add(line, "level", str_of(words[level]), true);
    add(line, "event", str_of(event), true);
}

void
log_str(struct log_line *line, const char *key, struct str value)
{
    if (line->log != NULL && value.at != NULL)
        add(line, key, value, true);
}

void
log_text(struct log_line *line, const char *key, const char *value)
{
    log_str(line, key, str_of(value));
}

static PRINTF_LIKE(3, 0) void
format_list(struct log_line *line, const char *key, const char *format, va_list arguments)
{
    char text[LOG_LINE_MAX];
    int len = vsnprintf(text, sizeof(text), format, arguments);

    if (len >= 0)
        log_str(line, key,
                (struct str){text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1});
}

void
log_format(struct log_line *line, const char *key, const char *format, ...)
{
    va_list arguments;

    if (line->log == NULL)
        return;
    va_start(arguments, format);
    format_list(line, key, format, arguments);
    va_end(arguments);
}

void
log_int(struct log_line *line, const char *key, int64_t value)
{
    char digits[20]; /* -9223372036854775808 */
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    if (line->log == NULL)
        return;
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        digits[--at] = '-';
    add(line, key, (struct str){digits + at, sizeof(digits) - at}, false);
}

struct str
log_line_finish(struct log_line *line)
{
    memcpy(line->text + line->len, "}\n", 2);
    line->len += 2;
    return (struct str){line->text, line->len};
}

void
log_end(struct log_line *line)
{
    if (line->log == NULL)
        return;
    log_submit(line->log, line->target, line->level, log_line_finish(line));
    line->log = NULL;
}

void
log_message(struct log *log, enum log_level level, const char *event, const char *format, ...)
{
    struct log_line line;
    va_list arguments;

    log_begin(&line, log, LOG_ERROR, level, event);
    if (line.log == NULL)
        return;
    va_start(arguments, format);
    format_list(&line, "message", format, arguments);
    va_end(arguments);
    log_end(&line);
}
