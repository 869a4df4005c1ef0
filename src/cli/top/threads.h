/*
 * The threads of a family of processes: how long they waited, and what they wait for now.
 */
#ifndef WP_CLI_TOP_THREADS_H
#define WP_CLI_TOP_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/thread_life.h"
#include "cli/top/model.h"
#include "profile/error.h"

struct wp_top_thread {
    uint32_t pid, tid;           /* as seen from here, or else in the program's pid namespace */
    struct wp_thread_state life; /* its numbers are 0 if it is out of sight */
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

/*
 * The threads that still run, those that waited most of the span first. Where /proc does not tell,
 * all that the region has, without names. `look` is wp_thread_life_look but in tests; NULL: the
 * program has ended, and has no threads. 0 or -ENOMEM.
 */
int wp_top_threads_make(struct wp_top_threads *threads, const struct wp_top_model *model,
                        wp_thread_life_look_fn *look, struct wp_error *error);
void wp_top_threads_free(struct wp_top_threads *threads);

/* Notes the threads of the model's snapshot, before it takes the next. 0 or -ENOMEM. */
int wp_top_threads_keep(struct wp_top_model *model);

#endif
