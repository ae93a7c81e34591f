/*
 * proxy_protocol.h - the PROXY header, versions 1 and 2, as HAProxy's proxy-protocol.txt has it.
 *
 * Strict: version 1 has single spaces, addresses of the family that it names, ports without
 * leading zeros, CRLF, and at most 107 bytes; version 2 has no value that the document reserves,
 * and at most PROXY_V2_MAX bytes. TLVs are skipped. An IPv4-mapped address is the IPv4 address
 * that it holds.
 *
 * The reader takes any split of the bytes, and says how many of them are the header's: what
 * follows belongs to somebody else.
 */
#ifndef WSGATE_PROXY_PROTOCOL_H
#define WSGATE_PROXY_PROTOCOL_H

#include "base/address.h"
#include "base/text.h"

enum {
    PROXY_V1_MAX = 107,
    PROXY_V2_MAX = 4096, /* with its TLVs; nginx has the same bound */
};

/* For whom the connection was made. */
enum proxy_client {
    PROXY_ITSELF,  /* for nobody: the proxy asks how we are (version 2, LOCAL) */
    PROXY_UNNAMED, /* for somebody without an IP address, or of whom nothing is said */
    PROXY_NAMED,
};

struct proxy_header {
    enum proxy_client client;
    struct address source, destination; /* PROXY_NAMED: IPv4 or IPv6, both of one family at first */
    const char *error;                  /* static */
    /* The reader's own. */
    size_t len;               /* bytes so far */
    char bytes[PROXY_V1_MAX]; /* the first of them; of version 2 no more are looked at */
};

enum proxy_verdict { PROXY_BAD, PROXY_MORE, PROXY_DONE };

/* header: zeroed before the first call. *used: so many of the bytes are the header's; all of them
 * unless PROXY_DONE. After anything but PROXY_MORE, do not call again. */
enum proxy_verdict proxy_header_read(struct proxy_header *header, const char *bytes, size_t count,
                                     size_t *used) MUST_CHECK;

/* For backends. A client without an IP address is UNKNOWN, AF_UNSPEC. Where only the destination
 * has none it is the unspecified address, and where one is IPv4 and the other IPv6 the former
 * is mapped. */
void proxy_header_write_v1(struct text *text, const struct address *source,
                           const struct address *destination);
void proxy_header_write_v2(struct text *text, const struct address *source,
                           const struct address *destination);

#endif
