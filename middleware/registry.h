/* registry.h - the modules that are part of the program. main hands the table over. */
#ifndef WSGATE_REGISTRY_H
#define WSGATE_REGISTRY_H

#include <wsgate/middleware.h>

/* Ends with NULL. */
extern const struct mw_module *const middleware_registry[];

extern const struct mw_module api_key_module;
extern const struct mw_module client_certificate_module;
extern const struct mw_module connection_limit_module;
extern const struct mw_module forward_auth_module;
extern const struct mw_module headers_module;
extern const struct mw_module introspection_module;
extern const struct mw_module ip_allowlist_module;
extern const struct mw_module jwt_module;
extern const struct mw_module origin_module;
extern const struct mw_module rate_limit_module;
extern const struct mw_module subprotocol_module;

#endif
