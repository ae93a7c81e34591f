/*
 * faults.c - collects faults, sorted by place, bounded in number and in length.
 *
 * It does not know what a fault means, nor which options are secret: whoever
 * writes a message leaves those out of it.
 *
 * The hard thing: messages quote what stands in the file, and that may be anything. What
 * could end the line or speak to a terminal is replaced before it is kept. What the
 * environment holds is taken out of the whole message, and only then it is cut: the
 * beginning of a secret would not be found any more.
 */
#include "config/faults.h"

#include <stdlib.h>

void
faults_init(struct faults *faults, const char *file)
{
    *faults = (struct faults){.file = file};
}

/* C0 controls, DEL, and C1 controls in UTF-8 (U+0080 to U+009F). */
static void
replace_controls(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            c[0] = c[1] = '?';
    }
}

/* One that is too long is cut at the border of a UTF-8 character, and says so. NULL: no memory. */
static char *
copy_cut(const char *text)
{
    char out[FAULT_TEXT_MAX + sizeof("...")];
    size_t len = FAULT_TEXT_MAX;

    if (strlen(text) <= FAULT_TEXT_MAX)
        return strdup(text);
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    memcpy(out, text, len);
    memcpy(out + len, "...", sizeof("..."));
    return strdup(out);
}

/* Where a fault at that mark goes: behind all that are not later. */
static size_t
place_of(const struct faults *faults, struct mark mark)
{
    size_t i = faults->kept;

    while (i > 0 && (faults->list[i - 1].mark.line > mark.line ||
                     (faults->list[i - 1].mark.line == mark.line &&
                      faults->list[i - 1].mark.column > mark.column)))
        i--;
    return i;
}

static char *
make_message(const struct faults *faults, const struct concealed *own, const char *format,
             va_list list) PRINTF_LIKE(3, 0);
static char *
make_message(const struct faults *faults, const struct concealed *own, const char *format,
             va_list list)
{
    char *whole = NULL, *message;

    if (vasprintf(&whole, format, list) == -1)
        return NULL;
    whole = conceal(whole, faults->concealed, own);
    message = whole != NULL ? copy_cut(whole) : NULL;
    free(whole);
    if (message != NULL)
        replace_controls(message);
    return message;
}

static void
add(struct faults *faults, struct mark mark, const struct concealed *own, const char *format,
    va_list list) PRINTF_LIKE(4, 0);
static void
add(struct faults *faults, struct mark mark, const struct concealed *own, const char *format,
    va_list list)
{
    size_t place = place_of(faults, mark);

    faults->total++;
    if (place == FAULTS_MAX)
        return;
    if (faults->kept == FAULTS_MAX)
        free(faults->list[--faults->kept].message);
    memmove(&faults->list[place + 1], &faults->list[place],
            (faults->kept - place) * sizeof(faults->list[0]));
    faults->list[place] = (struct fault){mark, make_message(faults, own, format, list)};
    faults->kept++;
}

void
faults_add_list(struct faults *faults, struct mark mark, const char *format, va_list list)
{
    add(faults, mark, NULL, format, list);
}

void
faults_add(struct faults *faults, struct mark mark, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    add(faults, mark, NULL, format, list);
    va_end(list);
}

void
faults_add_without(struct faults *faults, struct mark mark, const struct concealed *own,
                   const char *format, ...)
{
    va_list list;

    va_start(list, format);
    add(faults, mark, own, format, list);
    va_end(list);
}

bool
faults_conceal(struct faults *faults, struct arena *arena, struct str value, struct str shown)
{
    struct concealed *concealed;

    if (value.len < FAULT_CONCEAL_MIN)
        return true;
    for (concealed = faults->concealed; concealed != NULL; concealed = concealed->next)
        if (str_equal(concealed->value, value))
            return true;
    concealed = arena_alloc(arena, sizeof(*concealed));
    if (concealed == NULL)
        return false;
    *concealed = (struct concealed){NULL, value, shown};
    conceal_add(&faults->concealed, concealed);
    return true;
}

void
faults_print(const struct faults *faults, FILE *out)
{
    for (size_t i = 0; i < faults->kept; i++) {
        const struct fault *fault = &faults->list[i];

        fprintf(out, "%s:%u:%u: %s\n", faults->file, fault->mark.line, fault->mark.column,
                fault->message ? fault->message : "out of memory");
    }
    if (faults->total > faults->kept)
        fprintf(out, "and %zu more\n", faults->total - faults->kept);
}

void
faults_free(struct faults *faults)
{
    for (size_t i = 0; i < faults->kept; i++)
        free(faults->list[i].message);
    faults_init(faults, faults->file);
}
