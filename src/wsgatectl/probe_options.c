/* probe_options.c - see probe_options.h. */
#include "wsgatectl/probe_options.h"

#include "config/scalar.h"

#include <errno.h>
#include <stdlib.h>

static char title[] = "wsgatectl probe";
static const struct option_table table;

/* ---- One function per option ---------------------------------------------------- */

static bool
take_token(void *to, const char *value)
{
    return token_option_take(&((struct probe_options *)to)->token, &table, value);
}

static bool
take_token_file(void *to, const char *path)
{
    return token_option_take_file(&((struct probe_options *)to)->token, &table, path);
}

static bool
take_origin(void *to, const char *value)
{
    struct probe_options *options = to;
    if (!http_is_field_value(str_of(value)))
        return option_table_wrong(&table, "--origin: controls cannot be sent");
    options->origin = value;
    return true;
}

static bool
take_subprotocol(void *to, const char *value)
{
    struct probe_options *options = to;
    if (!http_is_token(str_of(value)))
        return option_table_wrong(&table, "--subprotocol: expected one name, got \"%s\"", value);
    if (options->protocol_count == COUNT_OF(options->protocols))
        return option_table_wrong(&table, "--subprotocol: %zu at most",
                                  COUNT_OF(options->protocols));
    options->protocols[options->protocol_count++] = value;
    return true;
}

static bool
is_probes_own(struct str name)
{
    return str_equal_nocase(name, STR("Connection")) || str_equal_nocase(name, STR("Upgrade")) ||
           (name.len >= 14 && strncasecmp(name.at, "Sec-WebSocket-", 14) == 0);
}

static bool
take_header(void *to, const char *value)
{
    struct probe_options *options = to;
    struct str name = {value, strcspn(value, ":")};

    if (value[name.len] != ':' || !http_is_token(name) || !http_is_field_value(str_of(value)))
        return option_table_wrong(&table, "--header: expected 'Name: value'");
    if (is_probes_own(name))
        return option_table_wrong(&table, 
            "--header: " STR_FMT " is the probe's own%s", STR_ARG(name),
            str_equal_nocase(name, STR("Sec-WebSocket-Protocol")) ? "; use --subprotocol" : "");
    if (options->field_count == COUNT_OF(options->fields))
        return option_table_wrong(&table, "--header: %zu at most", COUNT_OF(options->fields));
    options->fields[options->field_count++] = value;
    options->has_host |= str_equal_nocase(name, STR("Host"));
    return true;
}

static bool
take_unix_socket(void *to, const char *path)
{
    struct probe_options *options = to;
    if (path[0] == '\0' || strlen(path) > WS_SOCKET_PATH_MAX)
        return option_table_wrong(&table, "--unix-socket: expected a path of at most %d bytes",
                                  WS_SOCKET_PATH_MAX);
    options->unix_socket = path;
    return true;
}

static bool
take_bind(void *to, const char *value)
{
    struct probe_options *options = to;
    options->bind_address = value;
    return true;
}

static bool
take_send(void *to, const char *value)
{
    struct probe_options *options = to;
    if (strlen(value) > WS_CLIENT_MESSAGE_MAX)
        return option_table_wrong(&table, "--send: 1 MiB at most");
    options->send = value;
    return true;
}

static bool
take_duration(const char *word, const char *value, uint64_t *us)
{
    const char *error;
    int64_t ms;

    if (!scalar_duration(str_of(value), &ms, &error))
        return option_table_wrong(&table, "--%s: %s", word, error);
    if (ms == 0)
        return option_table_wrong(&table, "--%s: must be longer than 0", word);
    *us = (uint64_t)ms * 1000;
    return true;
}

static bool
take_wait_close(void *to, const char *value)
{
    struct probe_options *options = to;
    options->wait_close = true;
    return !value || take_duration("wait-close", value, &options->wait_us);
}

static bool
take_timeout(void *to, const char *value)
{
    struct probe_options *options = to;
    return take_duration("timeout", value, &options->timeout_us);
}

static bool
take_ca_file(void *to, const char *value)
{
    ((struct probe_options *)to)->tls.ca_file = value;
    return true;
}

static bool
take_server_name(void *to, const char *value)
{
    ((struct probe_options *)to)->tls.server_name = value;
    return true;
}

static bool
take_insecure(void *to, const char *value)
{
    (void)value;
    ((struct probe_options *)to)->tls.insecure = true;
    return true;
}

