#include "cli/durable_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

static int
write_part(int fd, const struct iovec *part)
{
    const char *rest = part->iov_base;
    size_t length = part->iov_len;

    while (length > 0) {
        ssize_t written = write(fd, rest, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        rest += written;
        length -= (size_t)written;
    }
    return 0;
}

static int
write_file(int directory, const char *name, const struct iovec *parts, size_t count, bool syncs)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int status = 0;

    if (fd < 0)
        return -errno;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = write_part(fd, &parts[i]);
    if (status == 0 && syncs && fsync(fd) != 0)
        status = -errno;
    if (close(fd) != 0 && status == 0)
        status = -errno;
    if (status != 0)
        unlinkat(directory, name, 0);
    return status;
}

int
wp_durable_file_write(int directory, const char *name, const struct iovec *parts, size_t count)
{
    return write_file(directory, name, parts, count, true);
}

int
wp_durable_file_write_lazily(int directory, const char *name, const struct iovec *parts,
                             size_t count)
{
    return write_file(directory, name, parts, count, false);
}
