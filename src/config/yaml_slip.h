/*
 * yaml_slip.h - what was probably meant where libyaml gave up.
 *
 * Its messages say what the grammar wanted. Behind most of them stands one of a few slips: a tab, a
 * text that needs quotes, a blank that is missing behind a colon.
 */
#ifndef WSGATE_YAML_SLIP_H
#define WSGATE_YAML_SLIP_H

#include "base/str.h"
#include "config/faults.h"

enum { YAML_SLIP_MAX = 128 };

/* `problem` is what libyaml said about that place of the text. hint: "; " and the advice, or "". Of
 * the text it shows addresses alone: anything else could be a secret. */
void yaml_slip(struct str text, struct mark mark, const char *problem, char hint[YAML_SLIP_MAX]);

#endif