static bool
take_count(void *to, const char *value)
{
    struct probe_options *options = to;
    char *end;

    errno = 0;
    unsigned long count = strtoul(value, &end, 10);
    if (value[0] < '1' || value[0] > '9' || *end != '\0' || errno != 0 || count > PROBE_COUNT_MAX)
        return option_table_wrong(&table, "--count: expected 1 to %d", PROBE_COUNT_MAX);
    options->count = (unsigned)count;
    return true;
}

static bool
take_headers(void *to, const char *value)
{
    (void)value;
    ((struct probe_options *)to)->all_headers = true;
    return true;
}

static bool
take_timing(void *to, const char *value)
{
    (void)value;
    ((struct probe_options *)to)->timing = true;
    return true;
}

static bool
take_json(void *to, const char *value)
{
    (void)value;
    ((struct probe_options *)to)->json = true;
    return true;
}

static const struct option_row rows[] = {
    {0, "token", required_argument, "TOKEN", take_token, TOKEN_OPTION_HELP},
    {0, "token-file", required_argument, "FILE", take_token_file, TOKEN_FILE_OPTION_HELP},
    {0, "origin", required_argument, "ORIGIN", take_origin, "send an Origin, as a browser does"},
    {0, "subprotocol", required_argument, "NAME", take_subprotocol,
     "offer a subprotocol; may be repeated", true},
    {0, "header", required_argument, "'NAME: VALUE'", take_header,
     "send a further header; may be repeated; Host replaces the URL's", true},
    {0, "unix-socket", required_argument, "PATH", take_unix_socket,
     "connect to this Unix socket; Host and path are still the URL's"},
    {0, "bind", required_argument, "ADDRESS", take_bind, "connect from this address"},
    {0, "ca-file", required_argument, "FILE", take_ca_file,
     "wss: whose certificates are believed, in PEM; default: the system's"},
    {0, "server-name", required_argument, "NAME", take_server_name,
     "wss: ask for this name, which the certificate must have; default: HOST"},
    {0, "insecure", no_argument, NULL, take_insecure, "wss: take any certificate"},
    {0, "send", required_argument, "TEXT", take_send,
     "send a message and wait until it comes back"},
    {0, "wait-close", optional_argument, "DURATION", take_wait_close,
     "wait until the other side ends the connection; for DURATION at most"},
    {0, "timeout", required_argument, "DURATION", take_timeout,
     "how long connecting, and an echo, may take; default: 5s"},
    {0, "count", required_argument, "N", take_count,
     "do it N times, one after the other; print how often what, and times"},
    {0, "headers", no_argument, NULL, take_headers,
     "show every header of the answer, not only what tells something"},
    {0, "timing", no_argument, NULL, take_timing, "show how long each phase took"},
    {0, "json", no_argument, NULL, take_json,
     "one JSON object instead of lines; it has all of that"},
};

static const struct option_table table = {
    .title = title,
    .opening =
        "usage: wsgatectl probe [OPTION]... URL\n"
        "Opens a WebSocket through the gateway, checks the whole opening handshake, and says "
        "what\nhappened. URL is ws://HOST[:PORT][/PATH][?QUERY], or wss://... for TLS.\n\n",
    .rows = rows,
    .count = COUNT_OF(rows),
    .ending =
        "\nExit status: 0 connected (and the message came back), 1 refused or failed, 2 usage.\n",
};

/* ---- All of them -------------------------------------------------------------- */

static bool
check(const struct probe_options *options)
{
    const struct ws_tls_settings *tls = &options->tls;

    if (!options->url.secure && (tls->ca_file || tls->server_name || tls->insecure))
        return option_table_wrong(
            &table, "--ca-file, --server-name and --insecure are for wss://, this is ws://");
    if (options->unix_socket && options->bind_address)
        return option_table_wrong(&table, "--bind is for TCP, not for --unix-socket");
    return true;
}

enum option_outcome
probe_options_parse(struct probe_options *options, int argc, char **argv)
{
    const char *error;
    int rest;

    *options = (struct probe_options){.timeout_us = 5 * 1000 * 1000, .count = 1};
    enum option_outcome outcome = option_table_parse(&table, options, argc, argv, &rest);
    if (outcome != OPTIONS_TAKEN)
        return outcome;
    if (argc - rest != 1) {
        (void)option_table_wrong(&table, "expected one URL");
        return OPTIONS_WRONG;
    }
    options->url_text = argv[rest];
    if (!ws_url_parse(&options->url, options->url_text, &error)) {
        (void)option_table_wrong(&table, "URL: %s", error);
        return OPTIONS_WRONG;
    }
    return check(options) ? OPTIONS_TAKEN : OPTIONS_WRONG;
}
