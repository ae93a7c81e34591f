/*
 * settings_tables.c - every option outside `middleware:`, with its type, default and help.
 *
 * Tables alone: the parser, the manual's test, the sample's test and the JSON Schema read
 * them. What a value means and what fits together is judged in settings_*.c.
 *
 * A feature that comes later has its row already: MW_LATER, with the value that says
 * "off" as fallback, or a "!" behind a choice. Building it means taking that away.
 */
#include "config/settings.h"

#include <stddef.h>

static const struct mw_option log_options[] = {
    {"access", MW_STRING, "stdout", "where access lines go: stdout, stderr, syslog or a path"},
    {"error", MW_STRING, "stderr", "where all other lines go: stdout, stderr, syslog or a path"},
    {"level", MW_WORD, "info", "the least important level that is written", 0,
     "error|warning|info|debug"},
    {0},
};

static const struct mw_option admin_options[] = {
    {"address", MW_STRING, NULL, "where the admin interface listens", MW_REQUIRED},
    {0},
};

static const struct mw_option certificate_options[] = {
    {"certificate", MW_FILE, NULL, "a chain of certificates in PEM", MW_REQUIRED},
    {"private_key", MW_FILE, NULL, "its private key in PEM", MW_REQUIRED},
    {0},
};

static const struct mw_option listener_tls_options[] = {
    {"certificates", MW_OBJECTS, NULL, "certificates, chosen by the name a client asks for",
     MW_REQUIRED, NULL, certificate_options},
    {"min_version", MW_WORD, "1.2", "the oldest version of TLS that is spoken", 0, "1.2|1.3"},
    {"ciphers", MW_STRING, NULL, "ciphers of TLS 1.2, as OpenSSL writes a list of them"},
    {"ciphersuites", MW_STRING, NULL, "ciphers of TLS 1.3, as OpenSSL writes a list of them"},
    {"curves", MW_STRING, NULL, "groups for the key exchange, as OpenSSL writes a list of them"},
    {"client_ca", MW_FILE, NULL, "who signs the certificates of clients"},
    {"client_verify", MW_WORD, "none", "whether clients show a certificate", 0,
     "none|optional|require"},
    {"client_crl", MW_FILE, NULL, "which certificates of clients are revoked"},
    {"ticket_key_files", MW_FILES, NULL,
     "keys of session tickets, shared with other gateways; the first seals"},
    {0},
};

static const struct mw_option listener_options[] = {
    {"address", MW_STRING, NULL, "where to listen: IP:PORT, [IPv6]:PORT or unix:/path",
     MW_REQUIRED},
    {"name", MW_STRING, NULL, "the name by which routes ask for it"},
    {"proxy_protocol", MW_BOOL, "false", "whether every connection begins with a PROXY header"},
    {"tls", MW_OBJECT, NULL, "speak TLS", 0, NULL, listener_tls_options},
    {0},
};

static const struct mw_option limit_options[] = {
    {"head", MW_SIZE, "16KiB", "bytes of a request's head"},
    {"uri", MW_SIZE, "8KiB", "bytes of a request's target"},
    {"headers", MW_INTEGER, "100", "fields of a request's head"},
    {"connections", MW_INTEGER, "200000", "connections at a time"},
    {"handshakes", MW_INTEGER, "10000", "unfinished handshakes at a time"},
    {"handshakes_per_address", MW_INTEGER, "0", "unfinished handshakes at a time of one address"},
    {0},
};

static const struct mw_option timeout_options[] = {
    {"head", MW_DURATION, "10s", "from the connection to the whole head of a request"},
    {"auth", MW_DURATION, "5s", "for the whole chain of middleware"},
    {"close", MW_DURATION, "5s", "for what is left to send when a connection is being closed"},
    {"fin", MW_DURATION, "30s", "for one direction of a tunnel after the other has ended"},
    {"drain", MW_DURATION, "30s", "for live tunnels when the gateway stops"},
    {0},
};

