/*
 * wsgate/middleware.h - the interface between the gateway and its middleware.
 *
 * This is the one public header: a module needs nothing else of ours, and
 * links to nothing of ours. A module is one `const struct mw_module`. What it
 * may ask of the gateway comes as `const struct mw_host *`.
 *
 * Threads. setup, teardown, control_start and control_stop run on the control
 * thread. Everything else runs on a worker, and one module runs on several
 * workers at the same time. An instance is therefore constant after setup; what
 * a module writes, it writes to its worker's state, to its state on the control
 * thread, to its slot, or under a lock of its own.
 *
 * Reload. At any time an instance may be set up beside others. One whose module, name, options and
 * files (MW_FILE, MW_FILES) are those of an instance that runs is torn down at once, and that
 * one goes on; else the old one ends when no connection needs it: the states on the workers, then
 * the part on the control thread, then the instance.
 *
 * Verdicts. MW_DENY is zero, so memory that nobody wrote denies.
 *
 * Growth. Structs that cross the border begin with their size in bytes and
 * only ever grow at the end. WSGATE_MIDDLEWARE_ABI changes only on a break.
 */
#ifndef WSGATE_MIDDLEWARE_H
#define WSGATE_MIDDLEWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WSGATE_MIDDLEWARE_ABI 1

struct event_base;
struct sockaddr;
struct mw_options; /* the checked options of one instance, or one map in them */
struct mw_worker;  /* the thread on which a state lives: a worker, or the control thread */
struct mw_request; /* one opening handshake; valid until its verdict */
struct mw_task;    /* one decision or revalidation that may wait */

enum mw_verdict { MW_DENY = 0, MW_PASS = 1, MW_WAIT = 2 };

/* Bytes that somebody else owns; not terminated by NUL. at == NULL: absent. */
struct mw_str {
    const char *at;
    size_t len;
};

/* ---- Options ---------------------------------------------------------- */

enum mw_option_type {
    MW_BOOL,     /* true | false                     -> option_integer 0, 1 */
    MW_INTEGER,  /* 0 and up, or one of `choices`    -> option_integer; -1 - index of the choice */
    MW_SIZE,     /* 512B 64KiB 1MiB                  -> option_integer, bytes */
    MW_DURATION, /* 250ms 5s 2m 1h 7d, 0             -> option_integer, ms */
    MW_RATE,     /* 10/s 100/1m -> option_integer, per 1000 s; option_interval_ns */
    MW_WORD,     /* one of `choices`, "a|b|c"        -> option_integer, its index */
    MW_STRING,   /* any string                       -> option_string */
    MW_FILE,     /* path of a file that can be read  -> option_string */
    MW_LIST,     /* a list of strings, or one string -> option_count, option_item */
    MW_FILES,    /* a list of readable paths         -> option_count, option_item */
    MW_MAP,      /* string: string, any keys         -> option_count, option_key, option_item */
    MW_OBJECT,   /* one map with `members`           -> option_member(.., 0) */
    MW_OBJECTS,  /* a list of such maps              -> option_count, option_member */
    MW_NAMED,    /* name: such a map, any names      -> option_count, option_key, option_member */
};

enum {
    MW_REQUIRED = 1, /* leaving it out is an error */
    MW_LATER = 2,    /* known, but not built yet: only its fallback, or an empty list, is taken */
    MW_SHORT = 4,    /* MW_OBJECTS: a string in the list stands for a map of the first member */
    MW_OWN = 8,      /* MW_STRING in a module's own table: a file that the instance writes, which no
                      * other instance may name */
};

/*
 * A row of an option table; the table ends with a row whose word is NULL. An
 * MW_OBJECT with the fallback "{}" is always there, with its members' defaults; without a
 * fallback option_member gives NULL when it was left out.
 */
