#include "cli/private_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hidden, so that `ls` and globs show profiles alone. */
#define LOCK_NAME ".lock"

static int
make_path(const char *path, const char *remedy, struct wp_error *error)
{
    char prefix[PATH_MAX];
    size_t length = strlen(path);

    if (length >= sizeof prefix)
        return wp_error_set(error, EIO, "%.64s...: %s", path, strerror(ENAMETOOLONG));
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(prefix, sizeof prefix, "%.*s", (int)i, path);
        if (mkdir(prefix, 0700) != 0 && errno != EEXIST && errno != EISDIR && errno != EROFS &&
            errno != EACCES)
            return wp_error_set(error, EIO, "%s: cannot be made: %s; %s", prefix, strerror(errno),
                                remedy);
    }
    return 0;
}

static int
take_lock(int directory, const char *path, const char *remedy, int *lock, struct wp_error *error)
{
    *lock = openat(directory, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*lock < 0)
        return wp_error_set(error, EIO, "%s: nothing can be written there: %s", path,
                            strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return wp_error_set(error, EBUSY, "%s: another waitprof command uses it; %s", path, remedy);
    return wp_error_set(error, EIO, "%s: cannot be locked: %s", path, strerror(errno));
}

int
wp_private_directory_make(const char *path, const char *remedy, int *directory,
                          struct wp_error *error)
{
    struct stat status;
    int result = make_path(path, remedy, error);

    *directory = -1;
    if (result != 0)
        return result;
    *directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*directory < 0)
        return wp_error_set(error, EIO, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(*directory, &status) == 0 && status.st_uid == geteuid() &&
        (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return 0;
    close(*directory);
    *directory = -1;
    return wp_error_set(error, EIO, "%s: it is another user's, or others may write to it; %s", path,
                        remedy);
}

int
wp_private_directory_open(const char *path, const char *remedy, int *directory, int *lock,
                          struct wp_error *error)
{
    int result = wp_private_directory_make(path, remedy, directory, error);

    *lock = -1;
    if (result != 0)
        return result;
    result = take_lock(*directory, path, remedy, lock, error);
    if (result != 0) {
        if (*lock >= 0)
            close(*lock);
        close(*directory);
        *directory = *lock = -1;
    }
    return result;
}

bool
wp_private_directory_is_gone(const char *path, int directory)
{
    struct stat there, ours;

    return stat(path, &there) != 0 || fstat(directory, &ours) != 0 || there.st_dev != ours.st_dev ||
           there.st_ino != ours.st_ino;
}

int
wp_private_directory_of_state(char path[PATH_MAX], struct wp_error *error)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length;

    /* A relative one is to be ignored, says the specification of these directories. */
    if (state != NULL && state[0] == '/')
        length = snprintf(path, PATH_MAX, "%s/waitprof", state);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, PATH_MAX, "%s/.local/state/waitprof", home);
    else
        return wp_error_set(error, EINVAL,
                            "there is no place for the spool: neither XDG_STATE_HOME nor HOME is "
                            "set; give --spool");
    if (length >= PATH_MAX)
        return wp_error_set(error, ENAMETOOLONG, "the path of the spool is too long; give --spool");
    return 0;
}
