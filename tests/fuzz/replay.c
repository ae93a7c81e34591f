/*
 * replay.c - stands in for libFuzzer where it is not built in: runs the target once over every file
 * of the directories named as arguments. Arguments that begin with "-" are libFuzzer's, and
 * ignored.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

static bool
run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t len = 0, room = 0, got;

    if (!file) {
        perror(path);
        return false;
    }
    do {
        room += 65536;
        bytes = realloc(bytes, room);
        FUZZ_REQUIRE(bytes != NULL);
        got = fread(bytes + len, 1, room - len, file);
        len += got;
    } while (got > 0 && len == room);
    fclose(file);

    char *block = fuzz_block(bytes, len);
    free(bytes);
    LLVMFuzzerTestOneInput((const uint8_t *)block, len);
    free(block);
    return true;
}

/* How many files the directory has; 0 also when it or one of them cannot be read. */
static size_t
run_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char name[4096];
    size_t count = 0;

    if (!directory) {
        perror(path);
        return 0;
    }
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (!run_file(name)) {
            count = 0;
            break;
        }
        count++;
    }
    closedir(directory);
    return count;
}

int
main(int argc, char **argv)
{
    bool good = argc > 1;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        size_t count = run_directory(argv[i]);
        printf("%s: %zu inputs\n", argv[i], count);
        good = good && count > 0;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
