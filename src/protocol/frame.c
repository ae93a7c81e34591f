/* frame.c - making and opening control frames; see frame.h. */
#include "protocol/frame.h"

size_t
frame_control(char *out, enum opcode opcode, struct str payload, const uint8_t *mask)
{
    size_t head = mask != NULL ? 2 + FRAME_MASK_LEN : 2;

    out[0] = (char)(FRAME_FIN | opcode);
    out[1] = (char)((mask != NULL ? FRAME_MASKED : 0) | (int)payload.len);
    if (mask != NULL)
        memcpy(out + 2, mask, FRAME_MASK_LEN);
    for (size_t i = 0; i < payload.len; i++)
        out[head + i] = (char)(payload.at[i] ^ (mask != NULL ? mask[i % FRAME_MASK_LEN] : 0));
    return head + payload.len;
}

size_t
frame_close(char *out, unsigned code, struct str reason, const uint8_t *mask)
{
    char payload[FRAME_CONTROL_PAYLOAD_MAX] = {(char)(code >> 8), (char)code};
    size_t len = reason.len < FRAME_CLOSE_REASON_MAX ? reason.len : FRAME_CLOSE_REASON_MAX;

    if (len > 0)
        memcpy(payload + 2, reason.at, len);
    return frame_control(out, OPCODE_CLOSE, (struct str){payload, code != 0 ? 2 + len : 0}, mask);
}

struct str
frame_payload(const char *frame, char *out)
{
    bool masked = (uint8_t)frame[1] & FRAME_MASKED;
    size_t len = (uint8_t)frame[1] & 0x7f, head = masked ? 2 + FRAME_MASK_LEN : 2;

    for (size_t i = 0; i < len; i++)
        out[i] = (char)(frame[head + i] ^ (masked ? frame[2 + i % FRAME_MASK_LEN] : 0));
    return (struct str){out, len};
}

/* 1004 is reserved; 1005, 1006 and 1015 stand for what no Close frame has said. */
bool
frame_close_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
