/*
 * config_fuzz.c - any bytes as the configuration file: tree, variables, tables, settings, and the
 * setup of modules that have an option of every type. Either settings, or faults with places.
 */
#include "fuzz.h"

#include "config/settings.h"
#include "../unit/fake_modules.h"

#include <stdio.h>

/* "config:LINE:COLUMN: words", or the last line, "and N more". */
static void
judge_line(const char *line)
{
    unsigned place, column;
    int end = 0;

    if (sscanf(line, "and %u more\n%n", &place, &end) == 1 && end > 0)
        return;
    FUZZ_REQUIRE(sscanf(line, "config:%u:%u: %n", &place, &column, &end) == 2);
    FUZZ_REQUIRE(place > 0 && column > 0 && end > 0 && line[end] != '\n');
}

static void
judge_faults(const char *faults)
{
    unsigned count = 0;
    const char *end;

    for (const char *line = faults; *line != '\0'; line = end + 1, count++) {
        end = strchr(line, '\n');
        FUZZ_REQUIRE(end != NULL);
        judge_line(line);
    }
    FUZZ_REQUIRE(count > 0 && count <= 101);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mw_host host = {.size = sizeof(host)};
    char *faults = NULL, *text = fuzz_block(data, size);
    size_t len;
    FILE *out = open_memstream(&faults, &len);

    FUZZ_REQUIRE(out != NULL);
    settings_fill_host(&host);
    struct settings *settings =
        settings_load_text("config", (struct str){text, size}, fake_modules, &host, out);

    free(text); /* settings point to nothing of it */
    fclose(out);
    if (settings == NULL)
        judge_faults(faults);
    else
        FUZZ_REQUIRE(len == 0 && settings->route_count > 0 && settings->routes[0].backend != NULL);
    settings_free(settings);
    FUZZ_REQUIRE(fake_instances == 0);
    free(faults);
    return 0;
}
