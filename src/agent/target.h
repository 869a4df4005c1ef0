/*
 * A program that is followed: its region, held open so that it can be read after its file was
 * removed and after the program has ended.
 *
 * Counted references, because several threads (HTTP answers that take their time) and the set of
 * targets hold one target; whoever is last closes it. Everything but the reference count is fixed
 * when the target is opened, so reading needs no lock.
 */
#ifndef WP_AGENT_TARGET_H
#define WP_AGENT_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile/error.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

struct wp_target {
    struct wp_region_place place;
    int fd; /* of the region, read-only */
    uint64_t region_id;
    uint64_t start_realtime_ns;
    uint32_t uid;
    uint32_t pid;        /* in its own pid namespace */
    pid_t seen_pid;      /* as seen from here when it was opened; 0: it had ended */
    char command[64];    /* printable UTF-8 */
    unsigned references; /* [atomic] */
};

/* Opens what a user wrote: as wp_region_find has it. On success the caller has one reference. */
int wp_target_open(const char *what, struct wp_target **target, struct wp_error *error);

/* The same for a place that is known. */
int wp_target_open_place(const struct wp_region_place *place, struct wp_target **target,
                         struct wp_error *error);

struct wp_target *wp_target_hold(struct wp_target *target); /* one more reference; returns it */
void wp_target_release(struct wp_target *target);           /* NULL is fine */

/* A copy of the region now. The caller frees it. Any thread. */
int wp_target_read(const struct wp_target *target, struct wp_snapshot **snapshot,
                   struct wp_error *error);

/* Whether a process of the family still runs, and which (may be NULL): as wp_snapshot_state has it
 * for a snapshot of this target, which may be old. Any thread. */
enum wp_reader_state wp_target_state(const struct wp_target *target,
                                     const struct wp_snapshot *snapshot, pid_t *pid);

#endif