static const struct mw_option tunnel_options[] = {
    {"frames", MW_WORD, "checked", "whether frames are followed and checked", 0,
     "checked|opaque"},
    {"max_message", MW_SIZE, "1MiB", "bytes of one message, as they are on the wire"},
    {"max_frame", MW_SIZE, "0", "bytes of one frame, as they are on the wire"},
    {"allow", MW_LIST, NULL, "kinds of messages: text, binary; left out: both"},
    {"validate_utf8", MW_BOOL, "false", "whether text that is not compressed must be UTF-8"},
    {"messages_per_second", MW_INTEGER, "0", "messages and control frames a second"},
    {"messages_burst", MW_INTEGER, "0", "so many at once; 0: what a second brings"},
    {"bytes_per_second", MW_SIZE, "0", "bytes a second"},
    {"bytes_burst", MW_SIZE, "0", "so many at once; 0: what a second brings"},
    {"limit_from", MW_WORD, "client", "whose messages and bytes these four are about", 0,
     "client|backend|both"},
    {"over_limit", MW_WORD, "close", "what happens above them: the end, or reading waits", 0,
     "close|delay"},
    {"idle_timeout", MW_DURATION, "10m", "without a byte from either side"},
    {"max_lifetime", MW_DURATION, "0", "of a tunnel, whatever it does"},
    {"ping_interval", MW_DURATION, "0", "between pings of the gateway's own"},
    {"pong_timeout", MW_DURATION, "20s", "for a sign of life after such a ping"},
    {"write_timeout", MW_DURATION, "30s", "for a side that takes nothing while bytes wait"},
    {0},
};

const struct mw_option settings_require_options[] = {
    {"name", MW_STRING, NULL, "of a middleware; an entry that is a string is short for this"},
    {"any_of", MW_OBJECTS, NULL, "entries of which one has to pass", MW_SHORT, NULL,
     settings_require_options},
    {"all_of", MW_OBJECTS, NULL, "entries that all have to pass", MW_SHORT, NULL,
     settings_require_options},
    {"not", MW_STRING, NULL, "a middleware that has to refuse"},
    {0},
};

static const struct mw_option route_options[] = {
    {"listeners", MW_LIST, NULL, "names of the listeners it holds for; left out: all"},
    {"host", MW_STRING, NULL, "a host, or `*.` and a domain; left out: any"},
    {"path", MW_STRING, NULL, "a path: exact, `/below/*`, or with `{captures}`", MW_REQUIRED},
    {"require", MW_OBJECTS, NULL,
     "names of the middleware to pass, in this order; an open route says `require: []`",
     MW_REQUIRED | MW_SHORT, NULL, settings_require_options},
    {"backend", MW_STRING, NULL, "the name of the backend", MW_REQUIRED},
    {"strip_prefix", MW_STRING, NULL, "taken off the front of the path for the backend"},
    {"encoded_slashes", MW_WORD, "refuse", "what becomes of a path that holds %2F", 0,
     "refuse|keep"},
    {"extensions", MW_WORD, "pass", "whether the backend sees the extensions that a client offers",
     0, "pass|none"},
    {"reject_with", MW_WORD, "http", "how a refusal is told", 0, "http|close"},
    {"revalidate", MW_DURATION, "0", "between two judgements of a live tunnel by the middleware"},
    {"on_reload", MW_WORD, "keep", "whether a new configuration judges live tunnels, too", 0,
     "keep|revalidate"},
    {"tunnel", MW_OBJECT, "{}", "rules for the live connection", 0, NULL, tunnel_options},
    {0},
};

static const struct mw_option server_options[] = {
    {"address", MW_STRING, NULL, "of the server: IP:PORT, [IPv6]:PORT or unix:/path",
     MW_REQUIRED},
    {"weight", MW_INTEGER, "1", "its share beside the others"},
    {"max_connections", MW_INTEGER, "0", "connections to it at a time"},
    {0},
};

