/*
 * reload.h - another configuration in the place of the one that runs.
 *
 * On the control thread, which never waits for it. The file is read and checked as at the start,
 * new sockets are opened, new instances get their part on the control thread. Then each worker is
 * asked, by a message, to make its modules' states; only when all have made them all are told to
 * switch. Whatever is wrong before that is undone, and the old configuration has run on.
 */
#ifndef WSGATE_RELOAD_H
#define WSGATE_RELOAD_H

#include "gateway/worker.h"

#include <stdio.h>

/* Somebody who wants the file to be read again. The memory is his until `done` is called. */
struct reload_asker {
    struct reload_asker *next;
    /* faults: NULL, or what was wrong: lines, valid for the call. */
    void (*done)(void *arg, const char *faults);
    void *arg;
};

/* A message to a worker, and its answer. */
struct reload_order {
    struct reload *reload;
    struct worker *worker;
    struct mailbox_message message;
    const char *failed; /* the instance that did not start */
};

enum reload_state { RELOAD_IDLE, RELOAD_PREPARING, RELOAD_SWITCHING, RELOAD_FORGETTING };

struct reload {
    /* Set by the owner, before the first reload. */
    struct worker *workers;
    unsigned worker_count;
    struct mailbox *mailbox; /* the control thread's */
    struct mw_worker *view;  /* the control thread, for modules */
    struct metrics *metrics; /* its counts */
    struct log *log;
    struct reload_order *orders; /* one for each worker */
    uint64_t descriptors;        /* for connections and listening sockets together */
    struct generation *present;  /* a reference */
    /* Of the run under way. */
    enum reload_state state;
    struct log_targets *targets; /* of the log, where they change */
    struct generation *other; /* the one to come, or once it switches the one that goes */
    unsigned waiting;         /* for so many answers */
    FILE *out;                /* into faults */
    char *faults;
    size_t faults_len;
    struct reload_asker *askers; /* of this run */
    struct reload_asker *later;  /* of the next: the file may have changed since */
    bool wanted;                 /* the next */
    bool over;                   /* the gateway stops */
};

/* Limits its connections to what the descriptors allow, which is returned. Its sockets are open. */
uint64_t reload_set_connections(const struct reload *reload, struct generation *generation);
/* `done` follows, perhaps before this returns. NULL: nobody wants to hear of it. However often it
 * is asked for during a reload, one more follows. */
void reload_ask(struct reload *reload, struct reload_asker *asker);
/* He does not want to hear of it any more. */
void reload_forget(struct reload *reload, struct reload_asker *asker);
/* The gateway stops: no reload begins, and nobody can reach its Unix sockets. Idempotent. */
void reload_stop(struct reload *reload);
/* After the workers have ended and the last mail was read: all generations end. */
void reload_end(struct reload *reload);

/* What is no fault of the settings that run now, and hardly meant, to the log. */
void reload_warn(const struct settings *settings, struct log *log);

#endif
