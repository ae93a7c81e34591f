/*
 * route_index.c - see route_index.h.
 *
 * Every edge of the tree lies in one hash table, keyed by the node that it leaves and its text.
 * The root's edges are hosts, all others segments; "{}" is any capture and "*" the star, which no
 * segment of a path can be.
 *
 * The hard thing: to say yes wrongly would refuse a file that works. A narrow capture is
 * taken in by a capture and never by a literal, a narrow star by a star alone.
 */
#include "config/route_index.h"

#include "base/hash.h"
#include "config/route_pattern.h"

enum { ROOT = 0, NONE = 0 }; /* a node's number; the root is nobody's child */

struct entry {
    struct entry *next;
    const struct route_settings *route;
};

struct node {
    uint32_t parent;
    struct str text; /* of the edge that leads here */
    struct entry *first, **last;
};

struct route_index {
    struct arena *arena;
    struct node *nodes;
    uint32_t *slots; /* numbers of nodes; NONE: free */
    size_t node_count, slot_count;
};

static const struct str capture = {"{}", 2}, star = {"*", 1};

/* ---- Edges -------------------------------------------------------------------- */

static size_t
hash(uint32_t parent, struct str text)
{
    uint64_t value = hash_text(HASH_START ^ parent, text);

    return (size_t)(value ^ value >> 29);
}

/* The slot of that edge, or the free one where it would go. */
static uint32_t *
slot_of(const struct route_index *index, uint32_t parent, struct str text)
{
    for (size_t i = hash(parent, text);; i++) {
        uint32_t *slot = &index->slots[i & (index->slot_count - 1)];
        const struct node *node = &index->nodes[*slot];

        if (*slot == NONE || (node->parent == parent && str_equal(node->text, text)))
            return slot;
    }
}

/* There is room for all that the routes can need. */
static uint32_t
make_child(struct route_index *index, uint32_t parent, struct str text)
{
    uint32_t *slot = slot_of(index, parent, text);

    if (*slot == NONE) {
        *slot = (uint32_t)index->node_count++;
        index->nodes[*slot] = (struct node){.parent = parent, .text = text};
    }
    return *slot;
}

static struct str
host_of(const struct route_settings *route)
{
    return route->host.at != NULL ? route->host : STR("");
}

/* ---- Building ------------------------------------------------------------------ */

static size_t
segments(struct str path)
{
    size_t n = 0;

    for (; path.len > 0; n++)
        (void)route_take_segment(&path);
    return n;
}

struct route_index *
route_index_new(struct arena *arena, const struct route_settings *routes, size_t count)
{
    struct route_index *index = arena_zalloc(arena, sizeof(*index));
    size_t nodes = 1;

    for (size_t i = 0; i < count; i++)
        nodes += 1 + segments(routes[i].path);
    if (index == NULL || nodes > UINT32_MAX / 4)
        return NULL;
    index->arena = arena;
    index->node_count = 1;
    for (index->slot_count = 4; index->slot_count < 2 * nodes;)
        index->slot_count *= 2;
    index->nodes = arena_zalloc(arena, nodes * sizeof(*index->nodes));
    index->slots = arena_zalloc(arena, index->slot_count * sizeof(*index->slots));
    return index->nodes != NULL && index->slots != NULL ? index : NULL;
}

bool
route_index_add(struct route_index *index, const struct route_settings *route)
{
    struct entry *entry = arena_alloc(index->arena, sizeof(*entry));
    uint32_t node = make_child(index, ROOT, host_of(route));

    if (entry == NULL)
        return false;
    for (struct str rest = route->path; rest.len > 0;) {
        struct str segment = route_take_segment(&rest);

        if (rest.len == 0 && route->match == PATH_BELOW)
            segment = star;
        node = make_child(index, node, route_is_capture(segment) ? capture : segment);
    }
    *entry = (struct entry){NULL, route};
    struct node *end = &index->nodes[node];

    if (end->first == NULL)
        end->last = &end->first;
    *end->last = entry;
    end->last = &entry->next;
    return true;
}

/* ---- Looking up ---------------------------------------------------------------- */

struct search {
    const struct route_index *index;
    const struct route_settings *narrow, *found;
    bool (*fits)(void *arg, const struct route_settings *wide);
    void *arg;
};

/* The first that fits of those that end at that node, unless an earlier one has been found. */
static void
look_at(struct search *search, uint32_t node)
{
    for (const struct entry *entry = search->index->nodes[node].first; entry; entry = entry->next) {
        if (search->found != NULL && search->found->index <= entry->route->index)
            return;
        if (search->fits(search->arg, entry->route)) {
            search->found = entry->route;
            return;
        }
    }
}

/* Down from that node, with what is left of the narrow path. It calls itself for captures alone,
 * of which a route has few. */
static void
walk(struct search *search, uint32_t node, struct str rest)
{
    while (rest.len > 0) {
        uint32_t below = *slot_of(search->index, node, star);

        if (below != NONE)
            look_at(search, below);
        struct str segment = route_take_segment(&rest);
        uint32_t any = NONE;

        if (rest.len == 0 && search->narrow->match == PATH_BELOW)
            return;
        if (segment.len > 0)
            any = *slot_of(search->index, node, capture);
        if (any != NONE)
            walk(search, any, rest);
        node = route_is_capture(segment) ? NONE : *slot_of(search->index, node, segment);
        if (node == NONE)
            return;
    }
    look_at(search, node);
}

static void
walk_host(struct search *search, struct str host)
{
    uint32_t node = *slot_of(search->index, ROOT, host);

    if (node != NONE)
        walk(search, node, search->narrow->path);
}

const struct route_settings *
route_index_covering(const struct route_index *index, const struct route_settings *narrow,
                     bool (*fits)(void *arg, const struct route_settings *wide), void *arg)
{
    struct search search = {index, narrow, NULL, fits, arg};
    struct str host = host_of(narrow);

    walk_host(&search, STR(""));
    if (host.len > 0)
        walk_host(&search, host);
    /* Wildcards: ".b.c" takes in "a.b.c" and ".a.b.c". */
    for (size_t i = 1; i < host.len; i++)
        if (host.at[i] == '.')
            walk_host(&search, (struct str){host.at + i, host.len - i});
    return search.found;
}
