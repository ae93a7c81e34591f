/* compiler.h - the few compiler attributes that the tree uses. */
#ifndef WSGATE_COMPILER_H
#define WSGATE_COMPILER_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
/* For a large buffer on the stack that is written before it is read: the build zeroes others. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNINITIALIZED __attribute__((uninitialized))
#else
#define UNINITIALIZED
#endif
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
