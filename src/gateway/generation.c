/* generation.c - one loaded configuration and who has it; see generation.h. */
#include "gateway/generation.h"

#include "config/options.h"
#include "gateway/resident.h"
#include "gateway/worker.h"
#include "net/tls_server.h"

#include <stdlib.h>

/* ---- Making -------------------------------------------------------------------- */

/* The index of the instance of before that has that name; instance_count: there is none. */
static size_t
find_by_name(const struct settings *before, const char *name)
{
    size_t i = 0;

    while (i < before->instance_count && strcmp(before->instances[i].name, name) != 0)
        i++;
    return i;
}

/* Module, options, and what the files have in them that these name. */
static bool
are_alike(const struct instance_settings *a, const struct instance_settings *b)
{
    return a->module == b->module && options_equal(a->options, b->options);
}

/* NULL: no memory. */
static struct instance *
make_instance(struct generation *generation, size_t i, const struct generation *before)
{
    struct instance_settings *settings = &generation->settings->instances[i];
    size_t old = before != NULL ? find_by_name(before->settings, settings->name) : 0;
    bool had = before != NULL && old < before->settings->instance_count;

    if (had && are_alike(settings, &before->settings->instances[old])) {
        instance_carry(before->instances[old], settings);
        return before->instances[old];
    }
    struct instance *instance =
        instance_new(generation->settings, i, generation->worker_count);
    if (instance != NULL && had)
        instance_adopt(instance, before->instances[old]);
    return instance;
}

static bool
make_instances(struct generation *generation, const struct generation *before)
{
    for (size_t i = 0; i < generation->settings->instance_count; i++) {
        generation->instances[i] = make_instance(generation, i, before);
        if (generation->instances[i] == NULL)
            return false;
    }
    return true;
}

static void
make_handles(struct generation *generation)
{
    size_t count = generation->settings->instance_count;

    for (unsigned i = 0; i < generation->worker_count; i++) {
        struct handle *handle = &generation->handles[i];
        handle->generation = generation;
        handle->residents = &generation->residents[i * count];
        for (size_t k = 0; k < count; k++)
            handle->residents[k] = &generation->instances[k]->residents[i];
    }
}

/* So that clients resume what they began before: at the same address, with the same keys. */
static void
keep_tickets(const struct settings *settings, const struct settings *before)
{
    for (size_t i = 0; i < settings->listener_count; i++)
        for (size_t k = 0; k < before->listener_count; k++)
            if (settings->listeners[i].tls != NULL && before->listeners[k].tls != NULL &&
                address_equal(&settings->listeners[i].address, &before->listeners[k].address))
                tls_server_inherit(settings->listeners[i].tls, before->listeners[k].tls);
}

static bool
fill(struct generation *generation, const struct generation *before)
{
    const struct settings *settings = generation->settings;
    size_t count = settings->instance_count;

    generation->instances = calloc(count + 1, sizeof(*generation->instances));
    generation->residents =
        calloc(count * generation->worker_count + 1, sizeof(*generation->residents));
    if (generation->instances == NULL || generation->residents == NULL ||
        !make_instances(generation, before))
        return false;
    make_handles(generation);
    generation->limits =
        (struct crowd_limits){.connections = settings->limits.connections,
                              .handshakes = settings->limits.handshakes,
                              .handshakes_per_address = settings->limits.handshakes_per_address};
    generation->pools = pools_new(settings->backends, settings->backend_count,
                                  before != NULL ? before->pools : NULL,
                                  before != NULL ? before->settings->backend_count : 0);
    if (before != NULL)
        keep_tickets(settings, before->settings);
    return generation->pools != NULL;
}

struct generation *
generation_new(struct settings *settings, unsigned worker_count, const struct generation *before)
{
    struct generation *generation =
        calloc(1, sizeof(*generation) + worker_count * sizeof(generation->handles[0]));

    if (generation == NULL) {
        settings_free(settings);
        return NULL;
    }
    generation->settings = settings;
    generation->worker_count = worker_count;
    generation->references = 1 + worker_count;
    if (fill(generation, before))
        return generation;
    generation_end(generation);
    return NULL;
}

/* ---- The end ------------------------------------------------------------------- */

void
generation_drop(struct generation *generation)
{
    if (generation == NULL || --generation->references > 0)
        return;
    for (size_t i = generation->settings->instance_count; generation->instances && i-- > 0;)
        if (generation->instances[i] != NULL)
            instance_leave(generation->instances[i]);
    pools_free(generation->pools, generation->settings->backend_count);
    settings_free(generation->settings);
    free(generation->instances);
    free(generation->residents);
    free(generation->endpoints); /* they themselves belong to whoever opened them */
    free(generation);
}

void
generation_end(struct generation *generation)
{
    if (generation == NULL)
        return;
    generation->references = 1;
    for (size_t i = 0; generation->instances && i < generation->settings->instance_count; i++)
        if (generation->instances[i] != NULL && generation->instances[i]->generations == 1)
            generation->instances[i]->alive = 0;
    generation_drop(generation);
}

/* ---- On a worker ------------------------------------------------------------------ */

const char *
handle_enter(struct handle *handle, struct worker *worker)
{
    const struct settings *settings = handle->generation->settings;
    const char *failed = NULL;

    handle->worker = worker;
    handle->users = 1;
    for (size_t i = 0; i < settings->instance_count; i++)
        if (!resident_enter(handle->residents[i], worker) && failed == NULL)
            failed = settings->instances[i].name;
    return failed;
}

struct handle *
handle_hold(struct handle *handle)
{
    handle->users++;
    return handle;
}

/* On the control thread. */
static void
on_handle_ended(void *arg)
{
    struct handle *handle = arg;

    generation_drop(handle->generation);
}

void
handle_drop(struct handle *handle)
{
    if (handle == NULL || handle->users == 0 || --handle->users > 0)
        return;
    for (size_t i = handle->generation->settings->instance_count; i-- > 0;)
        resident_leave(handle->residents[i]);
    worker_tell(handle->worker, &handle->message, on_handle_ended, handle);
}