struct mw_option {
    const char *word;
    enum mw_option_type type;
    const char *fallback; /* default, as one would write it: a scalar or "{}"; NULL: none */
    const char *help;     /* what it is, for manual, schema and the fault when it is missing */
    unsigned flags;
    const char *choices;             /* MW_WORD, MW_INTEGER; "a|b!": b is not built yet */
    const struct mw_option *members; /* MW_OBJECT, MW_OBJECTS, MW_NAMED */
};

/* ---- What a module can ask and answer --------------------------------- */

enum mw_log_level { MW_LOG_ERROR, MW_LOG_WARNING, MW_LOG_INFO, MW_LOG_DEBUG };

/* Where a credential was found; strip() takes it out of what the backend sees. */
enum mw_source { MW_HEADER, MW_COOKIE, MW_QUERY, MW_SUBPROTOCOL };

/* Parts of the certificate that a client showed in TLS; names in UTF-8, numbers in lower-case
 * hexadecimal. */
enum mw_certificate {
    MW_CERTIFICATE_DER,         /* all of it (X.690) */
    MW_CERTIFICATE_SUBJECT,     /* as RFC 2253 writes it: "CN=ann,O=Example" */
    MW_CERTIFICATE_ISSUER,      /* the same */
    MW_CERTIFICATE_COMMON_NAME, /* in the subject; there may be several */
    MW_CERTIFICATE_SERIAL,
    MW_CERTIFICATE_FINGERPRINT, /* SHA-256 of the DER */
    MW_CERTIFICATE_DNS,         /* in subjectAltName, as the next two; there may be several */
    MW_CERTIFICATE_EMAIL,
    MW_CERTIFICATE_URI,
};

enum {
    MW_BODY_MAX = 16 * 1024,   /* bytes of a refusal's body */
    MW_REVALIDATIONS_MAX = 24, /* tunnels that wait in revalidate: of an instance, on a worker */
};

/* Why release() is called. */
enum mw_end {
    MW_END_REFUSED, /* a later module, or the backend's answer, ended it */
    MW_END_GONE,    /* the client left before there was a tunnel */
    MW_END_CLOSED,  /* the tunnel ended */
};

/* Why a session is ended: it may not be here; or others have a better claim to its place. */
enum mw_close { MW_CLOSE_POLICY, MW_CLOSE_QUOTA };

struct mw_host {
    size_t size; /* sizeof(struct mw_host) of the running gateway */

