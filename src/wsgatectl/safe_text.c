/* safe_text.c - see safe_text.h. */
#include "wsgatectl/safe_text.h"

#include "base/controls.h"

#include <stdlib.h>

/* How many bytes of well-formed UTF-8 (RFC 3629) stand at the start, for one character; 0: none. */
static size_t
character_len(const uint8_t *at, size_t len, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t whole = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (whole == 0 || whole > len || at[0] > 0xf4)
        return 0;
    *character = whole == 1 ? at[0] : at[0] & (0x7fu >> whole);
    for (size_t i = 1; i < whole; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        *character = *character << 6 | (at[i] & 0x3fu);
    }
    bool is_surrogate = *character >> 11 == 0x1b;
    return *character < least[whole] || *character > 0x10ffff || is_surrogate ? 0 : whole;
}

void
safe_text_print(FILE *out, struct str text, size_t max)
{
    const uint8_t *at = (const uint8_t *)text.at;
    size_t shown = text.len < max ? text.len : max;
    uint32_t character = 0;

    for (size_t i = 0; i < shown;) {
        size_t len = character_len(at + i, text.len - i, &character);
        if (len > 0 && !controls_has(character)) {
            fwrite(at + i, 1, len, out);
            i += len;
        } else {
            for (size_t end = i + (len > 0 ? len : 1); i < end; i++)
                fprintf(out, "\\x%02x", at[i]);
        }
    }
    if (shown < text.len)
        fprintf(out, "... (%zu bytes)", text.len);
}

json_t *
safe_text_json(struct str text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const uint8_t *at = (const uint8_t *)text.at;
    char *copy = malloc(3 * text.len + 1);
    size_t copied = 0;
    uint32_t character;

    for (size_t i = 0; copy && i < text.len;) {
        size_t len = character_len(at + i, text.len - i, &character);
        const void *from = len == 0 ? (const void *)replacement : at + i;
        memcpy(copy + copied, from, len == 0 ? 3 : len);
        copied += len == 0 ? 3 : len;
        i += len == 0 ? 1 : len;
    }
    json_t *string = copy ? json_stringn(copy, copied) : NULL;
    free(copy);
    return string;
}

/* What is beyond ASCII, and DEL, stands in strings alone. */
bool
safe_text_dump(FILE *out, const json_t *json, size_t flags)
{
    char *text = json ? json_dumps(json, flags) : NULL;
    size_t len = text ? strlen(text) : 0;
    uint32_t character;

    for (size_t i = 0, taken; i < len; i += taken) {
        taken = character_len((const uint8_t *)text + i, len - i, &character);
        if (taken == 0) /* jansson gives UTF-8 alone */
            break;
        if (character >= 0x7f && controls_has(character))
            fprintf(out, "\\u%04x", character);
        else
            fwrite(text + i, 1, taken, out);
    }
    free(text);
    return text != NULL && !ferror(out);
}
