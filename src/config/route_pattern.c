/*
 * route_pattern.c - reads path and host patterns.
 *
 * It matches no request; that is the router's. What a path's one form is, target_parse
 * says, which judges requests too.
 *
 * Ownership: strings of the result are the caller's text or lie in the arena.
 */
#include "config/route_pattern.h"

#include "protocol/path.h"

struct str
route_take_segment(struct str *rest)
{
    struct str segment = {rest->at + 1, 0};

    while (segment.len + 1 < rest->len && segment.at[segment.len] != '/')
        segment.len++;
    rest->at += segment.len + 1;
    rest->len -= segment.len + 1;
    return segment;
}

static bool
has(struct str text, char c)
{
    return text.len > 0 && memchr(text.at, c, text.len) != NULL;
}

bool
route_is_capture(struct str segment)
{
    for (size_t i = 1; i + 1 < segment.len; i++) {
        char c = segment.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 1 || c < '0' || c > '9'))
            return false;
    }
    return segment.len > 2 && segment.at[0] == '{' && segment.at[segment.len - 1] == '}';
}

/* Is every segment a literal or a capture? Counts the captures. */
static bool
judge_segments(struct str path, size_t *captures, const char **error)
{
    *captures = 0;
    for (struct str rest = path; rest.len > 0;) {
        struct str segment = route_take_segment(&rest);

        if (!has(segment, '{') && !has(segment, '}'))
            continue;
        *error = "expected a capture to be a whole segment: {name}, of letters, digits and _";
        if (!route_is_capture(segment))
            return false;
        ++*captures;
    }
    *error = "expected at most 8 captures";
    return *captures <= ROUTE_CAPTURES_MAX;
}

/* The path with "x" for each capture must be what target_parse makes of it. */
static bool
judge_form(struct arena *arena, struct str path, const char **error)
{
    char *plain = arena_alloc(arena, path.len + 1), *out = arena_alloc(arena, path.len + 1);
    struct target target;
    size_t len = 0;

    *error = "out of memory";
    if (plain == NULL || out == NULL)
        return false;
    for (struct str rest = path; rest.len > 0;) {
        struct str segment = route_take_segment(&rest);

        if (route_is_capture(segment))
            segment = STR("x");
        plain[len++] = '/';
        memcpy(plain + len, segment.at, segment.len);
        len += segment.len;
    }
    if (!target_parse(&target, (struct str){plain, len}, out, error))
        return false;
    *error = "a path has no query: arguments are not looked at";
    if (target.query.at != NULL)
        return false;
    *error = "expected the path as requests are compared: letters, digits and -._~ without "
             "escapes, others with upper-case digits";
    return str_equal(target.path, (struct str){plain, len});
}

static bool
fill_pieces(struct route_settings *route, struct arena *arena, size_t captures, const char **error)
{
    struct path_piece *piece = arena_zalloc(arena, (captures + 1) * sizeof(*piece));
    struct str rest = route->path;
    const char *start = rest.at;

    *error = "out of memory";
    if (piece == NULL)
        return false;
    route->pieces = piece;
    route->piece_count = captures + 1;
    while (rest.len > 0) {
        struct str segment = route_take_segment(&rest);

        if (!route_is_capture(segment))
            continue;
        piece->literal = (struct str){start, (size_t)(segment.at - start)};
        piece->capture = (struct str){segment.at + 1, segment.len - 2};
        start = rest.at;
        for (struct path_piece *other = route->pieces; other < piece; other++)
            if (str_equal(other->capture, piece->capture)) {
                *error = "two captures of one name";
                return false;
            }
        piece++;
    }
    piece->literal = (struct str){start, (size_t)(rest.at - start)};
    return true;
}

bool
route_path_parse(struct route_settings *route, struct arena *arena, struct str text,
                 const char **error)
{
    bool below = text.len >= 2 && str_equal((struct str){text.at + text.len - 2, 2}, STR("/*"));
    size_t captures;

    *error = "expected a path that begins with /";
    if (text.len == 0 || text.at[0] != '/')
        return false;
    if (below)
        text.len--;
    *error = "a * stands for the whole rest, as in /chat/*, and nowhere else";
    if (has(text, '*'))
        return false;
    if (!judge_segments(text, &captures, error) || !judge_form(arena, text, error))
        return false;
    *error = "expected either captures or a * at the end, not both";
    if (below && captures > 0)
        return false;
    route->path = text;
    route->match = below ? PATH_BELOW : captures > 0 ? PATH_CAPTURES : PATH_EXACT;
    return captures == 0 || fill_pieces(route, arena, captures, error);
}

bool
route_host_parse(struct route_settings *route, struct arena *arena, struct str text,
                 const char **error)
{
    bool wildcard = str_starts_with(text, STR("*."));
    struct str name = wildcard ? (struct str){text.at + 2, text.len - 2} : text;
    char *out = arena_alloc(arena, HOST_OUT_BYTES(text.len));
    struct address address;
    struct host host;

    *error = "out of memory";
    if (out == NULL)
        return false;
    *error = "`*.` stands at the beginning alone, for one or more labels, as in \"*.example.com\"";
    if (has(name, '*'))
        return false;
    if (!host_parse(&host, name, false, out + 1, error))
        return false;
    *error = "expected a host without a port: every port is taken";
    if (name.at[name.len - 1] != ']' && has(name, ':'))
        return false;
    *error = "an address has no subdomains";
    if (wildcard && (host.name.at[0] == '[' || address_parse_ip(&address, host.name)))
        return false;
    route->host_wildcard = wildcard;
    route->host = host.name;
    if (wildcard) {
        memmove(out + 1, host.name.at, host.name.len);
        out[0] = '.';
        route->host = (struct str){out, host.name.len + 1};
    }
    return true;
}

bool
route_prefix_parse(struct route_settings *route, struct str text, const char **error)
{
    struct str path = route->path;

    *error = "expected a path that begins with /, without a / at its end";
    if (text.len < 2 || text.at[0] != '/' || text.at[text.len - 1] == '/')
        return false;
    *error = "expected no captures: it is taken off as it is";
    if (has(text, '{'))
        return false;
    *error = "expected whole segments from the front of `path`";
    if (!str_starts_with(path, text) || (path.len > text.len && path.at[text.len] != '/'))
        return false;
    route->strip_prefix = text;
    return true;
}
