/*
 * What region_reader.h offers beside the copy of a whole region: summaries, whether the program
 * still runs, and its rates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "profile/procfs.h"
#include "profile/region_copy.h"
#include "profile/region_rates.h"
#include "profile/region_reader.h"
#include "profile/region_use.h"

/* The first pids of the processes table. */
static int
state_processes(int fd, const char *name, const struct wp_region_header *header,
                struct wp_reader_summary *summary, struct wp_error *error)
{
    const struct wp_region_table *table = &header->tables[WP_TABLE_PROCESSES];
    size_t room = sizeof summary->process_pids / sizeof summary->process_pids[0];
    size_t count = table->count < table->capacity ? table->count : table->capacity;

    if (count > room)
        count = room;
    for (size_t i = 0; i < count; i++) {
        struct wp_region_process row;
        int result =
            wp_region_copy_bytes(fd, &row, sizeof row, table->offset + (uint64_t)table->stride * i);

        if (result != 0)
            return wp_error_set(error, EPROTO, "%s is truncated: it ends while it is read", name);
        summary->process_pids[i] = row.pid;
    }
    summary->process_count = count;
    return 0;
}

static void
state_command(int fd, const struct wp_region_header *header, struct wp_reader_summary *summary)
{
    const struct wp_region_table *table = &header->tables[WP_TABLE_STRINGS];
    size_t room = sizeof summary->command - 1;
    size_t left;

    if (header->command == 0 || header->command >= table->capacity)
        return;
    left = table->capacity - header->command;
    if (wp_region_copy_bytes(fd, summary->command, left < room ? left : room,
                             (uint64_t)table->offset + header->command) != 0)
        summary->command[0] = '\0';
}

int
wp_reader_summarize(const struct wp_region_place *place, struct wp_reader_summary *summary,
                    struct wp_error *error)
{
    int fd = wp_region_place_open(place, O_RDONLY, error);
    int result;

    memset(summary, 0, sizeof *summary);
    if (fd < 0)
        return fd;
    result = wp_reader_summarize_fd(fd, place->path, summary, error);
    close(fd);
    return result;
}

int
wp_reader_summarize_fd(int fd, const char *name, struct wp_reader_summary *summary,
                       struct wp_error *error)
{
    struct wp_region_header header;
    struct wp_reader_rates rates;
    int result;

    memset(summary, 0, sizeof *summary);
    result = wp_region_copy_header(fd, name, &header, error);
    if (result == 0)
        result = state_processes(fd, name, &header, summary, error);
    if (result != 0)
        return result;
    state_command(fd, &header, summary);
    summary->region_id = header.region_id;
    summary->run_id = header.run_id;
    summary->start_realtime_ns = header.start_realtime_ns;
    summary->start_ticks = header.start_ticks;
    summary->pid = header.pid;
    summary->uid = header.uid;
    summary->flags = header.flags;
    rates = wp_region_rates_now(fd, &header);
    summary->block_rate_ns = rates.block_rate_ns;
    summary->mutex_fraction = rates.mutex_fraction;
    summary->allocated_bytes = header.allocated_bytes;
    summary->stack_bytes_used = header.stack_units_used * WP_STACK_UNIT_BYTES;
    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++)
        summary->counters[i] = wp_region_copy_counter(&header, i);
    return 0;
}

/* True if the process that now has this pid may be the child of that row: it was there when the row
 * was written. */
static bool
state_is_child(pid_t pid, const struct wp_reader_process *row)
{
    uint64_t ticks = wp_procfs_start_ticks(pid);

    return ticks != 0 && wp_procfs_started_by(ticks, row->start_monotonic_ns);
}

enum wp_reader_state
wp_snapshot_state(const struct wp_snapshot *snapshot, pid_t *pid)
{
    pid_t first = wp_procfs_find((pid_t)snapshot->pid, snapshot->start_ticks);

    if (pid != NULL)
        *pid = first;
    if (first != 0)
        return WP_STATE_RUNNING;
    for (size_t i = 1; i < snapshot->process_count; i++) {
        pid_t child = (pid_t)snapshot->processes[i].pid;

        if (child == 0 || !state_is_child(child, &snapshot->processes[i]))
            continue;
        if (pid != NULL)
            *pid = child;
        return WP_STATE_CHILDREN;
    }
    /* Processes of a container may be out of our sight. */
    if (snapshot->place.path[0] == '\0' || wp_region_place_use(&snapshot->place) != WP_USE_MAPPED)
        return WP_STATE_GONE;
    return (snapshot->flags & WP_REGION_FLAG_EXITED) != 0 ? WP_STATE_CHILDREN : WP_STATE_RUNNING;
}
