/* subprotocol.c - which entry is a credential; see subprotocol.h. */
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
subprotocol_is_api_key(struct str protocol)
{
    return str_starts_with(protocol, STR(SUBPROTOCOL_API_KEY));
}

size_t
subprotocol_credential(struct str protocol)
{
    if (subprotocol_is_bearer(protocol))
        return 2;
    return subprotocol_is_kubernetes(protocol) || subprotocol_is_api_key(protocol);
}

bool
subprotocol_choose(const struct handshake *handshake, struct str *chosen)
{
    struct str bearer = STR_NONE;

    for (size_t i = 0, entries; i < handshake->protocol_count; i += entries) {
        struct str protocol = handshake->protocols[i];
        entries = subprotocol_credential(protocol);
        if (entries == 0) {
            *chosen = protocol;
            return true;
        }
        if (subprotocol_is_bearer(protocol))
            bearer = protocol;
    }
    *chosen = bearer;
    return bearer.at != NULL || handshake->protocol_count == 0;
}
