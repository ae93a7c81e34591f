/*
 * reasons.h - why a connection was refused or ended, in one table.
 *
 * A row gives the enum, the word in the log, the status that a client sees while it can
 * still be told, and who caused it. A row of a tunnel's end (E) also has the codes of the Close
 * frames (RFC 6455 7.4) that go to whoever caused it, and to the other side: "gateway" stands for
 * something about the client. 0: none goes there. Everything else asks the table.
 */
#ifndef WSGATE_REASONS_H
#define WSGATE_REASONS_H

#include <stdbool.h>

/*     enum               word                     status initiator  codes */
#define REASONS(R, E)                                                               \
    R(NONE,               "none",                       0, "")                        \
    /* Before the head: closed without an answer */                                   \
    R(ACCEPT_TIMEOUT,     "accept-timeout",             0, "client")                  \
    R(PROXY_UNTRUSTED,    "proxy-not-trusted",          0, "client")                  \
    R(PROXY_MALFORMED,    "proxy-header-malformed",     0, "client")                  \
    /* The head */                                                                    \
    R(HEAD_MALFORMED,     "head-malformed",           400, "client")                  \
    R(HANDSHAKE_BAD,      "handshake-malformed",      400, "client")                  \
    R(PATH_BAD,           "path-malformed",           400, "client")                  \
    R(HOST_BAD,           "host-malformed",           400, "client")                  \
    R(FORWARDED_BAD,      "forwarded-malformed",      400, "client")                  \
    R(HEAD_TIMEOUT,       "head-timeout",             408, "client")                  \
    R(URI_TOO_LONG,       "uri-too-long",             414, "client")                  \
    R(HEAD_TOO_LARGE,     "head-too-large",           431, "client")                  \
    R(METHOD,             "method-not-get",           405, "client")                  \
    R(NO_UPGRADE,         "not-an-upgrade",           426, "client")                  \
    R(VERSION,            "version-not-13",           426, "client")                  \
    R(NO_ROUTE,           "no-route",                 404, "client")                  \
    R(OVERLOAD,           "limit-connections",        503, "gateway")                 \
    R(HANDSHAKES,         "limit-handshakes",         503, "gateway")                 \
    R(ADDRESS_HANDSHAKES, "limit-handshakes-address", 429, "client")                  \
    /* The chain */                                                                   \
    R(DENIED,             "denied",                   403, "gateway")                 \
    R(UNDECIDED,          "undecided",                503, "gateway")                 \
    R(EXCLUDED,           "excluded",                 403, "gateway")                 \
    R(AUTH_TIMEOUT,       "auth-timeout",             504, "gateway")                 \
    R(HEADER_TWICE,       "header-twice",             503, "gateway")                 \
    R(REVOKED_EARLY,      "token-revoked",            401, "client")                  \
    R(EXPIRED_EARLY,      "token-expired",            401, "client")                  \
    /* The backend's handshake */                                                     \
    R(BACKEND_BUSY,       "backend-no-server",        503, "backend")                 \
    R(BACKEND_CONNECT,    "backend-connect",          502, "backend")                 \
    R(BACKEND_CONNECT_TIMEOUT, "backend-connect-timeout", 504, "backend")             \
    R(BACKEND_TLS,        "backend-tls",              502, "backend")                 \
    R(BACKEND_TIMEOUT,    "backend-handshake-timeout", 504, "backend")                \
    R(BACKEND_CLOSED,     "backend-closed-early",     502, "backend")                 \
    R(BACKEND_MALFORMED,  "backend-malformed",        502, "backend")                 \
    R(BACKEND_HANDSHAKE,  "backend-handshake",        502, "backend")                 \
    R(BACKEND_BODY,       "backend-body",             502, "backend")                 \
    R(BACKEND_REFUSED,    "backend-refused",            0, "backend")                 \
    R(NO_DESCRIPTORS,     "no-descriptors",           503, "gateway")                 \
    R(NO_MEMORY,          "no-memory",                503, "gateway")                 \
    R(STOPPING,           "stopping",                 503, "gateway")                 \
    /* Nobody can be told any more */                                                 \
    R(CLIENT_GONE,        "client-gone",                0, "client")                  \
    R(TLS,                "tls-handshake",              0, "client")                  \
    R(REFUSED,            "refused",                    0, "gateway")                 \
    R(LINGER_TIMEOUT,     "linger-timeout",             0, "client")                  \
    /* The tunnel's end, and the Close codes that go with it */                       \
    E(CLIENT_CLOSED,      "client-closed",              0, "client",  1000, 1000)     \
    E(BACKEND_ENDED,      "backend-closed",             0, "backend", 1000, 1000)     \
    E(CLIENT_LOST,        "client-lost",                0, "client",     0,    0)     \
    E(BACKEND_LOST,       "backend-lost",               0, "backend",    0, 1011)     \
    E(CLIENT_CUT,         "client-truncated",           0, "client",     0,    0)     \
    E(BACKEND_CUT,        "backend-truncated",          0, "backend",    0, 1011)     \
    E(CLIENT_RESET,       "client-reset",               0, "client",     0,    0)     \
    E(BACKEND_RESET,      "backend-reset",              0, "backend",    0, 1011)     \
    E(CLIENT_PROTOCOL,    "client-protocol",            0, "client",  1002, 1001)     \
    E(BACKEND_PROTOCOL,   "backend-protocol",           0, "backend", 1002, 1001)     \
    E(CLIENT_UTF8,        "client-utf8",                0, "client",  1007, 1001)     \
    E(BACKEND_UTF8,       "backend-utf8",               0, "backend", 1007, 1001)     \
    E(CLIENT_TYPE,        "client-type-not-allowed",    0, "client",  1003, 1001)     \
    E(BACKEND_TYPE,       "backend-type-not-allowed",   0, "backend", 1003, 1001)     \
    E(CLIENT_FRAME,       "client-frame-too-large",     0, "client",  1009, 1001)     \
    E(BACKEND_FRAME,      "backend-frame-too-large",    0, "backend", 1009, 1001)     \
    E(CLIENT_MESSAGE,     "client-message-too-large",   0, "client",  1009, 1001)     \
    E(BACKEND_MESSAGE,    "backend-message-too-large",  0, "backend", 1009, 1001)     \
    E(CLIENT_MESSAGE_RATE, "client-message-rate",       0, "client",  4429, 1001)     \
    E(BACKEND_MESSAGE_RATE, "backend-message-rate",     0, "backend", 4429, 1001)     \
    E(CLIENT_BYTE_RATE,   "client-byte-rate",           0, "client",  4429, 1001)     \
    E(BACKEND_BYTE_RATE,  "backend-byte-rate",          0, "backend", 4429, 1001)     \
    E(CLIENT_SILENT,      "client-pong-timeout",        0, "client",  1001, 1001)     \
    E(BACKEND_SILENT,     "backend-pong-timeout",       0, "backend", 1001, 1011)     \
    E(EXPIRED,            "expired",                    0, "gateway", 4401, 1001)     \
    E(LIFETIME,           "max-lifetime",               0, "gateway", 1001, 1001)     \
    E(IDLE,               "idle-timeout",               0, "gateway", 1001, 1001)     \
    E(WRITE_TIMEOUT,      "write-timeout",              0, "gateway", 1001, 1001)     \
    E(FIN_TIMEOUT,        "fin-timeout",                0, "gateway", 1001, 1001)     \
    E(QUOTA,              "quota",                    429, "gateway", 4429, 1001)     \
    E(CLOSED_BY_MODULE,   "closed-by-module",         403, "gateway", 4403, 1001)     \
    E(KILLED,             "killed",                   403, "gateway", 4403, 1001)     \
    E(REVOKED,            "revoked",                  403, "gateway", 4403, 1001)     \
    E(REVALIDATION_UNAUTHORIZED, "revalidation-unauthorized", 0, "gateway", 4401, 1001) \
    E(REVALIDATION,       "revalidation-refused",       0, "gateway", 4403, 1001)     \
    E(REVALIDATION_UNDECIDED, "revalidation-undecided", 0, "gateway", 1013, 1001)     \
    E(REVALIDATION_TIMEOUT, "revalidation-timeout",     0, "gateway", 1011, 1001)     \
    E(DRAIN,              "drain",                      0, "gateway", 1012, 1001)     \
    E(SHUTDOWN,           "shutdown",                   0, "gateway", 1012, 1001)

enum reason {
#define R(name, word, status, initiator) REASON_##name,
#define E(name, word, status, initiator, code, others_code) REASON_##name,
    REASONS(R, E)
#undef E
#undef R
    REASON_COUNT
};

const char *reason_word(enum reason reason);
/* 0: there is none. */
unsigned reason_status(enum reason reason);
const char *reason_initiator(enum reason reason);
/* Whom it is about, and the code of the Close frame to either; 0: none. */
enum reason_side { REASON_OF_CLIENT, REASON_OF_BACKEND };
enum reason_side reason_cause(enum reason reason);
unsigned reason_close_code(enum reason reason, enum reason_side side);
/* Was leave to be here taken away? Then not even a frame that has begun is finished. */
bool reason_revokes(enum reason reason);

#endif
