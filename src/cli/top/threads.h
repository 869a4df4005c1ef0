/*
 * The threads of a family of processes: how long they waited, and what they wait for now.
 */
#ifndef WP_CLI_TOP_THREADS_H
#define WP_CLI_TOP_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/top/model.h"
#include "profile/error.h"

/* What the kernel tells of a thread. */
struct wp_top_task {
    char name[64]; /* valid UTF-8 without control characters; "" unknown */
    char state;    /* as in /proc/PID/stat; '?' unknown */
};

/*
 * Asks the kernel for a thread. False: it is gone. `first_seen_ns` (CLOCK_MONOTONIC) is when the
 * process is known to have run: one that started later has taken over a pid. For tests, others than
 * wp_top_task_look may be given to wp_top_threads_make.
 */
typedef bool wp_top_task_look_fn(uint32_t pid, uint32_t tid, uint64_t first_seen_ns,
                                 struct wp_top_task *task);
wp_top_task_look_fn wp_top_task_look;

struct wp_top_thread {
    uint32_t pid, tid; /* in the pid namespace of the program */
    struct wp_top_task task;
    uint64_t waits;
    uint64_t waited_ns; /* up to the look, a wait that goes on included */
    double waits_per_s;
    double share;         /* of the span that it waited, 0 to 1 */
    uint64_t waiting_ns;  /* so far; 0: it waits for nothing that is seen */
    const char *function; /* in which it waits now, else ""; the snapshot's */
};

struct wp_top_threads {
    struct wp_top_thread *rows;
    size_t count;
    size_t waiting; /* rows that wait now */
    size_t processes;
};

/* How far /proc tells of the program. */
enum wp_top_sight {
    WP_TOP_SIGHT_OURS,    /* it has the numbers that the region has */
    WP_TOP_SIGHT_FOREIGN, /* the program has a pid namespace of its own */
    WP_TOP_SIGHT_ENDED,
};

/* The threads that still run, those that waited most of the span first. Where /proc does not tell,
 * all that the region has, without names. 0 or -ENOMEM. */
int wp_top_threads_make(struct wp_top_threads *threads, const struct wp_top_model *model,
                        enum wp_top_sight sight, wp_top_task_look_fn *look, struct wp_error *error);
void wp_top_threads_free(struct wp_top_threads *threads);

/* Notes the threads of the model's snapshot, before it takes the next. 0 or -ENOMEM. */
int wp_top_threads_keep(struct wp_top_model *model);

#endif
