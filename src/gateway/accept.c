/* accept.c - the parts of the ACCEPT stage, one after the other; see accept.h. */
#include "gateway/accept.h"

#include "gateway/connection.h"
#include "gateway/proxy_accept.h"
#include "net/tls_server.h"

typedef enum step accept_part(struct accept *accept, struct request *request, struct side *client);

/* TLS's handshake, where the listener speaks it. */
static enum step
shake_hands(struct accept *accept, struct request *request, struct side *client)
{
    struct tls_server *tls = request->listener->tls;

    (void)accept;
    if (tls == NULL)
        return STEP_DONE;
    if (client->stream.tls == NULL && !tls_server_begin(tls, &client->stream))
        return request_fail(request, REASON_NO_MEMORY, NULL);
    if (side_flush(client) == SIDE_FAILED)
        return request_fail(request, REASON_CLIENT_GONE, NULL);
    switch (side_handshake(client)) {
    case STREAM_OK:
        return STEP_DONE;
    case STREAM_AGAIN:
        return STEP_WAIT;
    case STREAM_END:
        return request_fail(request, REASON_CLIENT_GONE, NULL);
    case STREAM_CUT:
    case STREAM_ERROR:
        break;
    }
    return request_fail(request, REASON_TLS, stream_fault(&client->stream));
}

/* Before TLS's handshake, which costs the most. A trusted sender may still name somebody else. */
static enum step
count_client(struct accept *accept, struct request *request, struct side *client)
{
    (void)accept, (void)client;
    return request->sender_trusted ? STEP_DONE : connection_client_found(request->connection);
}

/* The end of the table is the end of the stage. */
static accept_part *const parts[] = {proxy_accept, count_client, shake_hands, NULL};

enum step
accept_run(struct accept *accept, struct request *request, struct side *client)
{
    enum step step = STEP_DONE;

    while (step == STEP_DONE && parts[accept->part] != NULL) {
        step = parts[accept->part](accept, request, client);
        if (step == STEP_DONE)
            accept->part++;
    }
    return step;
}
