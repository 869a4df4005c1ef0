#include "cli/library_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY_NAME "libwaitprof.so"

/* Resolved, since the profiled program may run in another directory. 0 or -ENAMETOOLONG. */
static int
take_existing(const char *found, char *path, size_t size)
{
    char *absolute = realpath(found, NULL);
    int length = snprintf(path, size, "%s", absolute != NULL ? absolute : found);

    free(absolute);
    return length >= 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}

/* PREFIX/bin/waitprof -> PREFIX/lib/libwaitprof.so. Empty when this command's path is not known. */
static void
name_beside_command(char place[PATH_MAX])
{
    char command[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", command, sizeof command - 1);

    place[0] = '\0';
    if (length <= 0)
        return;
    command[length] = '\0';
    for (int parts = 0; parts < 2; parts++) {
        char *slash = strrchr(command, '/');

        if (slash == NULL)
            return;
        *slash = '\0';
    }
    if (snprintf(place, PATH_MAX, "%s/lib/" LIBRARY_NAME, command) >= PATH_MAX)
        place[0] = '\0';
}

int
wp_library_path_find(char *path, size_t size)
{
    const char *chosen = getenv("WAITPROF_LIBRARY");
    char beside[PATH_MAX];

    if (chosen != NULL && chosen[0] != '\0') {
        int status = take_existing(chosen, path, size);

        return status != 0 ? status : access(path, F_OK) == 0 ? 0 : -ENOENT;
    }
    name_beside_command(beside);
    if (access(beside, F_OK) == 0)
        return take_existing(beside, path, size);
    if (access(WAITPROF_LIBRARY_INSTALL_PATH, F_OK) == 0)
        return take_existing(WAITPROF_LIBRARY_INSTALL_PATH, path, size);
    snprintf(path, size, "%s", beside[0] != '\0' ? beside : WAITPROF_LIBRARY_INSTALL_PATH);
    return -ENOENT;
}
