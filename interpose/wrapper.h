/*
 * What every wrapper is made of. Bodies are written out, one function each, so that a debugger can
 * stop in them and grep can find them; only the edges are here.
 */
#ifndef WP_INTERPOSE_WRAPPER_H
#define WP_INTERPOSE_WRAPPER_H

#include <stdbool.h>

#include "core/atomic.h"
#include "core/start.h"
#include "core/wait.h"
#include "real.h"

/* A definition that the program shall find in place of libc's. Aligned to a cache line: a wrapper's
 * fast path fits in one, which is worth 0.4 ns of a free lock's 8. */
#define WP_EXPORT __attribute__((visibility("default"), aligned(64)))

/* The part of a wrapper that runs only when the call has to wait: out of the fast path's way. */
#define WP_SLOW __attribute__((noinline, cold))

/* A second name for a wrapper of this file. */
#define WP_EXPORT_ALIAS(symbol, target)                                                            \
    extern __typeof__(target) symbol WP_EXPORT __attribute__((alias(#target), copy(target)))

/* The same where libc's header gives that name another type. */
#define WP_EXPORT_ALIAS_OF_OTHER_TYPE(symbol, target)                                              \
    __asm__(".globl " #symbol "\n\t.set " #symbol ", " #target)

/* Gives `function` the name `symbol`, as its default version or as one for old binaries. */
#if defined(__x86_64__)
#define WP_EXPORT_VERSION(function, symbol, node)                                                  \
    __asm__(".symver " #function ", " symbol "@@" node ", remove")
#define WP_EXPORT_OLD_VERSION(function, symbol, node)                                              \
    __asm__(".symver " #function ", " symbol "@" node ", remove")
#else
#define WP_EXPORT_VERSION(function, symbol, node)                                                  \
    __asm__(".globl " symbol "\n\t.set " symbol ", " #function)
#endif

/* Is any profile on for the locks and conditions of this family? Three loads. */
static inline bool
wp_wrapper_lock_on(enum wp_family family)
{
    const struct wp_region_header *region = wp_start_family_regions[family];

    return (wp_atomic_load_64(&region->block_rate_ns) |
            wp_atomic_load_64(&region->mutex_fraction)) != 0;
}

/*
 * Timed forms of read-write locks and semaphores check their deadline and clock first, even if the
 * object is free (mutexes do not): only what passes may be answered by a try. Anything else is for
 * the real function to refuse.
 */
static inline bool
wp_wrapper_deadline_is_valid(clockid_t clock, const struct timespec *deadline)
{
    return deadline != NULL && (clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME) &&
           deadline->tv_nsec >= 0 && deadline->tv_nsec < 1000000000;
}

/* Is the block profile on for calls of this family? Two loads. */
static inline bool
wp_wrapper_block_on(enum wp_family family)
{
    return wp_atomic_load_64(&wp_start_family_regions[family]->block_rate_ns) != 0;
}

/* A frame is what WP_UNWIND_FRAME() says: on some processors a frame's address is not enough. */
#pragma GCC poison __builtin_frame_address

#endif
