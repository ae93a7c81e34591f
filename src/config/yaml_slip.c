/*
 * yaml_slip.c - looks at the line on which libyaml gave up.
 *
 * It parses no YAML: it looks for the few things that people write and YAML takes for
 * something else. Where none is seen, nothing is said.
 *
 * The hard thing: an IPv6 address begins with a colon or stands in brackets, and either way YAML
 * stops somewhere within it. So the address is looked for on both sides of that place.
 */
#include "config/yaml_slip.h"

#include "base/address.h"

#include <stdio.h>

/* The line on which libyaml stopped, and where in it. */
struct place {
    struct str line;
    size_t at; /* line.len: behind its end */
};

static struct str
take_line(struct str *text)
{
    const char *end = text->len > 0 ? memchr(text->at, '\n', text->len) : NULL;
    struct str line = {text->at, end ? (size_t)(end - text->at) : text->len};
    size_t taken = line.len + (end != NULL);

    *text = (struct str){text->at + taken, text->len - taken};
    return line;
}

/* *above: the last line before it that is not blank. Columns count characters, not bytes. */
static struct place
find_place(struct str text, struct mark mark, struct str *above)
{
    struct place place = {STR(""), 0};

    *above = STR("");
    for (unsigned i = 1; i < mark.line; i++) {
        struct str line = take_line(&text);

        if (str_trim(line).len > 0)
            *above = line;
    }
    place.line = take_line(&text);
    for (unsigned column = 1; place.at < place.line.len; place.at++) {
        bool begins = ((unsigned char)place.line.at[place.at] & 0xc0) != 0x80;

        if (begins && column++ == mark.column)
            break;
    }
    return place;
}

/* '\0': there is none. */
static char
char_at(const struct place *place, size_t at)
{
    return at < place->line.len ? place->line.at[at] : '\0';
}

/* Could a value begin behind that character? */
static bool
is_before_value(char c)
{
    return c == '\0' || strchr(" \t,[{", c) != NULL;
}

/* ---- Slips ----------------------------------------------------------------------- */

static bool
is_tab(const struct place *place)
{
    return char_at(place, place->at) == '\t' &&
           str_trim((struct str){place->line.at, place->at}).len == 0;
}

/* The character there if it begins a value that can be no plain text; else '\0'. */
static char
starter_at(const struct place *place, size_t at)
{
    char c = char_at(place, at);
    bool first = is_before_value(at > 0 ? char_at(place, at - 1) : '\0');

    return c != '\0' && first && strchr("*@`%|>", c) != NULL ? c : '\0';
}

/* Of some of them libyaml names the place behind. */
static char
find_starter(const struct place *place)
{
    char c = starter_at(place, place->at);

    return c == '\0' && place->at > 0 ? starter_at(place, place->at - 1) : c;
}

static bool
is_brace_in_text(const struct place *place)
{
    return char_at(place, place->at) == '{' && place->at > 0 &&
           !is_before_value(char_at(place, place->at - 1));
}

static bool
is_of_address(char c)
{
    return c != '\0' && strchr("0123456789abcdefABCDEF:./[]", c) != NULL;
}

/* "[address]:port" at the end of `run`. */
static bool
take_with_port(struct str run, struct str *found)
{
    struct address address;
    const char *open = run.len > 0 ? memrchr(run.at, '[', run.len) : NULL, *error;

    if (open == NULL)
        return false;
    *found = (struct str){open, run.len - (size_t)(open - run.at)};
    while (found->len > 0 && found->at[found->len - 1] == ']')
        found->len--;
    return address_parse(&address, *found, &error);
}

/* An address, perhaps with the length of a prefix, without the brackets around it. */
static bool
take_bare(struct str run, struct str *found)
{
    struct address address;

    while (run.len > 0 && run.at[0] == '[')
        run.at++, run.len--;
    while (run.len > 0 && run.at[run.len - 1] == ']')
        run.len--;
    *found = run;
    const char *slash = run.len > 0 ? memchr(run.at, '/', run.len) : NULL;

    if (slash != NULL)
        run.len = (size_t)(slash - run.at);
    return run.len > 0 && memchr(run.at, ':', run.len) != NULL && address_parse_ip(&address, run);
}

