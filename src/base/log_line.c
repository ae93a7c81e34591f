/*
 * log_line.c - one JSON line, made on the caller's stack.
 *
 * It writes nowhere: log_end hands the finished line to log.c. No memory is
 * allocated and no locale or time zone is asked: gmtime_r would take a lock
 * that all workers share.
 *
 * The hard thing: a line that gets too long must stay JSON. Room for the end is kept
 * at all times; a field that does not fit is added to a wide copy, in which the
 * longest strings are cut, at a character's end, until everything fits.
 */
#include "base/clock.h"
#include "base/log_writer.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    LINE_ROOM = LOG_LINE_MAX - 2, /* "}\n" */
    UNIT_MAX = 6,                 /* "\u0000", the longest form of a character */
    CUT_MIN = 32,                 /* shorter strings are never cut: the time, the event */
};

/* Where a line grows. */
struct text {
    char *at;
    size_t len, room;
};

/* ---- Characters ---------------------------------------------------------- */

/* A bit for each byte that stands for itself: 0x20 to 0x7E without '"' and '\'. */
static bool
is_plain(unsigned char c)
{
    static const uint32_t plain[8] = {0, 0xfffffffb, 0xefffffff, 0x7fffffff};

    return plain[c >> 5] >> (c & 31) & 1;
}

static size_t
plain_length(struct str text)
{
    size_t len = 0;

    while (len < text.len && is_plain((unsigned char)text.at[len]))
        len++;
    return len;
}

static bool
continues(struct str text, size_t i)
{
    return i < text.len && ((unsigned char)text.at[i] & 0xc0) == 0x80;
}

/* Bytes of the UTF-8 character that text begins with (RFC 3629: no overlong forms, no
 * surrogates, at most U+10FFFF); 0: none. */
static size_t
utf8_length(struct str text)
{
    unsigned char first = (unsigned char)text.at[0];
    unsigned char second = text.len > 1 ? (unsigned char)text.at[1] : 0;

    if (first >= 0xc2 && first <= 0xdf && continues(text, 1))
        return 2;
    if (first >= 0xe0 && first <= 0xef && continues(text, 1) && continues(text, 2))
        return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
    if (first >= 0xf0 && first <= 0xf4 && continues(text, 1) && continues(text, 2) &&
        continues(text, 3))
        return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
    return 0;
}

