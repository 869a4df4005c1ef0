/*
 * What a program knows about its own waits: the truth that waitprof's profile is compared with.
 *
 * Threads record two kinds of events, with their own clock around each call: a wait (who, for which
 * lock, from when to when) and an unlock (by whom, of which lock, when). At the end truth_print()
 * derives both profiles from them:
 *
 *   block PATH COUNT DELAY_NS    waits of the path and their total duration
 *   mutex PATH COUNT DELAY_NS    delay that unlocks of the path are to blame for, and how many
 *   waits
 *                                were first charged to them: each wait counts once
 *   lock PATH COUNT DELAY_NS     the same as block, of the waits for locks alone
 *   lock_waits DELAY_NS          sum of all waits for locks (not of conditions, not of I/O)
 *   lock_blame DELAY_NS          sum of what the unlocks are to blame for in those waits
 *
 * PATH is the name of a function that is on the stack of the call and of no other path;
 * FUNCTION:KIND is the part of it that the profile shows under that kind. The blame
 * of an unlock at time u, the one before it having been at v, is the sum over the waits (s, e) with
 * s < u < e of u - max(s, v), and over those that were given up with s < e < u and v < e, of
 * e - max(s, v). lock_waits - lock_blame is the time from the last unlock to the
 * waiter's return: wake-up and scheduling, for which nobody who held the lock is to blame.
 *
 * Gates and sleeps are system calls made past libc, so that no profiler counts them as waits.
 */
#ifndef WP_TESTS_TRUTH_H
#define WP_TESTS_TRUTH_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

/* CLOCK_MONOTONIC in ns. */
uint64_t truth_now_ns(void);

/* What a wait was for: which profile it belongs to, besides block. */
enum truth_kind {
    TRUTH_LOCK,         /* a mutex or rwlock: block, and blame for the holders */
    TRUTH_LOCK_IN_VAIN, /* the same, given up at its end: the next unlock is to blame for it too */
    TRUTH_OTHER,        /* a condition, a pipe, a socket: block alone */
};

/*
 * Records a wait for `object` (its address names the lock) from start_ns to end_ns. Any thread;
 * ends the program when the table is full. `path` must stay valid.
 */
void truth_wait(const char *path, enum truth_kind kind, const void *object, uint64_t start_ns,
                uint64_t end_ns);

/* Records that `path` is about to unlock `object`. Call it directly before the unlock. */
void truth_unlock(const char *path, const void *object, uint64_t now_ns);

/* Prints the lines above to stdout. After the threads have been joined. */
void truth_print(void);

/* Prints each recorded wait as `wait PATH NS`, and for each unlock
 * with blame `blame PATH NS`: for checks that need the distribution. */
void truth_print_events(void);

/* A one-way gate: closed (0) until opened. No function that a profiler would wrap. */
struct truth_gate {
    uint32_t open_count; /* how often it was opened and not yet passed */
};

void truth_gate_open(struct truth_gate *gate);
void truth_gate_pass(struct truth_gate *gate); /* waits until open, and takes one opening */

/* Sleeps for at least duration_ns, whatever signals come. */
void truth_sleep_ns(uint64_t duration_ns);

pid_t truth_thread_id(void);

/* Returns when the thread `tid` of this process sleeps in the kernel, as one does that waits. */
void truth_await_sleeping(pid_t tid);

/* Returns when the thread has used more than used_ns of processor time: it spins. */
void truth_await_spinning(pthread_t thread, uint64_t used_ns);

/* Processor time that the thread has used. */
uint64_t truth_used_ns(pthread_t thread);

/* Ends the program with a message that names `what` and errno or, if not 0, `error`. */
void truth_fail(const char *what, int error) __attribute__((noreturn));

#endif
