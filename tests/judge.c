/*
 * judge.c - says of tokens what verify_token says, for tests/jwcrypto_test.py to compare.
 *
 *     judge JWKS NOW
 *
 * A line of input is an algorithm, a space, and a token of any bytes; a line of output the
 * word of its verdict. Only that algorithm is accepted. NOW is in seconds.
 */
#include "token/jwks.h"
#include "token/key_file.h"
#include "token/verify.h"

#include <stdio.h>
#include <stdlib.h>

static void
on_fault(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "judge: %s\n", text);
}

static struct verifier *
verifier_for(const char *path)
{
    const struct jwks_report report = {on_fault, on_fault, NULL};
    struct keyset *keyset = keyset_new();
    struct verifier *verifier = NULL;
    struct key_error error;
    struct key_file file;

    if (!key_file_read(&file, path, &error)) {
        on_fault(NULL, error.text);
        return NULL;
    }
    if (keyset && jwks_read(keyset, file.text, &report))
        verifier = verifier_new(keyset);
    key_file_free(&file);
    keyset_unref(keyset);
    return verifier;
}

/* The reason's word; NULL: the line does not begin with an algorithm. */
static const char *
judge(struct verifier *verifier, struct str line, int64_t now_ms)
{
    const char *space = memchr(line.at, ' ', line.len);
    struct str name = {line.at, space ? (size_t)(space - line.at) : line.len};
    enum jose_algorithm algorithm = jose_algorithm_named(name);
    struct verify_policy policy = {.algorithms = JOSE_BIT(algorithm)};
    struct verified verified;

    if (algorithm == JOSE_NO_ALGORITHM || !space)
        return NULL;
    struct str token = {space + 1, line.len - name.len - 1};
    enum jose_reason reason = verify_token(verifier, &policy, token, now_ms, &verified);
    verified_free(&verified);
    return jose_reason(reason)->word;
}

int
main(int argc, char **argv)
{
    struct verifier *verifier = argc == 3 ? verifier_for(argv[1]) : NULL;
    const char *word = "";
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (!verifier)
        return 2;
    while (word && (len = getline(&line, &size, stdin)) > 0) {
        struct str text = {line, (size_t)len - (line[len - 1] == '\n')};
        word = judge(verifier, text, strtoll(argv[2], NULL, 10) * 1000);
        if (word)
            puts(word);
    }
    free(line);
    verifier_free(verifier);
    return word ? EXIT_SUCCESS : EXIT_FAILURE;
}
