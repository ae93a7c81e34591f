/* subprotocol.c - which entry is a token; see subprotocol.h. */
#include "protocol/subprotocol.h"

bool
subprotocol_is_bearer(struct str protocol)
{
    return str_equal_nocase(protocol, STR("bearer"));
}

bool
subprotocol_is_kubernetes(struct str protocol)
{
    return str_starts_with(protocol, STR(SUBPROTOCOL_KUBERNETES));
}

bool
subprotocol_choose(const struct handshake *handshake, struct str *chosen)
{
    struct str bearer = STR_NONE;

    for (size_t i = 0; i < handshake->protocol_count; i++) {
        struct str protocol = handshake->protocols[i];
        if (subprotocol_is_bearer(protocol)) {
            bearer = protocol;
            i++; /* behind it is the token */
        } else if (!subprotocol_is_kubernetes(protocol)) {
            *chosen = protocol;
            return true;
        }
    }
    *chosen = bearer;
    return bearer.at != NULL || handshake->protocol_count == 0;
}
