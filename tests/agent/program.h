/*
 * A process that has a region mapped, as a profiled program has; the region is one of the
 * builder's.
 */
#ifndef WP_TESTS_PROGRAM_H
#define WP_TESTS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile/region_builder.h"

#define PROGRAM_ID UINT64_C(0xabcd000000000000)

struct program {
    pid_t pid;
    uint64_t region_id;
    char path[256]; /* of its region */
    int control;    /* what it is told */
};

/* Fills a region in, beyond what every region has; may be NULL. */
typedef void program_fill(struct region_builder *builder);

/* Starts one. Its region lies in `directory`, and its id is PROGRAM_ID + number. Aborts the test
 * when that fails, as all functions here do. */
void program_start(struct program *program, const char *directory, const char *command,
                   unsigned number, program_fill *fill);

/* What exec does: the same process has a new region, of another id, and no more the old one. */
void program_exec(struct program *program, const char *directory, const char *command,
                  unsigned number, program_fill *fill);

/* Has it fork a child that keeps the region mapped; returns its pid. Kill it. */
pid_t program_fork(struct program *program);

/* From now on the kernel does not tell which regions are in use: they belong to another user, and
 * this process may not ask for leases. False if that is not to be had: only root can do it. */
bool program_hide_use(void);

/* Gives a region that exists to the other user, if that was asked for. */
void program_give_away(const char *path);

/* Ends the process; its region stays. */
void program_stop(struct program *program);

#endif