static const struct mw_option backend_tls_options[] = {
    {"verify", MW_BOOL, "true", "whether the server's certificate is verified"},
    {"ca_file", MW_FILE, NULL, "who signs the servers' certificates"},
    {"server_name", MW_STRING, NULL,
     "the name that is asked for, and that the certificate must have"},
    {"certificate", MW_FILE, NULL, "a chain of certificates in PEM, to show to the servers"},
    {"private_key", MW_FILE, NULL, "its private key in PEM"},
    {"min_version", MW_WORD, "1.2", "the oldest version of TLS that is spoken", 0, "1.2|1.3"},
    {0},
};

static const struct mw_option health_options[] = {
    {"path", MW_STRING, NULL, "what to ask for"},
    {"interval", MW_DURATION, "5s", "between two checks"},
    {"timeout", MW_DURATION, "2s", "for an answer"},
    {"healthy_after", MW_INTEGER, "2", "good answers in a row that bring a server back"},
    {"unhealthy_after", MW_INTEGER, "3", "bad answers in a row that take a server out"},
    {0},
};

static const struct mw_option backend_options[] = {
    {"servers", MW_OBJECTS, NULL, "addresses of the servers", MW_REQUIRED | MW_SHORT, NULL,
     server_options},
    {"balance", MW_WORD, "least_connections", "how a server is chosen", 0,
     "round_robin|least_connections|hash!"},
    {"host", MW_STRING, NULL, "the Host sent to the backend; left out: the client's"},
    {"send_proxy", MW_WORD, "off", "the PROXY header that tells the servers who the client is", 0,
     "off|v1|v2"},
    {"connect_timeout", MW_DURATION, "3s", "for one server to take the connection"},
    {"handshake_timeout", MW_DURATION, "10s", "for the backend's whole answer to the handshake"},
    {"tls", MW_OBJECT, NULL, "speak TLS to the servers", 0, NULL, backend_tls_options},
    {"health", MW_OBJECT, NULL, "ask the servers now and then how they are", MW_LATER, NULL,
     health_options},
    {0},
};

const struct mw_option settings_instance_options[] = {
    {"dry_run", MW_BOOL, "false", "log and count what it would refuse, and let it pass"},
    {0},
};

const struct mw_option settings_options[] = {
    {"threads", MW_INTEGER, "auto", "number of workers; auto: one for each usable CPU", 0, "auto"},
    {"user", MW_STRING, NULL, "who to become after binding, when started as root"},
    {"modules", MW_FILES, NULL, "paths of modules to load"},
    {"trusted_proxies", MW_LIST, NULL, "whose word about a client's address is believed: "
                                       "addresses, prefixes, unix"},
    {"client_address_header", MW_WORD, "X-Forwarded-For", "where trusted proxies name the client",
     0, "X-Forwarded-For|Forwarded"},
    {"identity_headers", MW_LIST, "X-Auth-*", "headers that no client may send; a trailing * is "
                                              "any ending"},
    {"log", MW_OBJECT, "{}", "where lines go", 0, NULL, log_options},
    {"admin", MW_OBJECT, NULL, "the admin interface", MW_LATER, NULL, admin_options},
    {"listeners", MW_OBJECTS, NULL, "where to listen", MW_REQUIRED, NULL, listener_options},
    {"limits", MW_OBJECT, "{}", "bounds on what clients can take up", 0, NULL, limit_options},
    {"timeouts", MW_OBJECT, "{}", "how long each stage may take", 0, NULL, timeout_options},
    {"middleware", MW_NAMED, "{}", "instances: a name, and exactly one module with its options"},
    {"routes", MW_OBJECTS, NULL, "which requests go where; the first that matches is taken",
     MW_REQUIRED, NULL, route_options},
    {"backends", MW_NAMED, NULL, "groups of servers, by name", MW_REQUIRED, NULL, backend_options},
    {0},
};
