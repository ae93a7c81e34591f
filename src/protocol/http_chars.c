/*
 * http_chars.c - the table behind http_chars.h.
 *
 * One name stands for one combination of classes, so that the 256 rows can be
 * read beside an ASCII chart, sixteen to a line.
 */
#include "protocol/http_chars.h"

enum {
    NO = 0, /* controls: nowhere */
    TX = HTTP_CHAR_TEXT,
    VC = TX | HTTP_CHAR_TARGET, /* visible: delimiters */
    TC = VC | HTTP_CHAR_TOKEN,
    PL = TC | HTTP_CHAR_BASE64,     /* "+" */
    SL = VC | HTTP_CHAR_BASE64,     /* "/" */
    TI = TC | HTTP_CHAR_UNRESERVED, /* "~" */
    MK = TI | HTTP_CHAR_HOST,       /* "-" "." "_" */
    AL = MK | HTTP_CHAR_BASE64,     /* G to Z */
    HX = AL | HTTP_CHAR_HEX,        /* A to F */
    DG = HX | HTTP_CHAR_DIGIT,      /* 0 to 9 */
};

/* clang-format off */
const uint8_t http_chars[256] = {
    /* 00 */ NO, NO, NO, NO, NO, NO, NO, NO, NO, TX, NO, NO, NO, NO, NO, NO,
    /* 10 */ NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    /* 20 */ TX, TC, VC, TC, TC, TC, TC, TC, VC, VC, TC, PL, VC, MK, MK, SL,
    /* 30 */ DG, DG, DG, DG, DG, DG, DG, DG, DG, DG, VC, VC, VC, VC, VC, VC,
    /* 40 */ VC, HX, HX, HX, HX, HX, HX, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    /* 50 */ AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, VC, VC, VC, TC, MK,
    /* 60 */ TC, HX, HX, HX, HX, HX, HX, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    /* 70 */ AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, VC, TC, VC, TI, NO,
    /* 80 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* 90 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* A0 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* B0 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* C0 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* D0 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* E0 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
    /* F0 */ TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX, TX,
};
/* clang-format on */
