/*
 * faults.c - collects faults, sorted by place, bounded in number and in length.
 *
 * It does not know what a fault means, nor which values are secret: whoever
 * writes a message leaves secrets out of it.
 *
 * The hard thing: messages quote what stands in the file, and that may be anything. What
 * could end the line or speak to a terminal is replaced before it is kept.
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

/* Cuts at the border of a UTF-8 character and says so. text has room for FAULT_TEXT_MAX + 4. */
static void
cut(char *text)
{
    size_t len = FAULT_TEXT_MAX;

    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    memcpy(text + len, "...", sizeof("..."));
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

void
faults_add_list(struct faults *faults, struct mark mark, const char *format, va_list list)
{
    char text[FAULT_TEXT_MAX + 4];
    size_t place = place_of(faults, mark);

    faults->total++;
    if (place == FAULTS_MAX)
        return;
    if (vsnprintf(text, sizeof(text), format, list) > FAULT_TEXT_MAX)
        cut(text);
    replace_controls(text);
    if (faults->kept == FAULTS_MAX)
        free(faults->list[--faults->kept].message);
    memmove(&faults->list[place + 1], &faults->list[place],
            (faults->kept - place) * sizeof(faults->list[0]));
    faults->list[place] = (struct fault){mark, strdup(text)};
    faults->kept++;
}

void
faults_add(struct faults *faults, struct mark mark, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    faults_add_list(faults, mark, format, list);
    va_end(list);
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
