/*
 * probe_options.h - the command line of `wsgatectl probe`, checked.
 *
 * What goes into the request head is looked at here, so that no argument can
 * break a line of it.
 */
#ifndef WSGATE_PROBE_OPTIONS_H
#define WSGATE_PROBE_OPTIONS_H

#include "base/compiler.h"
#include "wsgatectl/token_option.h"
#include "wsgatectl/ws_client.h"

enum { PROBE_FIELDS_MAX = 64, PROBE_COUNT_MAX = 100000 };

struct probe_options {
    const char *url_text;
    struct ws_url url;
    struct ws_tls_settings tls;
    struct token_option token;
    const char *origin;
    const char *protocols[HANDSHAKE_PROTOCOLS_MAX];
    size_t protocol_count;
    const char *fields[PROBE_FIELDS_MAX];
    size_t field_count;
    bool has_host;
    const char *unix_socket;
    const char *bind_address;
    const char *send; /* NULL: nothing */
    uint64_t timeout_us;
    bool wait_close;
    uint64_t wait_us; /* 0: for ever */
    unsigned count; /* how many probes, one after the other */
    bool all_headers;
    bool timing;
    bool json;
};

/* The strings stay the caller's. */
enum option_outcome probe_options_parse(struct probe_options *options, int argc, char **argv)
    MUST_CHECK;

#endif
