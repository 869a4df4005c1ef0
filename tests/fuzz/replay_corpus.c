/*
 * Takes the files of a corpus through the fuzz target, without a fuzzer: replay_* DIRECTORY.
 *
 * A file's name says what must become of it: "valid-" and "torn-" are accepted (a killed program
 * must leave a readable region), "truncated-" and "hostile-" refused; all others may be either, but
 * must not crash.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_target.h"

#define INPUT_MAX_BYTES (1u << 20)

enum verdict { EITHER, ACCEPT, REFUSE };

static enum verdict
replay_expects(const char *name)
{
    static const struct {
        const char *prefix;
        enum verdict verdict;
    } rules[] = {
        {"valid-", ACCEPT}, {"torn-", ACCEPT}, {"truncated-", REFUSE}, {"hostile-", REFUSE}};

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(name, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return rules[i].verdict;
    }
    return EITHER;
}

/* Returns 1 if the file was not treated as its name asks. */
static int
replay_file(const char *directory, const char *name)
{
    static uint8_t bytes[INPUT_MAX_BYTES];
    enum verdict expected = replay_expects(name);
    struct wp_error error;
    char path[4096];
    size_t size;
    int result;
    FILE *stream;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    stream = fopen(path, "rb");
    if (stream == NULL) {
        printf("not ok: %s cannot be opened\n", name);
        return 1;
    }
    size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    result = fuzz_target(bytes, size, &error);
    printf("%s: %s%s\n", name, result == 0 ? "accepted" : "refused: ", error.text);
    fflush(stdout);
    if ((expected == ACCEPT && result != 0) || (expected == REFUSE && result == 0)) {
        printf("not ok: %s\n", name);
        return 1;
    }
    return 0;
}

int
main(int argument_count, char **arguments)
{
    DIR *directory = argument_count == 2 ? opendir(arguments[1]) : NULL;
    struct dirent *entry;
    int failures = 0;
    int files = 0;

    if (directory == NULL) {
        fprintf(stderr, "use: replay DIRECTORY\n");
        return 1;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        failures += replay_file(arguments[1], entry->d_name);
        files++;
    }
    closedir(directory);
    printf("%d files, %d not as expected\n", files, failures);
    return files > 0 && failures == 0 ? 0 : 1;
}
