/*
 * session.h - who a connection belongs to, from its chain's last PASS to its end.
 *
 * What a session is looked up by are its facets: texts of a few kinds, labels, its id and its
 * client's address. Texts that many share (issuer, route, backend) stand once on a worker; the
 * others lie in the session's one block, which has exactly their size. Its signature is a
 * word with some bits for each facet: where a bit of a filter's is missing, the filter does not
 * hold, and the session need not be touched to know it.
 *
 * It is the connection's, and the worker's thread alone may touch it. What others get is a copy
 * (session_record.h).
 */
#ifndef WSGATE_SESSION_H
#define WSGATE_SESSION_H

#include "base/names.h"
#include "gateway/request.h"

/* Of a token's texts a session holds at most so much; a longer one is not let in. */
enum { SESSION_TEXT_MAX = 0xFFFE };

/*      facet     word       shared by many */
#define SESSION_TEXTS(F)           \
    F(ISSUER, "issuer", true)      \
    F(ROUTE, "route", true)        \
    F(BACKEND, "backend", true)    \
    F(SUBJECT, "subject", false)   \
    F(TOKEN_ID, "token_id", false) \
    F(SID, "sid", false)

enum session_text {
#define F(name, word, shared) SESSION_##name,
    SESSION_TEXTS(F)
#undef F
        SESSION_TEXT_COUNT
};

/* The texts that are shared stand first among all. */
enum { SESSION_SHARED_COUNT = SESSION_SUBJECT };

struct session {
    struct connection *connection;
    uint32_t place; /* where the registry keeps it */
    uint32_t label_count;
    struct name *shared[SESSION_SHARED_COUNT];
    char own[]; /* session.c knows how they lie there */
};

/* All that is given must hold; an identity is an issuer and a subject together. */
struct session_filter {
    uint64_t id;                          /* 0: any */
    struct str texts[SESSION_TEXT_COUNT]; /* at == NULL: any */
    bool no_issuer;                       /* only those whose token names none */
    struct header label;                  /* name.at == NULL: any; value.at == NULL: any value */
    struct address_set *addresses;        /* NULL: any */
};

/* The word for a text, in logs and answers. */
const char *session_text_word(enum session_text text);

/* Of a request that has passed its chain. `names`: the worker's. NULL: no memory, or a text that
 * is too long. */
struct session *session_new(const struct request *request, struct names *names) MUST_CHECK;
void session_free(struct session *session, struct names *names);

/* at == NULL: it has none. */
struct str session_text(const struct session *session, enum session_text text);
/* i < session->label_count */
struct header session_label(const struct session *session, size_t i);

uint64_t session_signature(const struct session *session);
uint64_t session_filter_signature(const struct session_filter *filter);
/* The word of truth, after the signatures. */
bool session_matches(const struct session *session, const struct session_filter *filter);

#endif
