/* inbox.c - see inbox.h. */
#include "gateway/inbox.h"

bool
inbox_begin(struct inbox *in, struct http_head *head, struct arena *arena,
            const struct http_limits *limits)
{
    size_t cap = limits->head_bytes < INBOX_FIRST_BYTES ? limits->head_bytes
                                                        : (size_t)INBOX_FIRST_BYTES;
    struct http_field *fields = arena_alloc_plain(arena, limits->fields * sizeof(*fields));

    *in = (struct inbox){arena_alloc_plain(arena, cap), 0, cap};
    http_head_init(head, fields, limits);
    return in->at != NULL && fields != NULL;
}

void
inbox_drop(struct inbox *in, size_t bytes)
{
    in->len -= bytes;
    memmove(in->at, in->at + bytes, in->len);
    explicit_bzero(in->at + in->len, bytes);
}

void
inbox_wipe(struct inbox *in)
{
    if (in->len > 0)
        explicit_bzero(in->at, in->len);
}

bool
inbox_grow(struct inbox *in, struct arena *arena, size_t cap)
{
    if (cap <= in->cap)
        return false;
    char *at = arena_alloc_plain(arena, cap);
    if (at == NULL)
        return false;
    if (in->len > 0)
        memcpy(at, in->at, in->len);
    inbox_wipe(in);
    in->at = at;
    in->cap = cap;
    return true;
}

bool
inbox_go_on(struct inbox *in, struct http_head *head, struct arena *arena)
{
    struct http_limits limits = head->limits;

    if (in->len < in->cap)
        return true;
    /* The parser asks for no more than its limit, so there is always a larger size to have. */
    if (!inbox_grow(in, arena, limits.head_bytes))
        return false;
    http_head_init(head, head->fields, &limits);
    return true;
}
