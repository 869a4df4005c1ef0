/*
 * Futex operations made by syscall(): which of them wait, and which of them hand a lock over.
 *
 * A futex word can be anything: a lock, a semaphore, an event. Waiting is seen alike for all. Blame
 * is for locks, and a lock is told by what its protocol does to the word (Drepper, "Futexes Are
 * Tricky", 2011, section 5; Rust's and musl's mutexes do the same): its waiters wait while the word
 * is 2, and its release makes it 0 and wakes one of them. A waiter that was woken and finds its
 * word 0 has therefore found a lock, and from then on waiters of that word are registered, and who
 * wakes one of them is charged. Nobody reads the word but the kernel: it may be gone when a waiter
 * is back, and when one is woken. The priority-inheriting operations say by themselves that they
 * lock and unlock.
 */
#ifndef WP_INTERPOSE_FUTEX_H
#define WP_INTERPOSE_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "wrapper.h"

/* A call of SYS_futex, as far as it matters here. */
struct wp_futex_call {
    const uint32_t *word;
    int operation; /* with its flags */
    uint32_t value;
    const struct timespec *timeout;
    const void *frame; /* of the wrapper */
};

/* One under way; on the wrapper's stack. */
struct wp_futex_wait {
    struct wp_futex_call call;
    union {
        struct { /* of a waiter */
            wp_clock_mark start;
            bool blamed; /* `blame` is in use */
            struct wp_blame_wait blame;
        };
        struct { /* of a release */
            struct wp_sample charge;
            uint64_t now_ns;
        };
    };
};

enum wp_futex_role {
    WP_FUTEX_PASSES,   /* neither: nothing to be done */
    WP_FUTEX_WAITS,    /* to be ended by wp_futex_end_wait */
    WP_FUTEX_RELEASES, /* to be ended by wp_futex_end_release */
};

/* Before the real call. errno unchanged, here and below. */
enum wp_futex_role wp_futex_begin(struct wp_futex_wait *wait, const struct wp_futex_call *call);

/* After it. Both return `result`. */
long wp_futex_end_wait(struct wp_futex_wait *wait, long result);
long wp_futex_end_release(const struct wp_futex_wait *wait, long result);

#endif
