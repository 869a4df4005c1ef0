#include "profile/region_clock.h"

#include <stddef.h>
#include <sys/types.h>

#include "profile/clock.h"
#include "profile/procfs.h"
#include "profile/region_copy.h"

/* Of a family whose first process has ended, so many are asked for the clock. */
#define CHILDREN_ASKED 64u

/* Apart by no more than this, the clocks are one: an offset between namespaces is larger. */
#define SAME_CLOCK_NS 10000000

static uint64_t
add_bounded(uint64_t time_ns, int64_t more_ns, uint64_t least_ns)
{
    uint64_t magnitude = more_ns < 0 ? -(uint64_t)more_ns : (uint64_t)more_ns;

    if (more_ns < 0)
        return time_ns > magnitude ? time_ns - magnitude : least_ns;
    return time_ns < UINT64_MAX - magnitude ? time_ns + magnitude : UINT64_MAX;
}

uint64_t
wp_region_clock_to_ours(uint64_t region_ns, int64_t ahead_ns)
{
    if (region_ns == 0)
        return 0;
    return add_bounded(region_ns, ahead_ns == INT64_MIN ? INT64_MAX : -ahead_ns, 1);
}

uint64_t
wp_region_clock_from_ours(uint64_t our_ns, int64_t ahead_ns)
{
    return add_bounded(our_ns, ahead_ns, 0);
}

/* True if that process was there when the row was written, by its own clock. */
static bool
is_child(const struct wp_region_process *row, int64_t ahead_ns)
{
    uint64_t ticks = wp_procfs_start_ticks((pid_t)row->pid);

    return ticks != 0 &&
           wp_procfs_started_by(ticks, wp_region_clock_to_ours(row->start_monotonic_ns, ahead_ns));
}

/* CLOCK_REALTIME is the same in all namespaces. If it shows that the two clocks are one, no process
 * needs to be sought. They seem apart, too, if it was set since or the machine slept. */
static bool
may_be_ahead(const struct wp_region_header *header)
{
    uint64_t here_ns = wp_clock_ns(CLOCK_REALTIME) - wp_clock_ns(CLOCK_MONOTONIC);
    int64_t apart_ns = (int64_t)(header->start_realtime_ns - header->start_monotonic_ns - here_ns);

    return apart_ns < -SAME_CLOCK_NS || apart_ns > SAME_CLOCK_NS;
}

int64_t
wp_region_clock_ahead_ns(int fd, const struct wp_region_header *header)
{
    const struct wp_region_table *table = &header->tables[WP_TABLE_PROCESSES];
    size_t count = table->count < table->capacity ? table->count : table->capacity;
    pid_t first = 0;

    if (!may_be_ahead(header))
        return 0;
    if ((header->flags & WP_REGION_FLAG_EXITED) == 0)
        first = wp_procfs_find((pid_t)header->pid, header->start_ticks);
    if (first != 0)
        return wp_procfs_clocks_ahead(first).monotonic_ns;
    for (size_t i = 1; i < count && i <= CHILDREN_ASKED; i++) {
        struct wp_region_process row;
        int64_t ahead_ns;

        if (wp_region_copy_bytes(fd, &row, sizeof row,
                                 table->offset + (uint64_t)table->stride * i) != 0)
            break;
        if (row.pid == 0 || row.pid > INT32_MAX)
            continue;
        ahead_ns = wp_procfs_clocks_ahead((pid_t)row.pid).monotonic_ns;
        if (is_child(&row, ahead_ns))
            return ahead_ns;
    }
    return 0;
}
