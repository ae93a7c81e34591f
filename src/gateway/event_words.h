/*
 * event_words.h - what libevent says by itself, as lines of our log.
 *
 * The library would write to standard error, and end the process there where it cannot go on (no
 * descriptors for a loop). Its functions take no argument of ours, so whom they tell stands in one
 * static place: once a process.
 */
#ifndef WSGATE_EVENT_WORDS_H
#define WSGATE_EVENT_WORDS_H

#include "base/log.h"

/* Whom to tell, and what to do, on whatever thread, before the process ends for libevent's sake.
 * NULL, NULL, NULL: nobody, from now on. Before any thread exists, and after the last one. */
void event_words_go_to(struct log *log, void (*last_act)(void *arg), void *arg);

#endif
