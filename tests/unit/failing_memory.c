/*
 * failing_memory.c - memory that runs out when a test says so.
 *
 * Our own calls come here by the linker's --wrap, OpenSSL's and jansson's by the
 * functions that these libraries offer for that. OpenSSL takes them only before its first
 * allocation, hence the constructor.
 */
#include "failing_memory.h"

#include <jansson.h>
#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

static size_t left; /* 0: unarmed, or it has failed */
static bool armed;

static bool
fails(void)
{
    return left > 0 && --left == 0;
}

void
failing_memory_arm(size_t n)
{
    left = n;
    armed = true;
}

bool
failing_memory_disarm(void)
{
    bool failed = armed && left == 0;

    left = 0;
    armed = false;
    return failed;
}

bool
failing_memory_is_sampled(void)
{
    return getenv("WSGATE_FEW") != NULL;
}

size_t
failing_memory_next(size_t n)
{
    return failing_memory_is_sampled() ? n + 1 + n / 16 : n + 1;
}

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

char *
__wrap_strndup(const char *text, size_t len)
{
    size_t used = strnlen(text, len);
    char *copy = __wrap_malloc(used + 1);

    if (copy) {
        memcpy(copy, text, used);
        copy[used] = '\0';
    }
    return copy;
}

char *
__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

static void *
on_openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size ? __wrap_malloc(size) : NULL;
}

static void *
on_openssl_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        free(old);
        return NULL;
    }
    return fails() ? NULL : realloc(old, size);
}

static void
on_openssl_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

static void __attribute__((constructor))
take_over(void)
{
    CRYPTO_set_mem_functions(on_openssl_malloc, on_openssl_realloc, on_openssl_free);
    json_set_alloc_funcs(__wrap_malloc, free);
}
