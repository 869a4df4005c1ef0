/*
 * The programs that are served, and what is kept of each between requests. Any thread.
 *
 * One that has ended stays for a grace time, so that scrapers get its last data.
 */
#ifndef WP_CLI_SERVE_PROGRAMS_H
#define WP_CLI_SERVE_PROGRAMS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/target.h"
#include "agent/target_set.h"
#include "profile/error.h"

/* A copy of a region that several answers use; counted references, and within the memory budget. */
struct wp_held_snapshot {
    struct wp_snapshot *snapshot;
    size_t bytes;
    unsigned references; /* [atomic] */
};
struct wp_held_snapshot *wp_held_snapshot_hold(struct wp_held_snapshot *held);
void wp_held_snapshot_release(struct wp_held_snapshot *held); /* NULL is fine */

#define WP_PROGRAM_NAME_BYTES 24u

/* Counted references. */
struct wp_program {
    struct wp_program *next;
    struct wp_target *target;
    char name[WP_PROGRAM_NAME_BYTES]; /* in paths: its pid as seen here, else its region's id */
    uint64_t gone_since_ns; /* [atomic] CLOCK_MONOTONIC when its end was noticed; 0: it runs */
    unsigned references;    /* [atomic] */

    /* What was served last at delta_block and delta_mutex; NULL: nothing yet. Under the lock. */
    pthread_mutex_t delta_lock;
    struct wp_held_snapshot *served[2]; /* by profile: [WP_PROFILE_BLOCK - 1] ... */
};
struct wp_program *wp_program_hold(struct wp_program *program);
void wp_program_release(struct wp_program *program); /* NULL is fine */
bool wp_program_has_ended(const struct wp_program *program);

/* Reads its region. The caller releases *held. */
int wp_program_read(const struct wp_program *program, struct wp_held_snapshot **held,
                    struct wp_error *error);

struct wp_programs;

/* Looks for the programs first; fails as wp_target_set_refresh does. `selection` outlives it. */
int wp_programs_new(const struct wp_target_selection *selection, uint64_t grace_ns,
                    struct wp_programs **programs, struct wp_error *error);
void wp_programs_free(struct wp_programs *programs); /* NULL is fine */

/* Looks again which programs there are. */
void wp_programs_refresh(struct wp_programs *programs);

/*
 * The program of a word in a path ("" is the only one there is), looked for again if it is not
 * known. The caller releases *program. -ESRCH: there is none; -ENOTUNIQ: "" and there are several.
 */
int wp_programs_find(struct wp_programs *programs, const char *word, struct wp_program **program,
                     struct wp_error *error);

/* The running ones, oldest first. The caller frees with wp_program_list_free. 0 or -ENOMEM. */
struct wp_program_list {
    struct wp_program **rows;
    size_t count;
};
int wp_programs_list(struct wp_programs *programs, struct wp_program_list *list);
void wp_program_list_free(struct wp_program_list *list);

#endif
