/* explain_options.c - see explain_options.h. */
#include "wsgatectl/explain_options.h"

#include "wsgatectl/request_fields.h"

#include <stdio.h>
#include <stdlib.h>

static char title[] = "wsgatectl explain";
static const struct option_table table;

/* The nonce of RFC 6455 1.3: which one it is decides nothing. */
#define MADE_UP_KEY "dGhlIHNhbXBsZSBub25jZQ=="

/* ---- One function per option ---------------------------------------------------- */

static bool
is_one_line(const char *word, const char *value)
{
    if (strpbrk(value, "\r\n") == NULL)
        return true;
    return option_table_wrong(&table, "--%s: a line end cannot be part of it", word);
}

static bool
add(const char *word, const char **list, size_t *count, const char *value)
{
    if (!is_one_line(word, value))
        return false;
    if (*count == EXPLAIN_FIELDS_MAX)
        return option_table_wrong(&table, "--%s: %d at most", word, EXPLAIN_FIELDS_MAX);
    list[(*count)++] = value;
    return true;
}

static bool
take_config(void *to, const char *value)
{
    ((struct explain_options *)to)->file = value;
    return true;
}

static bool
take_listener(void *to, const char *value)
{
    ((struct explain_options *)to)->listener = value;
    return true;
}

static bool
take_from(void *to, const char *value)
{
    struct explain_options *options = to;
    const char *error;

    options->has_from = true;
    if (strcmp(value, "unix") == 0) {
        options->from = (struct address){.any.sa_family = AF_UNIX, .len = sizeof(sa_family_t)};
        return true;
    }
    if (!address_parse_ip(&options->from, str_of(value)) &&
        !address_parse(&options->from, str_of(value), &error))
        return option_table_wrong(&table, "--from: expected an IP address or unix, got \"%s\"",
                                  value);
    address_normalize(&options->from);
    return true;
}

static bool
take_method(void *to, const char *value)
{
    ((struct explain_options *)to)->method = value;
    return is_one_line("method", value);
}

static bool
take_host(void *to, const char *value)
{
    ((struct explain_options *)to)->host = value;
    return is_one_line("host", value);
}

static bool
take_origin(void *to, const char *value)
{
    ((struct explain_options *)to)->origin = value;
    return is_one_line("origin", value);
}

static bool
take_token(void *to, const char *value)
{
    return token_option_take(&((struct explain_options *)to)->token, &table, value);
}

static bool
take_token_file(void *to, const char *path)
{
    return token_option_take_file(&((struct explain_options *)to)->token, &table, path);
}

static bool
take_subprotocol(void *to, const char *value)
{
    struct explain_options *options = to;

    return add("subprotocol", options->protocols, &options->protocol_count, value);
}

static bool
take_header(void *to, const char *value)
{
    struct explain_options *options = to;

    return add("header", options->fields, &options->field_count, value);
}

static bool
take_raw(void *to, const char *value)
{
    (void)value;
    ((struct explain_options *)to)->raw = true;
    return true;
}

static bool
take_json(void *to, const char *value)
{
    (void)value;
    ((struct explain_options *)to)->json = true;
    return true;
}

static const struct option_row rows[] = {
    {'c', "config", required_argument, "FILE", take_config,
     "the configuration; default: " SYSCONFDIR "/wsgate/wsgate.yaml"},
    {0, "listener", required_argument, "NAME", take_listener,
     "name or address of the listener that it comes to; default: the first"},
    {0, "from", required_argument, "ADDRESS", take_from,
     "the client's or a trusted proxy's address, or unix; default: loopback"},
    {0, "method", required_argument, "METHOD", take_method, "default: GET"},
    {0, "host", required_argument, "HOST", take_host, "Host; default: the URL's, or localhost"},
    {0, "origin", required_argument, "ORIGIN", take_origin, "Origin, as a browser sends it"},
    {0, "token", required_argument, "TOKEN", take_token, TOKEN_OPTION_HELP},
    {0, "token-file", required_argument, "FILE", take_token_file, TOKEN_FILE_OPTION_HELP},
    {0, "subprotocol", required_argument, "NAME", take_subprotocol,
     "offer a subprotocol; may be repeated", true},
    {0, "header", required_argument, "'NAME: VALUE'", take_header,
     "a further header, or one in place of what is made up; may be repeated", true},
    {0, "raw", no_argument, NULL, take_raw,
     "make nothing up: no Host, Upgrade, Connection, Sec-WebSocket-..."},
    {0, "json", no_argument, NULL, take_json, "one JSON object instead of lines"},
};

