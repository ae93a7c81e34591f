/*
 * yaml_tree.c - from libyaml's events to nodes with marks.
 *
 * It does not know options, and it reads no value: `10` is two characters.
 *
 * Ownership: an event is the caller's of read_node until that call, which deletes
 * it; nodes live in the arena.
 *
 * The hard thing: libyaml accepts much more than a configuration should say. It reports
 * neither duplicate keys nor cycles through aliases, and its marks count from 0. So the tree is
 * made from events, where nothing has been resolved yet, and each event is judged.
 */
#include "config/yaml_tree.h"

#include "config/yaml_slip.h"

#include <stdlib.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct str text;
    struct arena *arena;
    struct faults *faults;
    unsigned depth;
};

static const struct mark file_start = {1, 1};

static struct mark
mark_of(yaml_mark_t mark)
{
    return (struct mark){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* What libyaml's reader refuses, it names by the offset in bytes. */
static struct mark
mark_at(struct str text, size_t offset)
{
    struct mark mark = file_start;

    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.at[i] == '\n')
            mark = (struct mark){mark.line + 1, 1};
        else if (((unsigned char)text.at[i] & 0xc0) != 0x80)
            mark.column++;
    }
    return mark;
}

static void
report_parser(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    struct mark mark = mark_of(parser->problem_mark);
    char hint[YAML_SLIP_MAX];

    if (parser->error == YAML_MEMORY_ERROR)
        faults_add(reader->faults, file_start, "out of memory");
    else if (parser->error == YAML_READER_ERROR)
        faults_add(reader->faults, mark_at(reader->text, parser->problem_offset),
                   "not a YAML file in UTF-8: %s", problem);
    else {
        yaml_slip(reader->text, mark, problem, hint);
        faults_add(reader->faults, mark, "not YAML: %s%s%s%s", problem,
                   parser->context ? ", " : "", parser->context ? parser->context : "", hint);
    }
}

static bool
next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    report_parser(reader);
    return false;
}

static struct yaml_node *
make_node(struct reader *reader, enum yaml_kind kind, yaml_mark_t mark)
{
    struct yaml_node *node = arena_zalloc(reader->arena, sizeof(*node));

    if (node == NULL) {
        faults_add(reader->faults, mark_of(mark), "out of memory");
        return NULL;
    }
    node->kind = kind;
    node->mark = mark_of(mark);
    return node;
}

static void
refuse(struct reader *reader, struct yaml_node *node, const char *what)
{
    node->faulty = true;
    faults_add(reader->faults, node->mark, "%s", what);
}

static void
judge_properties(struct reader *reader, struct yaml_node *node, const void *anchor,
                 const void *tag)
{
    if (anchor != NULL)
        refuse(reader, node, "an anchor (&); expected plain values, each written out");
    if (tag != NULL)
        refuse(reader, node, "a tag (!); the type follows from the option");
}

/* Takes over the scalar's text as a copy. */
static struct yaml_node *
make_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node = make_node(reader, YAML_KIND_SCALAR, event->start_mark);
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};

    if (node == NULL)
        return NULL;
    node->text = node->written = arena_copy(reader->arena, text);
    if (node->text.at == NULL) {
        faults_add(reader->faults, node->mark, "out of memory");
        return NULL;
    }
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    judge_properties(reader, node, event->data.scalar.anchor, event->data.scalar.tag);
    if (memchr(text.at, '\0', text.len) != NULL)
        refuse(reader, node, "a NUL character in a string");
    return node;
}

/* Stands for what was refused. */
static struct yaml_node *
make_alias(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node = make_node(reader, YAML_KIND_SCALAR, event->start_mark);

    if (node == NULL)
        return NULL;
    node->text = node->written = STR("");
    refuse(reader, node, "an alias (*); expected plain values, each written out");
    return node;
}

static void
append(struct yaml_node *parent, struct yaml_node ***end, struct yaml_node *child)
{
    **end = child;
    *end = &child->next;
    parent->count++;
}

static struct yaml_node *read_node(struct reader *reader, yaml_event_t *event);

static bool
read_items(struct reader *reader, struct yaml_node *list)
{
    struct yaml_node **end = &list->first;
    yaml_event_t event;

    while (next_event(reader, &event)) {
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        struct yaml_node *item = read_node(reader, &event);

        if (item == NULL)
            return false;
        append(list, &end, item);
    }
    return false;
}

/* A key is read like any node; what is no plain string is refused with its value. */
static void
judge_key(struct reader *reader, struct yaml_node *key)
{
    if (key->faulty)
        return;
    if (key->kind != YAML_KIND_SCALAR)
        refuse(reader, key,
               "a list or map as a key; expected a word, or quotes around \"[ADDRESS]:PORT\"");
    else if (!key->quoted && str_equal(key->text, STR("<<")))
        refuse(reader, key, "a merge key (<<); expected plain values, each written out");
    else if (key->text.len == 0)
        refuse(reader, key, "an empty key; expected a word");
}

static int
compare_keys(const void *a, const void *b)
{
    const struct yaml_node *x = *(struct yaml_node *const *)a, *y = *(struct yaml_node *const *)b;
    size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = memcmp(x->key.at, y->key.at, len);

    if (order != 0)
        return order;
    if (x->key.len != y->key.len)
        return x->key.len < y->key.len ? -1 : 1;
    if (x->key_mark.line != y->key_mark.line)
        return x->key_mark.line < y->key_mark.line ? -1 : 1;
    return x->key_mark.column < y->key_mark.column ? -1 : 1;
}

