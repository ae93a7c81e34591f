/* refusal_close.c - see refusal_close.h. */
#include "gateway/refusal_close.h"

#include "gateway/forward.h"
#include "gateway/refusal.h"
#include "gateway/worker.h"
#include "protocol/accept_value.h"
#include "protocol/frame.h"
#include "protocol/subprotocol.h"

static const struct {
    unsigned status, code;
} codes[] = {
    {401, 4401}, {403, 4403}, {429, 4429}, /* for applications' own use (RFC 6455 7.4.2) */
    {503, 1013}, {502, 1011}, {504, 1011}, /* IANA's registry */
};

/* The chain begins where the handshake is valid and has a route. */
static bool
is_wanted(const struct request *request)
{
    return request->chain.slots != NULL && request->route->reject_with_close;
}

unsigned
refusal_close_code(const struct request *request)
{
    unsigned status = refusal_status(&request->answer);
    struct str protocol;

    if (!is_wanted(request) || !subprotocol_choose(&request->handshake, &protocol))
        return 0;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return 0;
}

void
refusal_close_head(const struct request *request, struct text *text)
{
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    struct str protocol;

    if (!accept_value(request->worker->accepts, request->handshake.key, accept)) {
        text->full = true; /* an answer over HTTP then */
        return;
    }
    (void)!subprotocol_choose(&request->handshake, &protocol);
    forward_accept(accept, protocol, text);
    text_add(text, STR("X-Request-Id: "));
    text_id(text, request->id);
    text_add(text, STR("\r\n\r\n"));
}

void
refusal_close_frame(const struct answer *answer, struct text *text)
{
    char frame[FRAME_CONTROL_MAX];
    size_t len = frame_close(frame, answer->close_code, str_of(refusal_word(answer)), NULL);

    text_add(text, (struct str){frame, len});
}
