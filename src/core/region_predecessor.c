/*
 * exec: the image that this process ran before had a region too, and no destructor of it ran. If
 * nothing was sampled there, the file is of use to nobody, and a shell that execs a helper per
 * request would leave one each time. So the new image looks for it: a file with this process's
 * number in its name and its number and start time in its header.
 *
 * Bounded: in a directory of more than about a thousand regions it may go unfound, and stays until
 * `waitprof prune`.
 */
#include "core/region_predecessor.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/process.h"
#include "core/region.h"

#define WP_PREDECESSOR_READS 16
#define WP_PREDECESSOR_BUFFER 4096

/* A directory entry as getdents64(2) gives it. */
struct wp_predecessor_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

/* Removes the file if it is an empty region of this very process. */
static void
wp_predecessor_consider(long directory, const char *name, uint32_t pid, uint64_t start_ticks)
{
    static struct wp_region_header header; /* constructor only: too large for some stacks */
    /* Non-blocking: somebody may have put a named pipe there. */
    long fd = syscall(SYS_openat, directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return;
    long length = syscall(SYS_read, fd, &header, sizeof(header));
    (void)syscall(SYS_close, fd);
    if (length == (long)sizeof(header) &&
        memcmp(header.magic, WP_REGION_MAGIC, sizeof(header.magic)) == 0 &&
        header.version == WP_REGION_VERSION && header.pid == pid &&
        header.start_ticks == start_ticks && wp_region_is_empty(&header) &&
        !wp_process_has_family(header.flags))
        (void)syscall(SYS_unlinkat, directory, name, 0);
}

void
wp_region_predecessor_remove(const char *path, uint32_t pid, uint64_t start_ticks)
{
    _Alignas(struct wp_predecessor_entry) char buffer[WP_PREDECESSOR_BUFFER];
    char infix[16];
    static char directory_path[PATH_MAX]; /* constructor only, as below */
    const char *own_name = strrchr(path, '/') + 1;

    (void)snprintf(infix, sizeof(infix), ".%u.", pid);
    (void)snprintf(directory_path, sizeof(directory_path), "%.*s", (int)(own_name - path), path);

    long directory =
        syscall(SYS_openat, AT_FDCWD, directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int reads = 0; reads < WP_PREDECESSOR_READS && directory >= 0; reads++) {
        long length = syscall(SYS_getdents64, directory, buffer, sizeof(buffer));

        if (length <= 0)
            break;
        for (long at = 0; at < length;) {
            const struct wp_predecessor_entry *entry = (const void *)(buffer + at);

            if (strstr(entry->name, infix) != NULL && strcmp(entry->name, own_name) != 0)
                wp_predecessor_consider(directory, entry->name, pid, start_ticks);
            at += entry->bytes;
        }
    }
    if (directory >= 0)
        (void)syscall(SYS_close, directory);
}
