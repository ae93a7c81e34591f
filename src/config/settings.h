/*
 * settings.h - what the configuration file means, checked and typed.
 *
 * Built once on the control thread, then constant and shared by all workers.
 * One allocation owner: settings_free frees everything, the YAML tree too, whose
 * strings the settings point into. Times are milliseconds, sizes bytes; 0 is "off".
 */
#ifndef WSGATE_SETTINGS_H
#define WSGATE_SETTINGS_H

#include "base/address.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/str.h"
#include "config/faults.h"
#include "protocol/frames.h"

#include <wsgate/middleware.h>

#include <stdint.h>
#include <stdio.h>

struct tls_server;
struct tls_client;

struct listener_settings {
    const char *name; /* "" when it has none */
    struct address address;
    const char *text; /* the address as written */
    bool proxy_protocol; /* a PROXY header comes first, from trusted_proxies */
    struct tls_server *tls; /* NULL: plain */
    struct mark mark; /* of the address */
};

/* An entry of `middleware:`. setup has run; instance is never NULL in loaded settings. */
struct instance_settings {
    const char *name;
    size_t index;
    const struct mw_module *module;
    void *instance;
    bool handed_over; /* the instance has another owner: settings_free leaves it alone */
    const struct mw_options *options;
    bool dry_run; /* it is asked, but refuses nobody and changes nothing */
    bool offers_claims; /* as its setup said */
};

/* Captures of one path: a request has room for so many. */
enum {
    ROUTE_CAPTURES_MAX = 8,
    ROUTE_FORWARDS_MAX = 64, /* headers that the modules of a route add */
};

enum path_match { PATH_EXACT, PATH_BELOW, PATH_CAPTURES };

/* A piece of a path with captures: "/rooms/{room}/x" is "/rooms/", {room}, "/x". */
struct path_piece {
    struct str literal;  /* empty only in the last piece */
    struct str capture;  /* name; at == NULL in the last piece, and only there. It takes one whole
                            segment, not empty */
};

/* What a route requires is a tree, in preorder: a group stands right before its members. */
enum require_kind { REQUIRE_ONE, REQUIRE_NOT, REQUIRE_ALL_OF, REQUIRE_ANY_OF };

enum { REQUIRE_DEPTH_MAX = 4 }; /* groups in groups */

struct require_node {
    enum require_kind kind;
    unsigned depth;  /* of the root 0 */
    size_t instance; /* REQUIRE_ONE, REQUIRE_NOT: index into instances */
    size_t parent;   /* the group that it is a member of; of the root 0 */
    size_t end;      /* the node behind it and all its members */
};

/* An instance, and no group? */
static inline bool
require_is_leaf(const struct require_node *node)
{
    return node->kind == REQUIRE_ONE || node->kind == REQUIRE_NOT;
}

struct tunnel_settings {
    bool checked; /* frames: checked */
    struct frames_rules frames;
    uint64_t messages_per_second, messages_burst; /* burst 0: what a second brings */
    uint64_t bytes_per_second, bytes_burst;
    bool limit_client, limit_backend; /* whose messages and bytes */
    bool delay;                       /* over a limit; else it is closed */
    uint64_t ping_interval;
    uint64_t pong_timeout;
    uint64_t idle_timeout;
    uint64_t write_timeout;
    uint64_t max_lifetime;
};

struct route_settings {
    size_t index; /* from 0, in file order */
    struct str host;      /* lower case; at == NULL: any */
    bool host_wildcard;   /* host is then the part behind "*", with its dot: ".example.com" */
    enum path_match match;
    struct str path;      /* as written; PATH_BELOW: without the "*", so it ends in "/" */
    struct path_piece *pieces; /* PATH_CAPTURES */
    size_t piece_count;
    const struct listener_settings **listeners; /* NULL: all */
    size_t listener_count;
    struct require_node *require; /* the first one is the root, an all_of of all entries */
    size_t require_count;         /* 1: an open route */
    const char **claims;          /* that its modules read, each once */
    size_t claim_count;
    const struct backend_settings *backend;
    struct str strip_prefix; /* at == NULL: none; no trailing slash */
    bool keep_encoded_slashes;
    bool strip_extensions;   /* extensions: none */
    bool reject_with_close;  /* a refusal is told by a Close frame */
    uint64_t revalidate;     /* ms between two judgements of a live tunnel; 0: none */
    bool revalidate_on_reload;
    struct tunnel_settings tunnel;
};

/* Is a live tunnel judged again, ever? */
static inline bool
route_is_revalidated(const struct route_settings *route)
{
    return route->revalidate > 0 || route->revalidate_on_reload;
}

struct server_settings {
    struct address address;
    const char *text;
    unsigned weight;
    unsigned max_connections; /* 0: no limit */
};

enum send_proxy { SEND_PROXY_OFF, SEND_PROXY_V1, SEND_PROXY_V2 };

enum balance { BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS, BALANCE_HASH };

