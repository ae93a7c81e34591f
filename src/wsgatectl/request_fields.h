/* request_fields.h - the part of a made-up request head that the command line gives. */
#ifndef WSGATE_REQUEST_FIELDS_H
#define WSGATE_REQUEST_FIELDS_H

#include <stddef.h>
#include <stdio.h>

/* The strings are somebody else's, and checked: none can break a line. */
struct request_fields {
    const char *origin; /* NULL: none */
    const char *token;  /* goes out as "Authorization: Bearer"; NULL: none */
    const char *const *protocols;
    size_t protocol_count;
    const char *const *fields; /* "Name: value" */
    size_t field_count;
};

/* These lines and the empty one that ends the head. */
void request_fields_write(const struct request_fields *fields, FILE *out);

#endif
