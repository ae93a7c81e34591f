/* api_key_fuzz.c - lines of a file of keys: what is taken points into its text, and is clean. */
#include "api_key_table.h"
#include "fuzz.h"

#include <stdlib.h>

static void
check_word(const char *word, const char *text, size_t len)
{
    if (word < text || word >= text + len)
        abort();
    for (; *word != '\0'; word++)
        if ((unsigned char)*word <= ' ' || *word == 0x7F)
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str line = {(const char *)data, size};
    size_t len = API_KEY_TEXT(size);
    char *text = malloc(len);
    const char *error = "unset";
    struct api_key key;

    if (text == NULL)
        return 0;
    if (api_key_line_parse(&key, line, text, &error)) {
        check_word(key.identity, text, len);
        for (size_t i = 0; i < key.label_count; i++) {
            check_word(key.labels[i].name, text, len);
            check_word(key.labels[i].value, text, len);
        }
    } else if (error != NULL && error[0] == '\0') {
        abort();
    }
    free(text);
    return 0;
}