static size_t
escape_control(char *unit, unsigned char code)
{
    static const char short_forms[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    static const char digits[] = "0123456789abcdef";

    unit[0] = '\\';
    if (code < sizeof(short_forms) && short_forms[code] != 0) {
        unit[1] = short_forms[code];
        return 2;
    }
    memcpy(unit + 1, "u00", 3);
    unit[4] = digits[code >> 4];
    unit[5] = digits[code & 15];
    return 6;
}

/* The JSON form of the first character of text, which is not plain. Controls of both
 * kinds (C0 with DEL, and C1) are escaped: a log is also read on terminals. */
static size_t
make_unit(char unit[UNIT_MAX], struct str text, size_t *used)
{
    unsigned char first = (unsigned char)text.at[0];

    *used = 1;
    if (first < 0x80)
        return escape_control(unit, first);
    size_t len = utf8_length(text);

    if (len == 0) {
        memcpy(unit, "\xef\xbf\xbd", 3);
        return 3;
    }
    *used = len;
    if (len == 2 && first == 0xc2 && (unsigned char)text.at[1] < 0xa0)
        return escape_control(unit, (unsigned char)text.at[1]);
    memcpy(unit, text.at, len);
    return len;
}

/* ---- Fields -------------------------------------------------------------- */

static bool
put_raw(struct text *out, const char *bytes, size_t len)
{
    if (len > out->room - out->len)
        return false;
    memcpy(out->at + out->len, bytes, len);
    out->len += len;
    return true;
}

/* Whole characters as long as there is room. false: not all of value. */
static bool
put_escaped(struct text *out, struct str value)
{
    while (value.len > 0) {
        size_t room = out->room - out->len, used = plain_length(value);

        if (used > 0) {
            bool fits = used <= room;

            if (!put_raw(out, value.at, fits ? used : room) || !fits)
                return false;
        } else {
            char unit[UNIT_MAX];
            size_t len = make_unit(unit, value, &used);

            if (!put_raw(out, unit, len))
                return false;
        }
        value.at += used;
        value.len -= used;
    }
    return true;
}

static bool
put_key(struct text *out, const char *key)
{
    return put_raw(out, ",\"", 2) && put_escaped(out, str_of(key)) && put_raw(out, "\":", 2);
}

/* false: out of room, and what `out` holds behind its old length is of no use. */
static bool
put_bare(struct text *out, const char *key, struct str value)
{
    return put_key(out, key) && put_raw(out, value.at, value.len);
}

static bool
put_string(struct text *out, const char *key, struct str value)
{
    return put_key(out, key) && put_raw(out, "\"", 1) && put_escaped(out, value) &&
           put_raw(out, "\"", 1);
}

/* ---- Lines that get too long ----------------------------------------------- */

/* Bytes of one character in text that is JSON already. */
static size_t
unit_length(const char *at)
{
    unsigned char first = (unsigned char)at[0];

    if (first == '\\')
        return at[1] == 'u' ? 6 : 2;
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* at: behind an opening quote. Returns the place of the closing one. */
static size_t
string_end(const struct text *text, size_t at)
{
    while (text->at[at] != '"')
        at += unit_length(text->at + at);
    return at;
}

/* The longest string value, without its quotes. text is an object of ours without its end. */
static struct str
longest_string(const struct text *text)
{
    struct str longest = {text->at, 0};

    for (size_t at = 1; at < text->len; at++) { /* at: a key's opening quote */
        at = string_end(text, at + 1) + 2;      /* behind the colon */
        if (text->at[at] == '"') {
            size_t end = string_end(text, at + 1);

            if (end - at - 1 > longest.len)
                longest = (struct str){text->at + at + 1, end - at - 1};
            at = end;
        }
        while (at < text->len && text->at[at] != ',')
            at++;
    }
    return longest;
}

/* Takes at least `excess` bytes from the end of a string, or its second half. */
static void
cut_string(struct text *text, struct str string, size_t excess)
{
    size_t wanted = excess < string.len / 2 ? string.len - excess : string.len / 2, kept = 0;

    while (kept + unit_length(string.at + kept) <= wanted)
        kept += unit_length(string.at + kept);
    size_t from = (size_t)(string.at - text->at) + string.len;
    size_t to = from - string.len + kept;

    memmove(text->at + to, text->at + from, text->len - from);
    text->len -= from - to;
}

static bool
cut_to(struct text *text, size_t room)
{
    while (text->len > room) {
        struct str string = longest_string(text);

        if (string.len < CUT_MIN)
            return false;
        cut_string(text, string, text->len - room);
    }
    return true;
}

/* A field for which there is no room as it is. One that still has none is left out. */
static void
add_to_full_line(struct log_line *line, const char *key, struct str value, bool quoted)
{
    char wide[2 * LOG_LINE_MAX];
    struct text text = {wide, line->len, sizeof(wide) - 1};

    memcpy(wide, line->text, line->len);
    if (quoted) {
        if (!put_key(&text, key) || !put_raw(&text, "\"", 1))
            return;
        if (!put_escaped(&text, value))
            text.room = text.len; /* cut already; what follows it is the quote alone */
        text.room = sizeof(wide);
        wide[text.len++] = '"';
    } else if (!put_bare(&text, key, value)) {
        return;
    }
    if (!cut_to(&text, LINE_ROOM))
        return;
    memcpy(line->text, wide, text.len);
    line->len = text.len;
}

static void
add(struct log_line *line, const char *key, struct str value, bool quoted)
{
    struct text text = {line->text, line->len, LINE_ROOM};

    if (quoted ? put_string(&text, key, value) : put_bare(&text, key, value))
        line->len = text.len;
    else
        add_to_full_line(line, key, value, quoted);
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
put_digits(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
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
    put_digits(at, year, 4);
    put_digits(at + 5, month + 1, 2);
    put_digits(at + 8, day - starts[leap][month] + 1, 2);
}

static void
put_time(char *at, int64_t wall_ms)
{
    int64_t seconds = wall_ms / 1000;

    put_date(at, seconds / 86400);
    put_digits(at + 11, seconds / 3600 % 24, 2);
    put_digits(at + 14, seconds / 60 % 60, 2);
    put_digits(at + 17, seconds % 60, 2);
    put_digits(at + 20, wall_ms % 1000, 3);
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
    put_time(line->text + 9, clock_wall_ms());
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

void
log_bool(struct log_line *line, const char *key, bool value)
{
    if (line->log != NULL)
        add(line, key, value ? STR("true") : STR("false"), false);
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
