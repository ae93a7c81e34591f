/* probe_options.c - see probe_options.h. One table feeds getopt_long and --help. */
#include "wsgatectl/probe_options.h"

#include "config/scalar.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

typedef bool option_taker(struct probe_options *options, const char *value);

struct option_row {
    const char *word;
    int argument; /* as in struct option */
    const char *value_name;
    option_taker *take;
    const char *help;
};

static char title[] = "wsgatectl probe";

static bool
usage_hint(void)
{
    fprintf(stderr, "Try: %s --help\n", title);
    return false;
}

static bool PRINTF_LIKE(1, 2) usage_error(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", title);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return usage_hint();
}

/* ---- One function per option ---------------------------------------------------- */

/* RFC 9110 5.5: visible characters, spaces and tabs. */
static bool
is_field_value(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static bool
is_visible(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at < 0x21 || *at > 0x7e)
            return false;
    return text[0] != '\0';
}

static bool
take_token(struct probe_options *options, const char *value)
{
    if (options->token)
        return usage_error("one token only");
    if (!is_visible(value))
        return usage_error("the token is empty or has spaces or controls in it");
    options->token = value;
    return true;
}

static bool
take_token_file(struct probe_options *options, const char *path)
{
    char *buffer = options->token_buffer;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");

    if (!file)
        return usage_error("%s: %s", path, strerror(errno));
    size_t len = fread(buffer, 1, sizeof(options->token_buffer), file);
    bool is_too_long = len == sizeof(options->token_buffer);
    bool failed = ferror(file) != 0;
    if (!is_stdin)
        fclose(file);
    if (failed || is_too_long)
        return usage_error("%s: %s", path, failed ? "cannot be read" : "too long for a token");
    while (len > 0 && strchr("\r\n", buffer[len - 1]))
        len--;
    buffer[len] = '\0';
    return take_token(options, buffer);
}

static bool
take_origin(struct probe_options *options, const char *value)
{
    if (!is_field_value(value))
        return usage_error("--origin: controls cannot be sent");
    options->origin = value;
    return true;
}

static bool
take_subprotocol(struct probe_options *options, const char *value)
{
    if (!http_is_token(str_of(value)))
        return usage_error("--subprotocol: expected one name, got \"%s\"", value);
    if (options->protocol_count == COUNT_OF(options->protocols))
        return usage_error("--subprotocol: %zu at most", COUNT_OF(options->protocols));
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
take_header(struct probe_options *options, const char *value)
{
    struct str name = {value, strcspn(value, ":")};

    if (value[name.len] != ':' || !http_is_token(name) || !is_field_value(value))
        return usage_error("--header: expected 'Name: value'");
    if (is_probes_own(name))
        return usage_error(
            "--header: " STR_FMT " is the probe's own%s", STR_ARG(name),
            str_equal_nocase(name, STR("Sec-WebSocket-Protocol")) ? "; use --subprotocol" : "");
    if (options->field_count == COUNT_OF(options->fields))
        return usage_error("--header: %zu at most", COUNT_OF(options->fields));
    options->fields[options->field_count++] = value;
    options->has_host |= str_equal_nocase(name, STR("Host"));
    return true;
}

static bool
take_bind(struct probe_options *options, const char *value)
{
    options->bind_address = value;
    return true;
}

static bool
take_send(struct probe_options *options, const char *value)
{
    if (strlen(value) > WS_CLIENT_MESSAGE_MAX)
        return usage_error("--send: 1 MiB at most");
    options->send = value;
    return true;
}

static bool
take_duration(const char *word, const char *value, uint64_t *us)
{
    const char *error;
    int64_t ms;

    if (!scalar_duration(str_of(value), &ms, &error))
        return usage_error("--%s: %s", word, error);
    if (ms == 0)
        return usage_error("--%s: must be longer than 0", word);
    *us = (uint64_t)ms * 1000;
    return true;
}

static bool
take_wait_close(struct probe_options *options, const char *value)
{
    options->wait_close = true;
    return !value || take_duration("wait-close", value, &options->wait_us);
}

static bool
take_timeout(struct probe_options *options, const char *value)
{
    return take_duration("timeout", value, &options->timeout_us);
}

static bool
take_json(struct probe_options *options, const char *value)
{
    (void)value;
    options->json = true;
    return true;
}

static bool take_help(struct probe_options *options, const char *value);

static const struct option_row rows[] = {
    {"token", required_argument, "TOKEN", take_token,
     "send it as 'Authorization: Bearer' (others can see it in ps: prefer --token-file)"},
    {"token-file", required_argument, "FILE", take_token_file,
     "the same, read from FILE, or from - (standard input)"},
    {"origin", required_argument, "ORIGIN", take_origin, "send an Origin, as a browser does"},
    {"subprotocol", required_argument, "NAME", take_subprotocol,
     "offer a subprotocol; may be repeated"},
    {"header", required_argument, "'NAME: VALUE'", take_header,
     "send a further header; may be repeated; Host replaces the URL's"},
    {"bind", required_argument, "ADDRESS", take_bind, "connect from this address"},
    {"send", required_argument, "TEXT", take_send, "send a message and wait until it comes back"},
    {"wait-close", optional_argument, "DURATION", take_wait_close,
     "wait until the other side ends the connection; for DURATION at most"},
    {"timeout", required_argument, "DURATION", take_timeout,
     "how long connecting, and an echo, may take (default 5s)"},
    {"json", no_argument, NULL, take_json, "one JSON object instead of lines"},
    {"help", no_argument, NULL, take_help, "print this"},
};

static bool
take_help(struct probe_options *options, const char *value)
{
    (void)value;
    puts("usage: wsgatectl probe URL [OPTION]...\n"
         "Opens a WebSocket through the gateway, checks the whole opening handshake, and says what "
         "happened.\nURL is ws://HOST[:PORT][/PATH][?QUERY].\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct option_row *row = &rows[i];
        bool is_optional = row->argument == optional_argument;
        char text[64];
        snprintf(text, sizeof(text), "--%s%s%s%s", row->word,
                 is_optional       ? "[="
                 : row->value_name ? " "
                                   : "",
                 row->value_name ? row->value_name : "", is_optional ? "]" : "");
        printf("  %-25s %s\n", text, row->help);
    }
    puts("\nExit status: 0 connected (and the message came back), 1 refused or failed, 2 usage.");
    options->help = true;
    return true;
}

/* ---- All of them -------------------------------------------------------------- */

static void
make_long_options(struct option *list)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        list[i] = (struct option){.name = rows[i].word, .has_arg = rows[i].argument};
    list[COUNT_OF(rows)] = (struct option){0};
}

bool
probe_options_parse(struct probe_options *options, int argc, char **argv)
{
    struct option list[COUNT_OF(rows) + 1];
    const char *error;
    int i = -1, found;

    *options = (struct probe_options){.timeout_us = 5 * 1000 * 1000};
    make_long_options(list);
    argv[0] = title; /* for getopt's own messages */
    optind = 0;      /* the subcommand's own words, from the start */
    while ((found = getopt_long(argc, argv, "", list, &i)) != -1) {
        if (found == '?')
            return usage_hint();
        if (!rows[i].take(options, optarg))
            return false;
        if (options->help)
            return true;
    }
    if (argc - optind != 1)
        return usage_error("expected one URL");
    options->url_text = argv[optind];
    return ws_url_parse(&options->url, options->url_text, &error) || usage_error("URL: %s", error);
}
