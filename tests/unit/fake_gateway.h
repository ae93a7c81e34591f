/*
 * fake_gateway.h - a gateway in a test's hands, so that a module can be asked alone.
 *
 * Options are rows of strings as the configuration would have them after its
 * checks; a request is a peer address and header fields. What a module says
 * (faults, refusals) is kept for the test to look at. No waiting, no slots.
 */
#ifndef WSGATE_FAKE_GATEWAY_H
#define WSGATE_FAKE_GATEWAY_H

#include "base/address.h"

#include <wsgate/middleware.h>

/* One option as given; word NULL ends the rows. */
struct fake_option {
    const char *word;
    const char *const *items; /* NULL-terminated; for a scalar, one */
    int64_t integer;
};

struct fake_field {
    const char *name;
    struct mw_str value;
};

struct mw_options {
    const struct fake_option *rows;
};

struct mw_request {
    const struct sockaddr *peer;
    const struct fake_field *fields; /* ends with a NULL name; may be NULL */
    /* What deny() was told. */
    int status;
    const char *word;
};

extern const struct mw_host fake_gateway;

/* Faults since the last call of fake_gateway_setup. */
size_t fake_gateway_fault_count(void);
/* "word[i]: text" of the last one. */
const char *fake_gateway_fault(void);

/* Runs the module's setup with these rows. */
void *fake_gateway_setup(const struct mw_module *module, const struct fake_option *rows);
enum mw_verdict fake_gateway_decide(const struct mw_module *module, const void *instance,
                                    struct mw_request *request);

#endif
