#include "profile/region_use.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Overlayfs (the root of most containers) passes a mapping on to the file below, and then grants
 * leases on a file that is mapped. */
static bool
tells_mappings(int fd)
{
    struct statfs system;

    return fstatfs(fd, &system) == 0 && system.f_type != OVERLAYFS_SUPER_MAGIC;
}

/*
 * The kernel grants a read lease on a file that nobody has open for writing, and a mapping that was
 * made through such a descriptor counts as open until the last process that has it ends or calls
 * exec. Only the owner of the file, and CAP_LEASE, may ask.
 */
enum wp_region_use
wp_region_use(int fd)
{
    enum wp_region_use use = WP_USE_UNKNOWN;
    int saved = errno;

    /* Somebody who opens the file for writing while we have the lease makes the kernel send us a
     * signal; by default SIGIO, which ends a process. SIGURG does not. */
    if (tells_mappings(fd) && fcntl(fd, F_SETSIG, SIGURG) == 0) {
        if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
            use = WP_USE_NONE;
            (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        } else if (errno == EAGAIN) {
            use = WP_USE_MAPPED;
        }
    }
    errno = saved;
    return use;
}

enum wp_region_use
wp_region_place_use(const struct wp_region_place *place)
{
    int fd = wp_region_place_open(place, O_RDONLY, NULL);
    enum wp_region_use use;

    if (fd < 0)
        return WP_USE_UNKNOWN;
    use = wp_region_use(fd);
    close(fd);
    return use;
}
