/*
 * The process: how a forked child is told from its parent without an atfork handler.
 *
 * What must not survive fork lies in pages that the kernel zeroes in the child (MADV_WIPEONFORK,
 * Linux >= 4.14): the number of the process, and the waiters registered for blame, who are threads
 * that the child does not have. It works for _Fork and raw clone too, takes no lock and costs one
 * load. A vfork child shares its parent's memory and counts as the parent.
 */
#ifndef WP_CORE_PROCESS_H
#define WP_CORE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wiped must fill whole pages: of this size, where a page is not smaller. */
#if defined(__aarch64__)
#define WP_PROCESS_PAGE_BYTES 65536 /* kernels with pages of 16 and 64 KiB are in use */
#else
#define WP_PROCESS_PAGE_BYTES 4096
#endif

/* How many of `type` fill the pages that `count` of them need. */
#define WP_PROCESS_FILL(type, count)                                                               \
    ((sizeof(type) * (count) + WP_PROCESS_PAGE_BYTES - 1) / WP_PROCESS_PAGE_BYTES *                \
     WP_PROCESS_PAGE_BYTES / sizeof(type))

/* An array of at least `count` elements that can be wiped. */
#define WP_PROCESS_WIPED(type, name, count)                                                        \
    type name[WP_PROCESS_FILL(type, count)] __attribute__((aligned(WP_PROCESS_PAGE_BYTES)))

/* Marks [start, start + bytes), whole pages of private memory, as zero in forked children. False:
 * the kernel cannot. Constructor only. */
bool wp_process_wipe_on_fork(void *start, size_t bytes);

/* Registers the first process of the region. Constructor only, after wp_region_create. */
void wp_process_init(uint64_t seed);

/*
 * The number (1..) of the current process in the region, registering a forked child on first sight;
 * the same for all threads. Lock-free; signal handlers.
 */
uint32_t wp_process_number(void);

/* True: this is the process that made the region, not a forked child. Never registers anything. */
bool wp_process_is_first(void);

/*
 * May a forked descendant of this process still write to the region whose flags these are? True if
 * it has children, or ever had grandchildren (a daemon forks twice, and its first parent waits for
 * the second). One system call; constructor and destructor only. May change errno.
 */
bool wp_process_has_family(uint32_t flags);

/* What the random streams of this run start from: WAITPROF_SEED or the region's random id. */
uint64_t wp_process_seed(void);

#endif
