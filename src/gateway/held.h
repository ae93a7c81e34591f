/*
 * held.h - the slots that live as long as a tunnel, of the modules that let it in.
 *
 * They are taken out of the chain when the tunnel starts, and given back when it ends.
 */
#ifndef WSGATE_HELD_H
#define WSGATE_HELD_H

#include "gateway/request.h"

struct resident;

/* A slot that lives as long as the tunnel, with the state it belongs to; or the tunnel's
 * revalidation, before all slots. */
struct held {
    void (*release)(void *state, void *slot, enum mw_end end); /* may be NULL */
    void *state;
    void *slot;
    struct resident *resident; /* whose state it is, held; NULL: nobody's */
};

/* The slots of the modules that have a release function, or judge the tunnel again, out of the
 * request; *count of them, in one allocation that is the caller's. false: no memory, nothing was
 * taken. */
bool held_take(struct request *request, struct held **held, size_t *count) MUST_CHECK;
void held_release(struct held *held, size_t count, enum mw_end end);

#endif
