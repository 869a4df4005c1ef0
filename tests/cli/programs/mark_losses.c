/*
 * Writes losses into a region, as a program that ran out of room would: mark_losses REGION sets the
 * flags that keep it from growing, and loss counter i to i.
 */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "core/region_format.h"

static const enum wp_region_counter losses[] = {
    WP_COUNTER_lost_table_full, WP_COUNTER_lost_reentrant,    WP_COUNTER_lost_buffers,
    WP_COUNTER_lost_waiters,    WP_COUNTER_module_table_full, WP_COUNTER_growth_failed,
};

static int
put(int fd, const void *value, size_t size, size_t offset)
{
    return pwrite(fd, value, size, (off_t)offset) == (ssize_t)size ? 0 : 1;
}

int
main(int argc, char **argv)
{
    const uint32_t flags = WP_REGION_FLAG_SECCOMP | WP_REGION_FLAG_FIXED;
    int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
    int failures = fd < 0;

    failures += put(fd, &flags, sizeof flags, offsetof(struct wp_region_header, flags));
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        const uint64_t value = i + 1;

        failures += put(fd, &value, sizeof value,
                        offsetof(struct wp_region_header, counters) + sizeof value * losses[i]);
    }
    return failures != 0;
}
