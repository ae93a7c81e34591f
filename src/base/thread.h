/* thread.h - a thread that takes no signals: those are the control thread's alone. */
#ifndef WSGATE_THREAD_H
#define WSGATE_THREAD_H

#include "base/compiler.h"

#include <pthread.h>
#include <stdbool.h>

/* pthread_create with every signal blocked in the new thread. false: there is none. */
bool thread_start(pthread_t *thread, void *(*run)(void *), void *arg) MUST_CHECK;

#endif
