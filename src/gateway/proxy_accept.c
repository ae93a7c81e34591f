/* proxy_accept.c - reading the PROXY header from the client's side; see proxy_accept.h. */
#include "gateway/proxy_accept.h"

#include "gateway/client_address.h"
#include "protocol/proxy_protocol.h"

/* LOCAL is the proxy's own word, and so are the fields of the request that follows. Mostly none
 * does: it asks whether we are there, and that is a port check. */
static enum step
take_sender(struct accept *accept, struct request *request, const struct proxy_header *header)
{
    static const struct address nobody = {.any.sa_family = AF_UNSPEC, .len = sizeof(sa_family_t)};

    switch (header->client) {
    case PROXY_ITSELF:
        accept->heard = false;
        break;
    case PROXY_UNNAMED:
        return client_address_send(request, &nobody);
    case PROXY_NAMED:
        request->arrival = &header->destination;
        return client_address_send(request, &header->source);
    }
    return STEP_DONE;
}

/* Looks, and then takes no more than what is the header's. The loop would tell of what is left in
 * the socket again and again, so a part of a header is taken too. */
static enum step
read_header(struct accept *accept, struct request *request, struct side *client)
{
    struct proxy_header *header = accept->proxy;
    char bytes[PROXY_V2_MAX];
    size_t used;
    struct stream_result result = stream_peek(&client->stream, bytes, sizeof(bytes));

    if (result.status == STREAM_AGAIN)
        return STEP_WAIT;
    if (result.status != STREAM_OK)
        return request_fail(request, REASON_CLIENT_GONE, NULL);
    accept->heard = true;
    enum proxy_verdict verdict = proxy_header_read(header, bytes, result.n, &used);
    if (verdict == PROXY_BAD)
        return request_fail(request, REASON_PROXY_MALFORMED, header->error);
    result = stream_receive(&client->stream, bytes, used);
    if (result.status != STREAM_OK || result.n != used)
        return request_fail(request, REASON_CLIENT_GONE, NULL);
    return verdict == PROXY_MORE ? STEP_WAIT : take_sender(accept, request, header);
}

enum step
proxy_accept(struct accept *accept, struct request *request, struct side *client)
{
    if (!request->listener->proxy_protocol)
        return STEP_DONE;
    if (!request->sender_trusted)
        return request_fail(request, REASON_PROXY_UNTRUSTED, NULL);
    if (accept->proxy == NULL)
        accept->proxy = arena_zalloc(&request->arena, sizeof(*accept->proxy));
    if (accept->proxy == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    return read_header(accept, request, client);
}
