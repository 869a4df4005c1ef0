/*
 * Which threads and processes of a snapshot are still there. The region alone cannot say: a thread
 * that was killed in a wait waits for ever in its row.
 */
#ifndef WP_CLI_THREAD_LIFE_H
#define WP_CLI_THREAD_LIFE_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/error.h"
#include "profile/region_reader.h"

struct wp_thread_life {
    bool *waiting;    /* of each of snapshot->threads: it is in a wait that is seen */
    size_t processes; /* of the snapshot's that still run */
};

/*
 * Looks into /proc, of this moment: a wait that has ended since the snapshot was made still counts.
 * What /proc hides from this user (another pid namespace, hidepid) is taken for alive if the region
 * says so. The caller frees life->waiting with free(). 0 or -ENOMEM.
 */
int wp_thread_life_look(const struct wp_snapshot *snapshot, struct wp_thread_life *life,
                        struct wp_error *error);

#endif