static const struct option_table table = {
    .title = title,
    .opening = "usage: wsgatectl explain [OPTION]... TARGET\n"
               "Makes up an opening handshake and says what wsgate would do with it and why, "
               "without a\nrunning gateway.\n"
               "TARGET is a path with its query, /chat?room=1, or a URL: "
               "ws://HOST[:PORT][/PATH][?QUERY].\n\n",
    .rows = rows,
    .count = COUNT_OF(rows),
    .ending =
        "\nCredentials are not shown.\n"
        "Exit status: 0 would be let in, 1 refused, 2 usage or a fault of the configuration,\n"
        "3 only a provider of keys or an introspection service could say.\n",
};

/* ---- All of them -------------------------------------------------------------- */

static bool
is_url(const char *text)
{
    return strncasecmp(text, "ws://", 5) == 0 || strncasecmp(text, "wss://", 6) == 0;
}

static bool
take_target(struct explain_options *options, const char *text)
{
    const char *error;

    options->target = text;
    if (!is_url(text))
        return strpbrk(text, "\r\n") == NULL ||
               option_table_wrong(&table, "TARGET: a line end cannot be part of it");
    if (!ws_url_parse(&options->url, text, &error))
        return option_table_wrong(&table, "URL: %s", error);
    options->target = options->url.target;
    options->url_host = options->url.authority;
    return true;
}

enum option_outcome
explain_options_parse(struct explain_options *options, int argc, char **argv)
{
    int rest;

    *options = (struct explain_options){.file = SYSCONFDIR "/wsgate/wsgate.yaml", .method = "GET"};
    enum option_outcome outcome = option_table_parse(&table, options, argc, argv, &rest);
    if (outcome != OPTIONS_TAKEN)
        return outcome;
    if (argc - rest != 1) {
        (void)option_table_wrong(&table, "expected one TARGET");
        return OPTIONS_WRONG;
    }
    return take_target(options, argv[rest]) ? OPTIONS_TAKEN : OPTIONS_WRONG;
}

/* ---- The head ------------------------------------------------------------------ */

static bool
is_given(const struct explain_options *options, const char *name)
{
    for (size_t i = 0; i < options->field_count; i++) {
        struct str given = {options->fields[i], strcspn(options->fields[i], ":")};
        if (str_equal_nocase(str_trim(given), str_of(name)))
            return true;
    }
    return false;
}

static void
write_unless_given(FILE *out, const struct explain_options *options, const char *name,
                   const char *value)
{
    if (!is_given(options, name))
        fprintf(out, "%s: %s\r\n", name, value);
}

static void
write_host(FILE *out, const struct explain_options *options)
{
    if (options->host)
        fprintf(out, "Host: %s\r\n", options->host);
    else if (options->url_host)
        write_unless_given(out, options, "Host", options->url_host);
    else if (!options->raw)
        write_unless_given(out, options, "Host", "localhost");
}

static void
write_head(FILE *out, const struct explain_options *options)
{
    const struct request_fields given = {.origin = options->origin,
                                         .token = options->token.token,
                                         .protocols = options->protocols,
                                         .protocol_count = options->protocol_count,
                                         .fields = options->fields,
                                         .field_count = options->field_count};

    fprintf(out, "%s %s HTTP/1.1\r\n", options->method, options->target);
    write_host(out, options);
    if (!options->raw) {
        write_unless_given(out, options, "Upgrade", "websocket");
        write_unless_given(out, options, "Connection", "Upgrade");
        write_unless_given(out, options, "Sec-WebSocket-Key", MADE_UP_KEY);
        write_unless_given(out, options, "Sec-WebSocket-Version", "13");
    }
    request_fields_write(&given, out);
}

char *
explain_options_head(const struct explain_options *options, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (!out)
        return NULL;
    write_head(out, options);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
