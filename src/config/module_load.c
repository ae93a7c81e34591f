/* module_load.c - see module_load.h. */
#include "config/module_load.h"

#include <dlfcn.h>
#include <string.h>

typedef const struct mw_module *entry_function(void);

/* A message of the dynamic linker, as one line. */
static void
say_error(FILE *fault)
{
    const char *error = dlerror();

    fprintf(fault, "cannot be loaded: ");
    for (error = error != NULL ? error : "unknown error"; *error != '\0'; error++)
        fputc(*error == '\n' ? ' ' : *error, fault);
}

/* ISO C has no conversion from an object's pointer to a function's; POSIX says it works. */
static entry_function *
find_entry(void *library)
{
    void *symbol = dlsym(library, WSGATE_MIDDLEWARE_ENTRY);
    entry_function *entry;

    memcpy(&entry, &symbol, sizeof(entry));
    return entry;
}

const struct mw_module *
module_load(const char *path, FILE *fault)
{
    char here[4096];

    /* Without a slash it would be looked for among the system's libraries. */
    if (strchr(path, '/') == NULL &&
        (size_t)snprintf(here, sizeof(here), "./%s", path) < sizeof(here))
        path = here;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        say_error(fault);
        return NULL;
    }
    entry_function *entry = find_entry(library);
    const struct mw_module *module = entry != NULL ? entry() : NULL;

    if (entry == NULL)
        fprintf(fault, "has no function %s: it is no module", WSGATE_MIDDLEWARE_ENTRY);
    else if (module == NULL)
        fprintf(fault, "its function %s gives no module", WSGATE_MIDDLEWARE_ENTRY);
    return module; /* the library stays, also for what its constructors have begun */
}
