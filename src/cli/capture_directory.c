#include "cli/capture_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/directory_file.h"
#include "cli/profile_file_name.h"

static const char *const suffixes[] = {".pb.gz", ".pb", ".pprof", ".prof"};

static int
is_capture_name(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    if (entry->d_name[0] == '.')
        return 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t bytes = strlen(suffixes[i]);

        if (length > bytes && strcmp(entry->d_name + length - bytes, suffixes[i]) == 0)
            return 1;
    }
    return 0;
}

int
wp_capture_directory_read(const char *directory, wp_capture_directory_visit *visit, void *context,
                          struct wp_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_capture_name, versionsort), taken = 0, status = 0;

    if (count < 0)
        return wp_error_set(error, errno, "%s: %s", directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];

        if (status == 0 && (size_t)snprintf(path, sizeof path, "%s/%s", directory,
                                            entries[i]->d_name) >= sizeof path)
            status = wp_error_set(error, ENAMETOOLONG, "%s: the path is too long", directory);
        if (status == 0 && !wp_directory_file_is_special(AT_FDCWD, path)) {
            status = visit(path, context, error);
            taken++;
        }
        free(entries[i]);
    }
    free(entries);
    if (status == 0 && taken == 0)
        return wp_error_set(error, EINVAL,
                            "%s: the directory has no captures: no file whose name ends in "
                            ".pb.gz, .pb, .pprof or .prof",
                            directory);
    return status;
}

bool
wp_capture_directory_is(const char *path)
{
    DIR *stream = opendir(path);
    bool has_captures = false, has_slices = false;
    struct dirent *entry;

    if (stream == NULL)
        return false;
    while (!has_slices && (entry = readdir(stream)) != NULL) {
        enum wp_region_profile type;
        uint64_t until_ns;

        has_slices = wp_profile_file_name_parse(entry->d_name, &until_ns, &type);
        has_captures |= is_capture_name(entry) != 0;
    }
    closedir(stream);
    return has_captures && !has_slices;
}
