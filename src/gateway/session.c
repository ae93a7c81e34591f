/*
 * session.c - the block of a session, and what filters say of it; see session.h.
 *
 * The block: the struct, then own texts and labels one after another, each behind its length.
 */
#include "gateway/session.h"

#include "base/hash.h"
#include "base/text.h"
#include "gateway/connection.h"
#include "gateway/router.h"

#include <stdlib.h>

enum { ABSENT = SESSION_TEXT_MAX + 1, FACET_BITS = 3 };

static const struct {
    const char *word;
    bool shared;
} rows[SESSION_TEXT_COUNT] = {
#define F(name, word, shared) {word, shared},
    SESSION_TEXTS(F)
#undef F
};

const char *
session_text_word(enum session_text text)
{
    return rows[text].word;
}

/* ---- The block -------------------------------------------------------------------- */

static void
put(char **at, struct str text)
{
    uint16_t len = text.at != NULL ? (uint16_t)text.len : ABSENT;

    memcpy(*at, &len, sizeof(len));
    *at += sizeof(len);
    if (text.at == NULL)
        return;
    memcpy(*at, text.at, text.len);
    *at += text.len;
}

static struct str
get(const char **at)
{
    uint16_t len;

    memcpy(&len, *at, sizeof(len));
    *at += sizeof(len);
    if (len == ABSENT)
        return STR_NONE;
    struct str text = {*at, len};
    *at += len;
    return text;
}

/* The i-th text of the block. */
static struct str
own(const struct session *session, size_t i)
{
    const char *at = session->own;

    for (; i > 0; i--)
        (void)get(&at);
    return get(&at);
}

struct str
session_text(const struct session *session, enum session_text text)
{
    return rows[text].shared ? name_str(session->shared[text])
                             : own(session, text - SESSION_SHARED_COUNT);
}

struct header
session_label(const struct session *session, size_t i)
{
    size_t first = SESSION_TEXT_COUNT - SESSION_SHARED_COUNT + 2 * i;

    return (struct header){own(session, first), own(session, first + 1)};
}

/* ---- Birth and end ------------------------------------------------------------------ */

static bool
hold_shared(struct session *session, const struct request *request, struct names *names)
{
    struct text route = {request->worker->buffer, 0, WORKER_BUFFER_BYTES, false};
    const struct str texts[SESSION_SHARED_COUNT] = {
        [SESSION_ISSUER] = request->who.issuer,
        [SESSION_ROUTE] = router_text(request->route, &route),
        [SESSION_BACKEND] = str_of(request->route->backend->name),
    };

    for (size_t i = 0; i < SESSION_SHARED_COUNT; i++)
        if (texts[i].at != NULL && (session->shared[i] = names_hold(names, texts[i])) == NULL)
            return false;
    return true;
}

/* What lies in the block, in its order. */
static size_t
own_texts(const struct request *request, struct str texts[])
{
    size_t count = 0;

    texts[count++] = request->who.subject;
    texts[count++] = request->who.token_id;
    texts[count++] = request->who.session_id;
    for (size_t i = 0; i < request->label_count; i++) {
        texts[count++] = request->labels[i].name;
        texts[count++] = request->labels[i].value;
    }
    return count;
}

struct session *
session_new(const struct request *request, struct names *names)
{
    struct str texts[SESSION_TEXT_COUNT - SESSION_SHARED_COUNT + 2 * REQUEST_LABELS_MAX];
    size_t count = own_texts(request, texts), bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (texts[i].len > SESSION_TEXT_MAX)
            return NULL;
        bytes += sizeof(uint16_t) + texts[i].len;
    }
    struct session *session = calloc(1, sizeof(*session) + bytes);
    if (session == NULL)
        return NULL;
    session->connection = request->connection;
    session->label_count = (uint32_t)request->label_count;
    char *at = session->own;
    for (size_t i = 0; i < count; i++)
        put(&at, texts[i]);
    if (hold_shared(session, request, names))
        return session;
    session_free(session, names);
    return NULL;
}

void
session_free(struct session *session, struct names *names)
{
    for (size_t i = 0; i < SESSION_SHARED_COUNT; i++)
        names_drop(names, session->shared[i]);
    free(session);
}

/* ---- Facets --------------------------------------------------------------------------- */

/* Some bits of a word, by what the facet is and what it says. */
static uint64_t
bits_of(unsigned kind, struct str name, struct str value)
{
    uint64_t hash = hash_text(HASH_START ^ kind, name), bits = 0;

    hash = hash_text(hash ^ name.len << 8, value);
    hash ^= hash >> 32;
    for (int i = 0; i < FACET_BITS; i++, hash >>= 6)
        bits |= UINT64_C(1) << (hash & 63);
    return bits;
}

/* Kinds beside the texts'. */
enum { KIND_ID = SESSION_TEXT_COUNT, KIND_LABEL_NAME, KIND_LABEL };

static uint64_t
id_bits(uint64_t id)
{
    return bits_of(KIND_ID, STR_NONE, (struct str){(const char *)&id, sizeof(id)});
}

uint64_t
session_signature(const struct session *session)
{
    uint64_t bits = id_bits(session->connection->id);

    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++) {
        struct str text = session_text(session, i);
        if (text.at != NULL)
            bits |= bits_of(i, STR_NONE, text);
    }
    for (size_t i = 0; i < session->label_count; i++) {
        struct header label = session_label(session, i);
        bits |= bits_of(KIND_LABEL_NAME, label.name, STR_NONE);
        bits |= bits_of(KIND_LABEL, label.name, label.value);
    }
    return bits;
}

uint64_t
session_filter_signature(const struct session_filter *filter)
{
    uint64_t bits = filter->id != 0 ? id_bits(filter->id) : 0;

    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        if (filter->texts[i].at != NULL)
            bits |= bits_of(i, STR_NONE, filter->texts[i]);
    if (filter->label.name.at == NULL)
        return bits;
    return bits | bits_of(filter->label.value.at != NULL ? KIND_LABEL : KIND_LABEL_NAME,
                          filter->label.name, filter->label.value);
}

static bool
label_matches(const struct session *session, const struct header *label)
{
    if (label->name.at == NULL)
        return true;
    for (size_t i = 0; i < session->label_count; i++) {
        struct header own = session_label(session, i);
        if (str_equal(own.name, label->name) &&
            (label->value.at == NULL || str_equal(own.value, label->value)))
            return true;
    }
    return false;
}

bool
session_matches(const struct session *session, const struct session_filter *filter)
{
    if (filter->id != 0 && filter->id != session->connection->id)
        return false;
    if (filter->no_issuer && session_text(session, SESSION_ISSUER).at != NULL)
        return false;
    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++) {
        struct str text = session_text(session, i);
        if (filter->texts[i].at != NULL && (text.at == NULL || !str_equal(text, filter->texts[i])))
            return false;
    }
    return label_matches(session, &filter->label) &&
           (filter->addresses == NULL ||
            address_set_has(filter->addresses, &session->connection->peer.any));
}
