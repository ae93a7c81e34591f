/*
 * conceal.h - takes what nobody may read out of a text.
 *
 * Ownership: texts come from malloc, and conceal takes them over.
 */
#ifndef WSGATE_CONCEAL_H
#define WSGATE_CONCEAL_H

#include "base/compiler.h"
#include "base/str.h"

/* Something secret, not empty, and what is shown in its place. */
struct concealed {
    struct concealed *next; /* shorter, or as long */
    struct str value, shown;
};

/* Puts it in its place in a list. */
void conceal_add(struct concealed **list, struct concealed *concealed);
/* Without all that stands in the list, and without `own`, unless that is NULL. The longest go
 * first, or one within another would leave its rest to be read. NULL: out of memory, or text was
 * NULL. */
char *conceal(char *text, const struct concealed *list, const struct concealed *own) MUST_CHECK;

#endif
