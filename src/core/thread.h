/*
 * What the library keeps for each thread: one cache line of initial-exec TLS, zero at its birth,
 * never freed, so that nothing depends on the order in which a thread's destructors run.
 */
#ifndef WP_CORE_THREAD_H
#define WP_CORE_THREAD_H

#include <stdint.h>

#include "core/region_format.h"
#include "core/visibility.h"

/*
 * Invariant: `process` is the process in which `random` was seeded; when it is not the current one
 * (a new thread, or a forked child) the thread is set up anew.
 */
struct wp_thread {
    uint64_t random;         /* state of wp_sampling_next; own thread only */
    uintptr_t recording;     /* stack pointer at the start of a capture under way, else 0 */
    int32_t buffer;          /* capture buffer that it uses; valid while recording != 0, -1 none */
    uint32_t refused;        /* captures in a row that found another under way */
    uint32_t process;        /* wp_process_number() of the set-up, 0 none */
    uint32_t shard;          /* of the counters, < WP_REGION_COUNTER_SHARDS */
    uint64_t waited_ns;      /* in all waits recorded so far; own thread only */
    uint32_t id;             /* kernel's id of the thread, 0: not known (yet) */
    uint32_t own_cost_event; /* see own_cost.h */
    struct wp_region_thread
        *row; /* its row of the region's threads, while row->key is its; or NULL */
};

_Static_assert(sizeof(struct wp_thread) <= 64, "TLS of a preloaded library is scarce");

extern WP_HIDDEN _Thread_local struct wp_thread wp_thread_state;

/*
 * The calling thread's state, set up. Registers a forked child as a process of the region at its
 * first call. No allocation, no lock; no system call but one getpid in a forked child. Never
 * inlined: a coroutine may resume on another thread, and a compiler may keep the address of a
 * thread-local variable over the call that switched.
 */
struct wp_thread *wp_thread_self(void);

/* A uniform 64-bit number of this thread's stream. */
uint64_t wp_thread_random(void);

/* Nanoseconds that the calling thread has waited so far, in waits that were seen (kept as samples
 * or not). Differences tell how much of a call's time is accounted for already. */
uint64_t wp_thread_waited_ns(void);

/* Finds out how to tell the kernel's id of a thread without asking the kernel. Constructor only. */
void wp_thread_init(void);

/* The calling thread is in a wait from `since_ns` on, in a function of the table: for those who
 * look on. No system call, but gettid once a thread where libc is not glibc. */
void wp_thread_begin_wait(uint64_t since_ns, uint16_t function);

/* The wait that was begun is over, whether it is recorded or not. */
void wp_thread_end_wait(void);

/* Adds a wait that is over to wp_thread_waited_ns. */
void wp_thread_see_wait(uint64_t delay_ns);

/* Adds a wait that is over at `now_ns`, for those who look on, as the `stands_for` waits (at least
 * 1) that it stands for. */
void wp_thread_add_wait(uint64_t delay_ns, uint64_t stands_for, uint64_t now_ns);

#endif
