/* registry.c - the modules that are part of the program, one row each. */
#include "registry.h"

const struct mw_module *const middleware_registry[] = {
    &api_key_module,
    &client_certificate_module,
    &connection_limit_module,
    &forward_auth_module,
    &headers_module,
    &introspection_module,
    &ip_allowlist_module,
    &jwt_module,
    &origin_module,
    &rate_limit_module,
    &subprotocol_module,
    NULL,
};
