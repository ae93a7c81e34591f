/* request_fields.c - see request_fields.h. */
#include "wsgatectl/request_fields.h"

void
request_fields_write(const struct request_fields *fields, FILE *out)
{
    if (fields->origin)
        fprintf(out, "Origin: %s\r\n", fields->origin);
    if (fields->token)
        fprintf(out, "Authorization: Bearer %s\r\n", fields->token);
    for (size_t i = 0; i < fields->protocol_count; i++)
        fprintf(out, "%s%s", i == 0 ? "Sec-WebSocket-Protocol: " : ", ", fields->protocols[i]);
    if (fields->protocol_count > 0)
        fputs("\r\n", out);
    for (size_t i = 0; i < fields->field_count; i++)
        fprintf(out, "%s\r\n", fields->fields[i]);
    fputs("\r\n", out);
}