/* By sorting, so that a map of 100,000 keys costs no quadratic time. */
static bool
judge_duplicates(struct reader *reader, const struct yaml_node *map)
{
    struct yaml_node **sorted = calloc(map->count + 1, sizeof(*sorted));
    size_t count = 0;

    if (sorted == NULL) {
        faults_add(reader->faults, map->mark, "out of memory");
        return false;
    }
    for (struct yaml_node *item = map->first; item != NULL; item = item->next)
        sorted[count++] = item;
    qsort(sorted, count, sizeof(*sorted), compare_keys);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (!str_equal(sorted[i]->key, sorted[first]->key)) {
            first = i;
            continue;
        }
        sorted[i]->duplicate = true;
        faults_add(reader->faults, sorted[i]->key_mark, "`" STR_FMT "` twice; first on line %u",
                   STR_ARG(sorted[i]->key), sorted[first]->key_mark.line);
    }
    free(sorted);
    return true;
}

static bool
read_entries(struct reader *reader, struct yaml_node *map)
{
    struct yaml_node **end = &map->first;
    yaml_event_t event;

    while (next_event(reader, &event)) {
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return judge_duplicates(reader, map);
        }
        struct yaml_node *key = read_node(reader, &event);

        if (key == NULL || !next_event(reader, &event))
            return false;
        struct yaml_node *value = read_node(reader, &event);

        if (value == NULL)
            return false;
        judge_key(reader, key);
        if (key->faulty)
            continue;
        value->key = key->text;
        value->key_mark = key->mark;
        append(map, &end, value);
    }
    return false;
}

static bool
read_children(struct reader *reader, struct yaml_node *node)
{
    if (reader->depth >= YAML_TREE_DEPTH_MAX) {
        faults_add(reader->faults, node->mark, "nested deeper than %d", YAML_TREE_DEPTH_MAX);
        return false;
    }
    reader->depth++;
    bool read = node->kind == YAML_KIND_LIST ? read_items(reader, node)
                                             : read_entries(reader, node);
    reader->depth--;
    return read;
}

static struct yaml_node *
make_any(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node;

    if (event->type == YAML_SCALAR_EVENT)
        return make_scalar(reader, event);
    if (event->type == YAML_ALIAS_EVENT)
        return make_alias(reader, event);
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        node = make_node(reader, YAML_KIND_LIST, event->start_mark);
        if (node != NULL)
            judge_properties(reader, node, event->data.sequence_start.anchor,
                             event->data.sequence_start.tag);
        return node;
    }
    node = make_node(reader, YAML_KIND_MAP, event->start_mark);
    if (node != NULL)
        judge_properties(reader, node, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);
    return node;
}

static struct yaml_node *
read_node(struct reader *reader, yaml_event_t *event)
{
    struct yaml_node *node = make_any(reader, event);

    yaml_event_delete(event);
    if (node == NULL || node->kind == YAML_KIND_SCALAR)
        return node;
    return read_children(reader, node) ? node : NULL;
}

/* Skips one event of that type; *found: it was one. */
static bool
pass_event(struct reader *reader, yaml_event_type_t type, bool *found, struct mark *mark)
{
    yaml_event_t event;

    if (!next_event(reader, &event))
        return false;
    *found = event.type == type;
    *mark = mark_of(event.start_mark);
    yaml_event_delete(&event);
    return true;
}

static struct yaml_node *
read_document(struct reader *reader)
{
    struct mark mark;
    yaml_event_t event;
    bool found;

    if (!pass_event(reader, YAML_STREAM_START_EVENT, &found, &mark) ||
        !pass_event(reader, YAML_DOCUMENT_START_EVENT, &found, &mark))
        return NULL;
    if (!found) {
        faults_add(reader->faults, mark, "the file is empty; expected a map of options");
        return NULL;
    }
    if (!next_event(reader, &event))
        return NULL;
    struct yaml_node *root = read_node(reader, &event);

    if (root == NULL || !pass_event(reader, YAML_DOCUMENT_END_EVENT, &found, &mark) ||
        !pass_event(reader, YAML_STREAM_END_EVENT, &found, &mark))
        return NULL;
    if (!found) {
        faults_add(reader->faults, mark, "a second document; expected one");
        return NULL;
    }
    return root;
}

struct yaml_node *
yaml_tree_read(struct arena *arena, struct str text, struct faults *faults)
{
    struct reader reader = {.arena = arena, .faults = faults, .text = text};

    if (!yaml_parser_initialize(&reader.parser)) {
        faults_add(faults, file_start, "out of memory");
        return NULL;
    }
    /* Not by the byte order mark: UTF-16 would then be taken, and nothing else here speaks it. */
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.at, text.len);
    struct yaml_node *root = read_document(&reader);

    yaml_parser_delete(&reader.parser);
    return root;
}

bool
yaml_node_is_null(const struct yaml_node *node)
{
    static const struct str nulls[] = {{"", 0}, {"~", 1}, {"null", 4}, {"Null", 4}, {"NULL", 4}};

    if (node->kind != YAML_KIND_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < COUNT_OF(nulls); i++)
        if (str_equal(node->written, nulls[i]))
            return true;
    return false;
}
