/* event_words.c - libevent's callbacks; see event_words.h. */
#include "gateway/event_words.h"

#include <event2/event.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    struct log *log;
    void (*last_act)(void *arg);
    void *arg;
} listener;

static void
on_words(int severity, const char *text)
{
    enum log_level level = severity == EVENT_LOG_ERR    ? LOG_LEVEL_ERROR
                           : severity == EVENT_LOG_WARN ? LOG_LEVEL_WARNING
                                                        : LOG_LEVEL_DEBUG;

    log_message(listener.log, level, "libevent", "%s", text);
}

/* libevent goes to no other function of ours afterwards. */
static void
on_end(int error)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;

    (void)error; /* its number, of which the line has the words */
    while (atomic_flag_test_and_set(&ending))
        (void)pause(); /* another thread is at it, and ends us all */
    if (listener.last_act != NULL)
        listener.last_act(listener.arg);
    _exit(EXIT_FAILURE);
}

void
event_words_go_to(struct log *log, void (*last_act)(void *arg), void *arg)
{
    listener.log = log;
    listener.last_act = last_act;
    listener.arg = arg;
    event_set_log_callback(log != NULL ? on_words : NULL);
    event_set_fatal_callback(log != NULL ? on_end : NULL);
}