/* What could be an address around the place. */
static struct str
run_around(const struct place *place)
{
    size_t start = place->at, end = place->at;

    while (start > 0 && is_of_address(char_at(place, start - 1)))
        start--;
    while (is_of_address(char_at(place, end)))
        end++;
    return (struct str){place->line.at + start, end - start};
}

static bool
find_address(const struct place *place, struct str *found)
{
    struct str run = run_around(place);

    return take_with_port(run, found) || take_bare(run, found);
}

/* "[address:port" at the end of what the line has in brackets, which are not closed. */
static bool
find_unclosed(struct str line, struct str *ip, struct str *port)
{
    const char *open = line.len > 0 ? memrchr(line.at, '[', line.len) : NULL;
    struct address address;
    size_t len = 0;

    if (open == NULL)
        return false;
    struct str run = {open + 1, line.len - (size_t)(open + 1 - line.at)};
    while (len < run.len && is_of_address(run.at[len]))
        len++;
    const char *colon = len > 0 ? memrchr(run.at, ':', len) : NULL;
    if (colon == NULL || memchr(run.at, ']', len) != NULL)
        return false;
    *ip = (struct str){run.at, (size_t)(colon - run.at)};
    *port = (struct str){colon + 1, len - ip->len - 1};
    for (size_t i = 0; i < port->len; i++)
        if (port->at[i] < '0' || port->at[i] > '9')
            return false;
    return port->len > 0 && memchr(ip->at, ':', ip->len) != NULL && address_parse_ip(&address, *ip);
}

/* "word:value", maybe behind the "- " of a list; no URL. */
static bool
is_glued(struct str line)
{
    size_t start = 0;

    while (start < line.len && (line.at[start] == ' ' || line.at[start] == '-'))
        start++;
    size_t at = start;

    while (at < line.len && (line.at[at] == '_' || (line.at[at] >= 'a' && line.at[at] <= 'z')))
        at++;
    return at > start && at + 1 < line.len && line.at[at] == ':' &&
           strchr(" \t\r/", line.at[at + 1]) == NULL;
}

/* What libyaml says where the line above was no pair, so that it became a text that goes on. */
static bool
is_about_line_above(const char *problem)
{
    return strstr(problem, "expected ':'") != NULL || strstr(problem, "mapping values") != NULL;
}

void
yaml_slip(struct str text, struct mark mark, const char *problem, char hint[YAML_SLIP_MAX])
{
    struct str above, address, ip, port;
    struct place place = find_place(text, mark, &above);
    char starter;

    hint[0] = '\0';
    if (strstr(problem, "unknown escape character") != NULL)
        snprintf(hint, YAML_SLIP_MAX, "; use single quotes, or write \\\\ for \\");
    else if (is_tab(&place))
        snprintf(hint, YAML_SLIP_MAX, "; indent with blanks, not with a tab");
    else if (find_unclosed(place.line, &ip, &port) || find_unclosed(above, &ip, &port))
        snprintf(hint, YAML_SLIP_MAX, "; close the bracket, and quote it: \"[" STR_FMT "]:" STR_FMT
                 "\"", STR_ARG(ip), STR_ARG(port));
    else if (find_address(&place, &address))
        snprintf(hint, YAML_SLIP_MAX, "; quote it: \"" STR_FMT "\"", STR_ARG(address));
    else if ((starter = find_starter(&place)) != '\0')
        snprintf(hint, YAML_SLIP_MAX, "; a text that begins with %c needs quotes", starter);
    else if (is_brace_in_text(&place))
        snprintf(hint, YAML_SLIP_MAX, "; a text with { needs quotes within brackets and braces");
    else if (is_about_line_above(problem) && is_glued(above))
        snprintf(hint, YAML_SLIP_MAX, "; a colon needs a blank behind it: see the line above");
}
