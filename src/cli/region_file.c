#include "cli/region_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "core/region_format.h"
#include "profile/procfs.h"

/* The directory of the file, seen as the place says; a descriptor or a negative errno. */
static int
open_directory(const struct wp_region_place *place, const char **name)
{
    const char *slash = strrchr(place->path, '/');
    char directory[PATH_MAX];
    int fd;

    if (slash == NULL || slash == place->path)
        return -EINVAL;
    memcpy(directory, place->path, (size_t)(slash - place->path));
    directory[slash - place->path] = '\0';
    *name = slash + 1;
    if (place->root_pid != 0)
        return wp_procfs_open(place->root_pid, directory, O_PATH | O_DIRECTORY);
    fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int
wp_region_file_remove(const struct wp_region_place *place, struct wp_error *error)
{
    const char *name = NULL;
    int fd = open_directory(place, &name);
    int status = fd < 0 ? -fd : 0;

    if (fd >= 0) {
        if (unlinkat(fd, name, 0) != 0)
            status = errno;
        close(fd);
    }
    if (status == 0)
        return 0;
    return wp_error_set(error, status, "%s: cannot be removed: %s", place->path, strerror(status));
}

int
wp_region_file_mark_exported(const struct wp_region_place *place, struct wp_error *error)
{
    const off_t offset = offsetof(struct wp_region_header, flags);
    int fd = wp_region_place_open(place, O_RDWR, error);
    uint32_t flags = 0;
    int status = 0;

    if (fd < 0)
        return fd;
    if (pread(fd, &flags, sizeof flags, offset) != (ssize_t)sizeof flags) {
        status = EIO;
    } else {
        flags |= WP_REGION_FLAG_EXPORTED;
        if (pwrite(fd, &flags, sizeof flags, offset) != (ssize_t)sizeof flags)
            status = EIO;
    }
    close(fd);
    if (status == 0)
        return 0;
    return wp_error_set(error, status, "%s: cannot be marked as exported: %s", place->path,
                        strerror(status));
}
