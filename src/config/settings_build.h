/*
 * settings_build.h - the parts of settings_load, one for each chapter of the file.
 *
 * Each part takes the checked options of its chapter, reports what does not fit together,
 * and fills its part of the settings. A part goes on after a fault, so that all are
 * found; what it leaves behind is then incomplete and settings_load throws it away.
 */
#ifndef WSGATE_SETTINGS_BUILD_H
#define WSGATE_SETTINGS_BUILD_H

#include "config/options.h"
#include "config/settings.h"

struct place;

/* A header that a module reserved at its setup. */
struct reserved_header {
    struct reserved_header *next;
    struct str name; /* normalized */
    size_t instance; /* whose it is: index into settings.instances */
};

/* A capture or a claim that a module asks for, and where its options do. */
struct expectation {
    struct expectation *next;
    const struct mw_options *options;
    const char *word;
    size_t item;
    struct str name; /* ends with a NUL */
    size_t instance; /* index into settings.instances */
    bool told;       /* that a route does not meet it */
};

/* Owns everything that settings point to; the settings themselves too. */
struct settings_memory {
    struct settings settings;
    struct arena arena;
    struct faults faults; /* empty once loaded */
    struct options_context context;
    const struct mw_options *root;
    size_t references;
    struct reserved_header *reserved;
    struct expectation *captures, *claims;
    const struct mw_module *const *modules; /* all that are known, for settings_load_again */
    bool again;                             /* settings_load_again: no further ones are loaded */
    const struct mw_host *host;
    size_t setting_up; /* the instance whose setup runs */
};

struct settings_build {
    struct settings *settings;
    struct arena *arena;
    struct faults *faults;
    const struct mw_options *root;
    const struct mw_module *const *modules;
    const struct mw_host *host;
    enum settings_use use;
    bool proxies_refused; /* not all trusted_proxies are known */
    bool modules_refused; /* not all modules are known */
    struct place *listener_places; /* sorted; of the listeners whose addresses are good */
    size_t listener_place_count;
};

/* threads, user, log, limits, timeouts. */
void settings_build_process(struct settings_build *build);
void settings_build_limits(struct settings_build *build);
void settings_build_proxies(struct settings_build *build);
/* After the proxies, whom a listener may need. */
void settings_build_listeners(struct settings_build *build);
/* Puts those that are named in `modules` behind build->modules. */
void settings_build_modules(struct settings_build *build);
/* Runs the setup of each instance that has what its module requires. */
void settings_build_middleware(struct settings_build *build);
/* After the middleware, which may have reserved some. */
void settings_build_headers(struct settings_build *build);
/* Do both instances, or the one by two of its options, set a header? Which one. */
bool settings_set_one_header(const struct settings *settings, size_t instance, size_t other,
                             struct str *name);
void settings_build_backends(struct settings_build *build);
/* What `tls` of a listener or of a backend says; all of it is read. */
void settings_build_listener_tls(struct settings_build *build, const struct mw_options *listener,
                                 struct tls_server **tls);
/* Once the servers and `host` are built. */
void settings_build_backend_tls(struct settings_build *build, const struct mw_options *options,
                                struct backend_settings *backend);
/* After listeners, middleware and backends, which routes name. */
void settings_build_routes(struct settings_build *build);
/* A route's `tunnel:`, once its chain is known; for settings_build_routes. */
void settings_build_tunnel(const struct mw_options *route_options, struct route_settings *route);

/* The `require` of one route. false: faults were reported, and not all of it is there. */
bool settings_build_require(struct settings_build *build, const struct mw_options *options,
                            struct route_settings *route);
/* After both, where the chain is whole: can anybody in it do what the tunnel asks for? */
void settings_check_revalidation(struct settings_build *build, const struct mw_options *options,
                                 const struct route_settings *route);

/* Can one request be held by both nodes? `later` stands behind `earlier`. */
bool settings_can_meet(const struct require_node *nodes, size_t earlier, size_t later) MUST_CHECK;
/* Of a route whose chain is whole: the claims that its modules read, and who gives them. */
void settings_build_claims(struct settings_build *build, struct route_settings *route);
/* After the routes. */
void settings_check_captures(struct settings_build *build);
/* Of struct mw_host. */
bool settings_expect_capture(const struct mw_options *options, const char *word, size_t i,
                             const char *name);
void settings_offer_claims(const struct mw_options *options);
bool settings_expect_claim(const struct mw_options *options, const char *word, size_t i,
                           const char *name);

/* ---- What several parts need ---------------------------------------------- */

/* Zeroed memory for count elements; NULL: count is 0, or a fault says that there was none left. */
void *settings_array(struct settings_build *build, size_t count, size_t size) MUST_CHECK;
/* Faults at `word` of `options`. A word that is absent or was refused already is passed over. An
 * address that is refused has len 0. */
void settings_check_address(const struct mw_options *options, struct address *address);
/* The name at that place: letters, digits, "_", "-", ".", at most 64. */
void settings_check_name(struct settings_build *build, struct mark mark, const char *name);
/* What others name by its name: entries of a chapter. */
struct settings_chapter {
    const char *word;
    const char *what;
    const char *(*name)(const struct settings *settings, size_t i); /* NULL: no more */
};
/* Looks `wanted` up in a chapter, for item i of `word`. false: it was said that there is none.
 * wanted == NULL: it was refused already. */
bool settings_look_up(struct settings_build *build, const struct mw_options *options,
                      const char *word, size_t i, const char *wanted,
                      const struct settings_chapter *chapter, size_t *found) MUST_CHECK;
/* At least one element in what was given. */
void settings_check_filled(struct settings_build *build, const char *word);

/* An integer of any kind must lie in low..high; `said` is that range as one would write it. */
struct settings_range {
    const char *word;
    int64_t low, high;
    const char *said;
};
void settings_check_ranges(const struct mw_options *options, const struct settings_range *ranges,
                           size_t count);

/* Lower case, what is no letter and no digit as "-"; a trailing "*" is kept if that is allowed.
 * at == NULL: not a header's name, or out of memory. */
struct str settings_header_name(struct arena *arena, const char *name, bool may_be_prefix);

#endif
