#include "agent/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/procfs.h"
#include "profile/region_use.h"
#include "profile/symbol_name.h"

/* The slash and the file's name, which holds a random id and, unlike the path, is the same in every
 * mount namespace. */
static const char *
target_file_name(const struct wp_region_place *place)
{
    const char *slash = strrchr(place->path, '/');

    return slash != NULL ? slash : place->path;
}

/* A process of the family: the first if it runs and is still that program. */
static pid_t
target_seen_pid(const struct wp_region_place *place, const struct wp_reader_summary *summary)
{
    pid_t first;

    if (place->user_pid != 0 && wp_procfs_started_at(place->user_pid, summary->start_ticks))
        return place->user_pid;
    first = wp_procfs_find((pid_t)summary->pid, summary->start_ticks);
    if (first != 0 && wp_procfs_maps(first, target_file_name(place)) != 0)
        return first;
    return place->user_pid;
}

int
wp_target_open_place(const struct wp_region_place *place, struct wp_target **target,
                     struct wp_error *error)
{
    struct wp_target *made = calloc(1, sizeof *made);
    struct wp_reader_summary summary;
    int status;

    *target = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory to follow %s", place->path);
    made->place = *place;
    made->references = 1;
    made->fd = wp_region_place_open(place, O_RDONLY, error);
    status =
        made->fd < 0 ? made->fd : wp_reader_summarize_fd(made->fd, place->path, &summary, error);
    if (status != 0) {
        wp_target_release(made);
        return status;
    }
    made->region_id = summary.region_id;
    made->start_realtime_ns = summary.start_realtime_ns;
    made->uid = summary.uid;
    made->pid = summary.pid;
    made->seen_pid = target_seen_pid(place, &summary);
    wp_symbol_clean(summary.command, made->command, sizeof made->command);
    *target = made;
    return 0;
}

int
wp_target_open(const char *what, struct wp_target **target, struct wp_error *error)
{
    struct wp_region_place place;
    int status = wp_region_find(what, &place, error);

    *target = NULL;
    return status == 0 ? wp_target_open_place(&place, target, error) : status;
}

struct wp_target *
wp_target_hold(struct wp_target *target)
{
    __atomic_fetch_add(&target->references, 1, __ATOMIC_RELAXED);
    return target;
}

void
wp_target_release(struct wp_target *target)
{
    if (target == NULL || __atomic_sub_fetch(&target->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (target->fd >= 0)
        close(target->fd);
    free(target);
}

int
wp_target_read(const struct wp_target *target, struct wp_snapshot **snapshot,
               struct wp_error *error)
{
    return wp_reader_read_place(target->fd, &target->place, snapshot, error);
}

/* As wp_snapshot_state, but for children that were forked after the snapshot, too. */
static enum wp_reader_state
target_state_now(const struct wp_target *target, const struct wp_snapshot *snapshot, pid_t *pid)
{
    enum wp_reader_state state = wp_snapshot_state(snapshot, pid);
    struct wp_snapshot *latest;

    if (state == WP_STATE_GONE && wp_target_read(target, &latest, NULL) == 0) {
        state = wp_snapshot_state(latest, pid);
        wp_snapshot_free(latest);
    }
    return state;
}

enum wp_reader_state
wp_target_state(const struct wp_target *target, const struct wp_snapshot *snapshot, pid_t *pid)
{
    const char *name = target_file_name(&target->place);
    enum wp_region_use use = wp_region_use(target->fd);
    enum wp_reader_state state = WP_STATE_GONE;
    pid_t found = 0;

    if (use != WP_USE_NONE)
        state = target_state_now(target, snapshot, &found);
    /* A process that lets nobody look is believed. One that has become another program by exec
     * leaves the region to its children; these need not be in the table yet. */
    if (use != WP_USE_NONE && (found == 0 || wp_procfs_maps(found, name) == 0)) {
        found = wp_procfs_find_user(name);
        if (found != 0)
            state = WP_STATE_CHILDREN;
        else if (use == WP_USE_UNKNOWN)
            state = WP_STATE_GONE;
        else if (state == WP_STATE_GONE)
            state = WP_STATE_RUNNING; /* out of our sight, in a container */
    }
    if (pid != NULL)
        *pid = found;
    return state;
}
