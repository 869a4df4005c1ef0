/*
 * Which threads and processes of a snapshot are still there, and what the kernel tells of them. The
 * region alone cannot say: a thread that was killed in a wait waits for ever in its row.
 */
#ifndef WP_CLI_THREAD_LIFE_H
#define WP_CLI_THREAD_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"
#include "profile/region_reader.h"

struct wp_thread_state {
    bool is_there;     /* or nobody can tell */
    uint32_t pid, tid; /* as seen from here; 0: out of sight */
    char name[64];     /* valid UTF-8 without control characters; "" unknown */
    char state;        /* as in /proc/PID/stat; '?' unknown */
};

struct wp_thread_life {
    struct wp_thread_state *threads; /* one for each of snapshot->threads */
    size_t processes;                /* of the snapshot's that still run */
};

enum wp_thread_choice {
    WP_THREADS_ALL,
    WP_THREADS_WAITING, /* the others are not looked at and not there */
};

/*
 * Looks into /proc, of this moment: a wait that has ended since the snapshot was made still counts.
 * Who took over a pid or tid does not. What /proc hides from this user (another pid namespace,
 * hidepid) is taken for alive if the region says so, without a name. End it with
 * wp_thread_life_free. 0 or -ENOMEM.
 */
typedef int wp_thread_life_look_fn(const struct wp_snapshot *snapshot, enum wp_thread_choice choice,
                                   struct wp_thread_life *life, struct wp_error *error);
wp_thread_life_look_fn wp_thread_life_look;

void wp_thread_life_free(struct wp_thread_life *life);

#endif
