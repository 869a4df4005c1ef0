/*
 * The region, as the program holds it: created once by the constructor, mapped to the end.
 */
#ifndef WP_CORE_REGION_H
#define WP_CORE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "core/visibility.h"

/*
 * The mapped region. Never NULL: until wp_region_create it is a page of zeros (rates 0/0: every
 * wrapper is the original call), and so it stays when none could be made. Read through
 * wp_region(): one load.
 */
extern WP_HIDDEN struct wp_region_header *wp_region_mapped;

static inline struct wp_region_header *
wp_region(void)
{
    return wp_region_mapped;
}

/* Row 0 of a table, or of the region that is not there yet: then capacity is 0. */
static inline void *
wp_region_rows(struct wp_region_header *region, enum wp_region_table_id table)
{
    return (char *)region + region->tables[table].offset;
}

/*
 * Copies `length` bytes and a NUL into the strings table and returns their offset; 0 (the empty
 * string) when it is full. Never frees. Lock-free; no allocation, no system call; signal handlers.
 */
uint32_t wp_region_string(struct wp_region_header *region, const char *text, size_t length);

/* Adds to a counter, in the shard of the calling thread. Lock-free; signal handlers. */
void wp_region_count(enum wp_region_counter counter, uint64_t amount);

/* Counts a wait that was looked at, of a function of the table, as the `stands_for` waits (at least
 * 1) that it stands for. Lock-free; signal handlers. */
void wp_region_count_wait(uint16_t function, uint64_t stands_for);

/*
 * Makes sure that the file has blocks up to `end` (bytes from its start). False: the bound is
 * reached, or the disk is full, or growing could harm (see WP_REGION_FLAG_*). One madvise per 256
 * KiB; else no system call. errno unchanged. Lock-free; signal handlers.
 */
bool wp_region_reserve(struct wp_region_header *region, uint64_t end);

/* A reason to make no system call of ours any more in this process and its children to come, so not
 * to grow; `frozen` false takes one reason back. Any thread. */
void wp_region_freeze(bool frozen);

/* Is it so? */
bool wp_region_is_frozen(void);

/* True: nothing was sampled, so nobody will miss the region. */
bool wp_region_is_empty(const struct wp_region_header *region);

/* Sets a WP_REGION_FLAG_*. Lock-free; signal handlers. */
void wp_region_set_flag(uint32_t flag);

/* What the constructor knows and wants of a new region. All strings outlive the call only. */
struct wp_region_request {
    const char *waitprof_dir; /* WAITPROF_DIR or NULL */
    const char *runtime_dir;  /* XDG_RUNTIME_DIR or NULL */
    const char *command;      /* comm of the program */
    const char *executable;   /* absolute path */
    const char *directory;    /* working directory */
    char *const *arguments;   /* argv, NULL-terminated */
    uint64_t run_id;          /* WAITPROF_RUN or 0 */
    uint64_t size_bytes;      /* bound of the region */
    uint32_t max_depth;
    uint32_t functions; /* rows for the function table */
};

/*
 * Makes the region in the first directory that works, else in anonymous memory, and maps it; not
 * yet ready, rates 0/0. Returns it, or NULL when there is no memory for it. *path (at least
 * PATH_MAX bytes) is set to the file's name, empty for anonymous memory. Constructor only: many
 * system calls, all of them direct, no allocation, no descriptor left open.
 */
struct wp_region_header *wp_region_create(const struct wp_region_request *request, char *path);

#endif
