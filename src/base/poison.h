/*
 * poison.h - memory that is ours but that nobody may touch just now: under AddressSanitizer it is
 * found like malloc's own.
 */
#ifndef WSGATE_POISON_H
#define WSGATE_POISON_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POISON_WORKS
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POISON_WORKS
#endif
#ifdef POISON_WORKS
#include <sanitizer/asan_interface.h>
#define poison(at, bytes) __asan_poison_memory_region((at), (bytes))
#define unpoison(at, bytes) __asan_unpoison_memory_region((at), (bytes))
#else
#define poison(at, bytes) ((void)(at), (void)(bytes))
#define unpoison(at, bytes) ((void)(at), (void)(bytes))
#endif

#endif
