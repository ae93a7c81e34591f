/* compiler.h - the few compiler attributes that the tree uses. */
#ifndef WSGATE_COMPILER_H
#define WSGATE_COMPILER_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