struct backend_settings {
    const char *name;
    size_t index;
    struct server_settings *servers;
    size_t server_count;
    const struct listener_settings **own; /* listeners of ours that are servers of it */
    size_t own_count;
    enum balance balance;
    struct str host; /* at == NULL: the client's */
    enum send_proxy send_proxy;
    uint64_t connect_timeout;
    uint64_t handshake_timeout;
    struct tls_client *tls; /* NULL: plain */
};

/* Where trusted proxies name the client. */
enum client_header { CLIENT_X_FORWARDED_FOR, CLIENT_FORWARDED };

struct settings {
    const char *file;
    unsigned threads; /* resolved: at least 1 */
    const char *user; /* NULL: stay who we are */
    struct log_settings log;
    struct str *identity_headers; /* folded (http_chars.h); "x-auth-*": all that begin so */
    size_t identity_header_count;
    struct address_set *trusted_proxies; /* never NULL in loaded settings; may be empty */
    bool trusts_unix;                    /* peers on Unix sockets are such proxies */
    enum client_header client_header;

    struct listener_settings *listeners;
    size_t listener_count;

    struct {
        size_t head, uri, headers;
        uint64_t connections, handshakes, handshakes_per_address;
    } limits;
    struct {
        uint64_t head, auth, close, fin, drain;
    } timeouts;

    struct instance_settings *instances;
    size_t instance_count;
    struct route_settings *routes;
    size_t route_count;
    struct backend_settings *backends;
    size_t backend_count;

    struct settings_memory *memory; /* owns all of the above */
};

/* To run with them: the logs must be there to be opened, and instances' own files to be made. As a
 * reload would: the latter alone. Else somebody only reads them, who may well not be the one that
 * the gateway runs as. */
enum settings_use { SETTINGS_TO_READ, SETTINGS_AS_RELOAD, SETTINGS_TO_RUN };

/*
 * Reads, checks and sets up. Every fault is one line "FILE:LINE:COLUMN: what, and what was
 * expected" to `faults`; NULL when there was any. `modules` is the table main handed over, NULL
 * at its end; `host` is given to their setup. A module that this gateway cannot use is a line of
 * its own (module_table.h).
 */
struct settings *settings_load(const char *file, const struct mw_module *const *modules,
                               const struct mw_host *host, enum settings_use use,
                               FILE *faults) MUST_CHECK;
/* The same file once more, by who we are now, with the modules that are there. */
struct settings *settings_load_again(const struct settings *settings, enum settings_use use,
                                     FILE *faults) MUST_CHECK;
/* The same, and thrown away: could a reload take it now? */
bool settings_read_again(const struct settings *settings, FILE *faults) MUST_CHECK;
/* To read, from memory; `file` is what faults are named after, and whose directory relative paths
 * start from. `text` need not outlive the call. */
struct settings *settings_load_text(const char *file, struct str text,
                                    const struct mw_module *const *modules,
                                    const struct mw_host *host, FILE *faults) MUST_CHECK;
/* What instances keep of the settings they were made from (strings of their options) outlives these
 * by one reference each. Control thread. */
struct settings *settings_hold(struct settings *settings);
/* Lets one reference go. With the last one the instances that have no other owner are torn down, in
 * reverse, and all is freed. NULL does no harm. */
void settings_free(struct settings *settings);

/* Is that peer one of trusted_proxies? */
bool settings_trusts(const struct settings *settings, const struct sockaddr *peer) MUST_CHECK;
/* Where the value of a word stands that has no map around it (threads, user, ..). */
struct mark settings_mark(const struct settings *settings, const char *word) MUST_CHECK;
/* Do both files say the same of such a word? */
bool settings_agree(const struct settings *a, const struct settings *b, const char *word)
    MUST_CHECK;
/* What changes by a restart only: from now on what `running` says of it holds. false: no memory. */
bool settings_stay(struct settings *settings, const struct settings *running) MUST_CHECK;

/* What is no fault and hardly meant: instances that no route requires. Each is one line
 * "FILE:LINE:COLUMN: what", without its end. */
void settings_warn(const struct settings *settings, void (*say)(void *arg, const char *text),
                   void *arg);

/* Is the route for what comes in there? One that names no listeners is for all. */
bool route_holds_for(const struct route_settings *route, const struct listener_settings *listener)
    MUST_CHECK;
/* The claim of that name, if a module of the route reads it; NULL: none does. */
const char *route_claim(const struct route_settings *route, const char *name) MUST_CHECK;
/* The option functions of struct mw_host, and reserve_header. */
void settings_fill_host(struct mw_host *host);

/* The table of everything that stands outside `middleware:`; for manual, sample and schema. */
extern const struct mw_option settings_options[];
/* An entry of a route's `require`; the members of a group are such entries again. */
extern const struct mw_option settings_require_options[];
/* And of what an entry of `middleware:` holds beside its module. */
extern const struct mw_option settings_instance_options[];
/* Writes the JSON Schema of the file, modules included (`wsgatectl schema`). */
bool settings_schema(const struct mw_module *const *modules, FILE *out) MUST_CHECK;

#endif
