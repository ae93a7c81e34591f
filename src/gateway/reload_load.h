/*
 * reload_load.h - the generation that is to take over, made from the file as it is now.
 */
#ifndef WSGATE_RELOAD_LOAD_H
#define WSGATE_RELOAD_LOAD_H

#include "gateway/reload.h"

/* Its sockets are open, its instances have their part on the control thread, and the targets of
 * the log are there if they change. NULL: what is wrong was written to reload->out, and nothing
 * is left of it. */
struct generation *reload_load(struct reload *reload) MUST_CHECK;

#endif