    /* Options. `word` must be in the module's table. Strings live as long as
     * the configuration does: an instance may keep them. Absent: NULL, 0. At setup what was refused
     * counts as absent; what is required is there. */
    const char *(*option_string)(const struct mw_options *options, const char *word);
    int64_t (*option_integer)(const struct mw_options *options, const char *word);
    bool (*option_given)(const struct mw_options *options, const char *word);
    size_t (*option_count)(const struct mw_options *options, const char *word);
    const char *(*option_key)(const struct mw_options *options, const char *word, size_t i);
    const char *(*option_item)(const struct mw_options *options, const char *word, size_t i);
    const struct mw_options *(*option_member)(const struct mw_options *options, const char *word,
                                              size_t i);
    /* Reports a fault at item i (0 for a scalar) of `word` as FILE:LINE:COLUMN. setup
     * may go on, to report more, and must return NULL in the end. */
    void (*option_fault)(const struct mw_options *options, const char *word, size_t i,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

    /* At setup: this header belongs to the gateway from now on. A client's copies of it are
     * removed on every route (whatever is no letter and no digit counts as "-"). false: no header,
     * one that the gateway writes itself or that belongs to one connection, or no memory. The same
     * one twice is a fault: a request would have to carry both. */
    bool (*reserve_header)(const struct mw_options *options, const char *name);

    /* The worker, or the control thread. base: its event loop. post: runs fn(arg) on that
     * loop, from any thread; false when the gateway is stopping, when the state there has ended, or
     * out of memory. */
    struct event_base *(*worker_base)(struct mw_worker *worker);
    bool (*post)(struct mw_worker *worker, void (*fn)(void *arg), void *arg);

    /* Questions. All strings live until the verdict. Index i counts from 0;
     * past the end the answer's `at` is NULL. Names of headers in any case. */
    /* The client's, whoever stands between: IPv4 (also what was mapped into IPv6), IPv6, AF_UNIX;
     * AF_UNSPEC when a trusted proxy does not say who it is. Never NULL. */
    const struct sockaddr *(*peer_address)(const struct mw_request *request);
    struct mw_str (*method)(const struct mw_request *request);
    struct mw_str (*host)(const struct mw_request *request); /* lower case, no default port */
    struct mw_str (*path)(const struct mw_request *request); /* the one form that is forwarded */
    struct mw_str (*capture)(const struct mw_request *request, const char *name);
    struct mw_str (*query)(const struct mw_request *request, const char *name, size_t i);
    struct mw_str (*header)(const struct mw_request *request, const char *name, size_t i);
    struct mw_str (*cookie)(const struct mw_request *request, const char *name, size_t i);
    struct mw_str (*subprotocol)(const struct mw_request *request, size_t i);
    /* Since 1970. In decide: when the head was whole, or when a module before this one resumed.
     * Between MW_WAIT and resume: now, for what was good at first may have expired. */
    int64_t (*wall_clock_ms)(const struct mw_request *request);

    /* Answers. deny: status 400, 401, 403, 429, 503, or 504 for a service that was too slow;
     * `word` is a static lower-case code for the log and the metric; `challenge` the value of
     * WWW-Authenticate, or NULL. It returns MW_DENY, so that `return host->deny(..)` reads well. */
    enum mw_verdict (*deny)(struct mw_request *request, int status, const char *word,
                            const char *challenge);
    bool (*forward_header)(struct mw_request *request, const char *name, struct mw_str value);
    /* Header, cookie and query: every copy of `name`. Subprotocol: the i-th entry. */
    bool (*strip)(struct mw_request *request, enum mw_source source, const char *name, size_t i);
    /* Who it is: (issuer, subject), for log, limits and revocation. */
    bool (*identify)(struct mw_request *request, struct mw_str issuer, struct mw_str subject);
    /* The tunnel ends at this wall-clock time; the earliest of several holds. */
    void (*deadline)(struct mw_request *request, int64_t wall_ms);
    bool (*label)(struct mw_request *request, const char *key, struct mw_str value);
    /* Memory until the verdict, wiped when the request goes. NULL: none left. */
    void *(*alloc)(struct mw_request *request, size_t bytes);

    /* The slot: one pointer per module and connection, handed to release(). */
    void (*slot_set)(struct mw_request *request, void *slot);
    void *(*slot)(const struct mw_request *request);

    /* Waiting. Take the task before returning MW_WAIT; then call resume once, from
     * the worker's loop and never from inside decide, cancel or release, with MW_PASS or MW_DENY.
     * After cancel the task is gone. */
    struct mw_task *(*task)(struct mw_request *request);
    void (*resume)(struct mw_task *task, enum mw_verdict verdict);

    /* Ends the tunnel with that id. From any thread. */
    void (*close_session)(const struct mw_host *host, uint64_t id, const char *reason);
    uint64_t (*session_id)(const struct mw_request *request);

    /* One line to the error log. Never put a credential into it. */
    void (*log)(const struct mw_host *host, enum mw_log_level level, const char *module,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
    /* Adds to the counter `word` of this module on this request's worker. */
    void (*count)(struct mw_request *request, const char *word, uint64_t n);
    /* The same without a request, from the thread of `worker`. Both are static strings. */
    void (*count_on)(struct mw_worker *worker, const char *module, const char *word, uint64_t n);

    /* Beside identify: the token's own id (jti) and that of the session it belongs to (sid), each
     * of them absent where it has none. */
    bool (*identify_token)(struct mw_request *request, struct mw_str token_id,
                           struct mw_str session_id);
    /* Has any of these been revoked? For decide and revalidate, from any thread; what is absent is
     * not asked about. The gateway asks once more before the tunnel, by what identify said. */
    bool (*is_revoked)(const struct mw_host *host, struct mw_str issuer, struct mw_str subject,
                       struct mw_str token_id, struct mw_str session_id);
    /* Will revalidate be called for this one's tunnel? Else nothing need be kept for it. */
    bool (*is_revalidated)(const struct mw_request *request);

    /* Who it is, as a module before this one said by identify; at == NULL: nobody has. route: its
     * host and path as configured. */
    struct mw_str (*issuer)(const struct mw_request *request);
    struct mw_str (*subject)(const struct mw_request *request);
    struct mw_str (*route)(const struct mw_request *request);
    /* Path and query, credentials in it included; does the client speak TLS, to us or to a trusted
     * proxy? */
    struct mw_str (*uri)(const struct mw_request *request);
    bool (*is_secure)(const struct mw_request *request);
    /* Beside deny, and lost without it: a body instead of the gateway's own. It is copied; false:
     * longer than MW_BODY_MAX, no memory, or a type that no header can have; then the answer has
     * our own. */
    bool (*answer_body)(struct mw_request *request, struct mw_str type, struct mw_str body);
    /* Beside deny with 429 or 503: when it is worth to try again. Without it: 1. */
    void (*retry_after)(struct mw_request *request, uint32_t seconds);
    /* Like close_session, saying why: the Close frame's code is 4403 or 4429. */
    void (*end_session)(const struct mw_host *host, uint64_t id, enum mw_close close,
                        const char *reason);

    /* The i-th value of a part of the client's certificate, which TLS has verified; at == NULL: it
     * showed none, or has no such value. It lives until the verdict. */
    struct mw_str (*peer_certificate)(const struct mw_request *request, enum mw_certificate part,
                                      size_t i);

    /* At setup: item i of `word` needs the capture of that name. A route that requires the instance
     * and has none in its path is a fault there. false: out of memory. */
    bool (*expect_capture)(const struct mw_options *options, const char *word, size_t i,
                           const char *name);

    /* Is the request made up, by `wsgatectl explain`? Then nobody is asked over the network: a
     * module that would have to says undecided instead. */
    bool (*is_offline)(const struct mw_request *request);
    /* Nobody can say here; `why` is a static phrase. It returns MW_DENY, as deny does: in a gateway
     * it is a 503. */
    enum mw_verdict (*undecided)(struct mw_request *request, const char *why);

    /* Claims of who was admitted, from the module that verified them to those behind it. A claim's
     * name is a member's, or several joined by dots, as in "org.id". At setup an instance says that
     * it gives claims, or that item i of `word` reads one: a route that requires the latter with
     * none of the former before it is a fault there. false: out of memory. */
    void (*offer_claims)(const struct mw_options *options);
    bool (*expect_claim)(const struct mw_options *options, const char *word, size_t i,
                         const char *name);
    /* The i-th claim that a module of this request's route reads; NULL: there are no more. */
    const char *(*expected_claim)(const struct mw_request *request, size_t i);
    /* What the claim of that name says, as text, and whose word that is; issuer.at == NULL: it has
     * no issuer. Say it only of what has been verified. Of several the last counts. */
    bool (*give_claim)(struct mw_request *request, const char *name, struct mw_str issuer,
                       struct mw_str value);
    /* As a module before this one gave it, and, where issuer is not NULL, by whom; at == NULL: none
     * has. Values of two issuers have nothing to do with each other. */
    struct mw_str (*claim)(const struct mw_request *request, const char *name,
                           struct mw_str *issuer);

    /* These two are for a revalidation's task, until its verdict. deny_tunnel: how the tunnel ends,
     * before revalidate returns MW_DENY, or resume is called with it. 401: Close 4401; 503, nobody
     * could say: 1013; 504, too slow: 1011; 403 and all others: 4403. `word` as for deny. It
     * returns MW_DENY, as deny does; without it MW_DENY is a 403. */
    enum mw_verdict (*deny_tunnel)(struct mw_task *task, int status, const char *word);
    /* As capture, of the path that the tunnel was opened with. */
    struct mw_str (*tunnel_capture)(const struct mw_task *task, const char *name);

    /* Host, with its port where that is not the scheme's own: as X-Forwarded-Host says it. */
    struct mw_str (*authority)(const struct mw_request *request);
    /* Is that header the gateway's own (X-Forwarded-*, of identity_headers, or reserved), so that
     * what a client sends in it counts for nothing? Then *said is what a module before this one has
     * said by forward_header; at == NULL: nothing yet. */
    bool (*own_header)(const struct mw_request *request, const char *name, struct mw_str *said);

    /* Is the instance only tried out (`dry_run`)? Its verdict, and what it says of the request,
     * count for nothing, and it is released like any other; what it would do to others is left to
     * it, and must not be done. */
    bool (*is_dry_run)(const struct mw_request *request);

    /* Of an MW_RATE: nanoseconds from one event to the next, which option_integer rounds. 0: there
     * is no rate, it is 0, or the time is shorter than one. */
    uint64_t (*option_interval_ns)(const struct mw_options *options, const char *word);
};

/* ---- A module ---------------------------------------------------------- */

struct mw_module {
    size_t size;  /* sizeof(struct mw_module) that the module was built with */
    uint32_t abi; /* WSGATE_MIDDLEWARE_ABI */
    const char *name;
    const struct mw_option *options;

    /* Required. Control thread; NULL after at least one option_fault. */
    void *(*setup)(const struct mw_options *options, const struct mw_host *host);
    void (*teardown)(void *instance);

    /* Optional, both or none; a module without them has a NULL state. */
    void *(*worker_start)(const void *instance, struct mw_worker *worker);
    void (*worker_stop)(void *state);

    /* Required. */
    enum mw_verdict (*decide)(const void *instance, void *state, struct mw_request *request);
    /* Required where decide or revalidate can wait. After MW_WAIT either this or resume. */
    void (*cancel)(void *state, struct mw_task *task);
    /* Optional: exactly once after every MW_PASS, on the same worker. With nothing in its slot as
     * soon as the tunnel begins: only a slot, or revalidate, keeps a state for a tunnel. */
    void (*release)(void *state, void *slot, enum mw_end end);
    /* Optional: judges a live tunnel again, every `revalidate` of its route, and after a reload
     * where it says so. `state` is of the newest instance of that name, which need not be the one
     * that filled the slot: what is in there must not depend on the instance. MW_DENY ends the
     * tunnel; deny_tunnel says how. It may wait with this task: as in decide, either resume or
     * cancel follows, the latter also when timeouts.auth has passed or the tunnel ends. Asked again
     * only after its answer. It has no request: what it needs is in its slot. */
    enum mw_verdict (*revalidate)(void *state, void *slot, struct mw_task *task);

    /* Optional, both or none: a part on the control thread, for what is done once for all workers
     * and must not wait for them, such as fetching. `control` is that thread, for worker_base and
     * post. It is started before the workers' states, and what it writes into its instance's own
     * memory until it returns they can read. NULL: the gateway does not start, or at a reload stays
     * as it is. It is stopped after the instance's states on all workers, when no post from them
     * can arrive any more. `wsgatectl explain` has no control thread: a module that was not started
     * there decides with what it has. */
    void *(*control_start)(const void *instance, struct mw_worker *control);
    void (*control_stop)(void *state);

    /* Optional: at a reload, on the control thread before control_start. `old` is the instance of
     * that name and of this module, whose options or files were others. It runs on, perhaps for
     * long; what is still good of it may be copied. The reload may fail all the same. */
    void (*adopt)(void *instance, const void *old);
};

/* ---- A module in a file -------------------------------------------------- */

/* The one function that a file named in `modules:` exports. What it returns lives as long as the
 * process; a file is never unloaded. It is called on the control thread, more than once. */
#define WSGATE_MIDDLEWARE_ENTRY "wsgate_module"
__attribute__((visibility("default"))) const struct mw_module *wsgate_module(void);

#ifdef __cplusplus
}
#endif
#endif
