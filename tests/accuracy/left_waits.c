/*
 * Waits for a lock that end otherwise than with the lock, and the truth about who was to blame for
 * how much of them (truth.h).
 *
 *   left_waits HOLD_NS CANCELLED_THREADS
 *
 * A waiter leaves by siglongjmp, or is cancelled asynchronously; the holder goes on for as long as
 * it was waited for, unlocks, and later takes and frees the lock with nobody waiting: *_alone. One
 * lock is left by CANCELLED_THREADS threads in turn before a wait for it that lasts. And one is
 * unlocked, in vain, by a thread that does not hold it.
 *
 * When a wait is left is known from both sides alone: not before the holder sent the signal, and
 * not after the waiter found itself elsewhere, a stack's unwinding later. truth_print tells the
 * second; `least PATH DELAY_NS` is what the unlocks of the path are to blame for by the first.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "accuracy/truth.h"

#define LOCKS_ALONE 5
#define UNLOCKS_IN_VAIN 10

static pthread_mutex_t jumped = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cancelled = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t read_too = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t crowded = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

static uint64_t hold_ns;
static struct truth_gate about;     /* the waiter to the holder: I go and lock */
static pid_t waiter_tid;            /* written before the gate is opened */
static uint64_t left_wait_start_ns; /* of the one waiter that there is at a time */
static sigjmp_buf before_the_wait;

/* static void NAME(void): unlocks, and is the path to blame. */
#define DEFINE_UNLOCK(name, object, unlock)                                                        \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        truth_unlock(#name, object, truth_now_ns());                                               \
        unlock(object);                                                                            \
    }

/* static void NAME(void): a lock that is free, and an unlock that nobody waits for. */
#define DEFINE_ALONE(name, object, lock, unlock)                                                   \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        for (int i = 0; i < LOCKS_ALONE; i++) {                                                    \
            lock(object);                                                                          \
            truth_sleep_ns(1000000);                                                               \
            truth_unlock(#name, object, truth_now_ns());                                           \
            unlock(object);                                                                        \
        }                                                                                          \
    }

DEFINE_UNLOCK(unlock_after_jump, &jumped, pthread_mutex_unlock)
DEFINE_ALONE(jumped_alone, &jumped, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_UNLOCK(unlock_after_cancellation, &cancelled, pthread_mutex_unlock)
DEFINE_ALONE(cancelled_alone, &cancelled, pthread_mutex_lock, pthread_mutex_unlock)
DEFINE_UNLOCK(unlock_after_cancelled_writer, &written, pthread_rwlock_unlock)
DEFINE_ALONE(written_alone, &written, pthread_rwlock_wrlock, pthread_rwlock_unlock)
DEFINE_UNLOCK(unlock_after_cancelled_reader, &read_too, pthread_rwlock_unlock)
DEFINE_UNLOCK(unlock_after_crowd, &crowded, pthread_mutex_unlock)
DEFINE_UNLOCK(unlock_long_after_crowd, &crowded, pthread_mutex_unlock)
DEFINE_UNLOCK(unlock_rightly, &checked, pthread_mutex_unlock)

static pthread_t
start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, argument);

    if (error != 0)
        truth_fail("pthread_create", error);
    return thread;
}

/* The waiter: last before it locks. */
static void
announce_wait(void)
{
    waiter_tid = truth_thread_id();
    truth_gate_open(&about);
    left_wait_start_ns = truth_now_ns();
}

/* The holder: returns when the waiter sleeps. */
static void
await_waiter(void)
{
    truth_gate_pass(&about);
    truth_await_sleeping(waiter_tid);
}

/* Directly before the signal. Returns the wait's time until then. */
static uint64_t
least_wait_ns(void)
{
    return truth_now_ns() - left_wait_start_ns;
}

static void
print_least(const char *path, uint64_t delay_ns)
{
    printf("least %s %" PRIu64 "\n", path, delay_ns);
}

/* --- Left by a jump --- */

static void
jump_back(int number)
{
    (void)number;
    siglongjmp(before_the_wait, 1);
}

static void *
jump_out_of_wait(void *unused)
{
    if (sigsetjmp(before_the_wait, 1) == 0) {
        announce_wait();
        pthread_mutex_lock(&jumped);
        truth_fail("a mutex was had that another holds", EINVAL);
    }
    truth_wait("wait_left_by_jump", TRUTH_LOCK_IN_VAIN, &jumped, left_wait_start_ns,
               truth_now_ns());
    return unused;
}

static void
leave_by_jump(void)
{
    struct sigaction action = {.sa_handler = jump_back};
    uint64_t least_ns;
    pthread_t waiter;

    sigaction(SIGUSR1, &action, NULL);
    pthread_mutex_lock(&jumped);
    waiter = start_thread(jump_out_of_wait, NULL);
    await_waiter();
    truth_sleep_ns(hold_ns);
    least_ns = least_wait_ns();
    pthread_kill(waiter, SIGUSR1);
    pthread_join(waiter, NULL);
    truth_sleep_ns(hold_ns);
    unlock_after_jump();
    print_least("unlock_after_jump", least_ns);
    jumped_alone();
}

/* --- Left by cancellation --- */

static void
note_cancelled_wait(void *object)
{
    truth_wait("wait_left_by_cancellation", TRUTH_LOCK_IN_VAIN, object, left_wait_start_ns,
               truth_now_ns());
}

/* static void *NAME(void *): waits, to be cancelled. */
#define DEFINE_CANCELLED(name, object, lock)                                                       \
    static void *name(void *unused)                                                                \
    {                                                                                              \
        pthread_cleanup_push(note_cancelled_wait, object);                                         \
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);                                  \
        announce_wait();                                                                           \
        lock(object);                                                                              \
        truth_fail("a lock was had that another holds", EINVAL);                                   \
        pthread_cleanup_pop(0);                                                                    \
        return unused;                                                                             \
    }

DEFINE_CANCELLED(wait_for_cancelled, &cancelled, pthread_mutex_lock)
DEFINE_CANCELLED(wait_to_write, &written, pthread_rwlock_wrlock)
DEFINE_CANCELLED(wait_to_read, &read_too, pthread_rwlock_rdlock)
DEFINE_CANCELLED(wait_in_crowd, &crowded, pthread_mutex_lock)

/* Returns the least that the wait lasted. */
static uint64_t
cancel_waiter(void *(*wait)(void *), uint64_t after_ns)
{
    pthread_t waiter = start_thread(wait, NULL);
    uint64_t least_ns;
    void *result;

    await_waiter();
    if (after_ns != 0)
        truth_sleep_ns(after_ns);
    least_ns = least_wait_ns();
    pthread_cancel(waiter);
    pthread_join(waiter, &result);
    if (result != PTHREAD_CANCELED)
        truth_fail("a cancelled thread returned", EINVAL);
    return least_ns;
}

static void
leave_by_cancellation(void)
{
    uint64_t least_ns;

    pthread_mutex_lock(&cancelled);
    least_ns = cancel_waiter(wait_for_cancelled, hold_ns);
    truth_sleep_ns(hold_ns);
    unlock_after_cancellation();
    print_least("unlock_after_cancellation", least_ns);
    cancelled_alone();

    pthread_rwlock_wrlock(&written);
    least_ns = cancel_waiter(wait_to_write, hold_ns);
    truth_sleep_ns(hold_ns);
    unlock_after_cancelled_writer();
    print_least("unlock_after_cancelled_writer", least_ns);
    written_alone();

    pthread_rwlock_wrlock(&read_too);
    least_ns = cancel_waiter(wait_to_read, hold_ns);
    truth_sleep_ns(hold_ns);
    unlock_after_cancelled_reader();
    print_least("unlock_after_cancelled_reader", least_ns);
}

/* --- A crowd of cancelled waiters, and one that waits to the end --- */

static void *
wait_to_the_end(void *argument)
{
    pthread_mutex_t *mutex = argument;

    announce_wait();
    pthread_mutex_lock(mutex);
    truth_wait("wait_to_the_end", TRUTH_LOCK, mutex, left_wait_start_ns, truth_now_ns());
    pthread_mutex_unlock(mutex);
    return NULL;
}

static void
leave_in_crowd(unsigned thread_count)
{
    uint64_t least_ns = 0;
    pthread_t waiter;

    pthread_mutex_lock(&crowded);
    for (unsigned i = 0; i < thread_count; i++)
        least_ns += cancel_waiter(wait_in_crowd, 0);
    truth_sleep_ns(hold_ns);
    unlock_after_crowd();
    print_least("unlock_after_crowd", least_ns);

    pthread_mutex_lock(&crowded);
    waiter = start_thread(wait_to_the_end, &crowded);
    await_waiter();
    truth_sleep_ns(hold_ns);
    unlock_long_after_crowd();
    pthread_join(waiter, NULL);
}

/* --- Unlocks that fail --- */

__attribute__((noinline)) static void
unlock_wrongly(void)
{
    int error = pthread_mutex_unlock(&checked);

    if (error != EPERM)
        truth_fail("an unlock by who does not hold the mutex", error);
}

static void *
unlock_in_vain(void *unused)
{
    for (int i = 0; i < UNLOCKS_IN_VAIN; i++) {
        truth_sleep_ns(hold_ns / UNLOCKS_IN_VAIN);
        unlock_wrongly();
    }
    return unused;
}

static void
survive_wrong_unlocks(void)
{
    pthread_t waiter;
    pthread_t stranger;

    pthread_mutex_lock(&checked);
    waiter = start_thread(wait_to_the_end, &checked);
    await_waiter();
    stranger = start_thread(unlock_in_vain, NULL);
    pthread_join(stranger, NULL);
    truth_sleep_ns(hold_ns);
    unlock_rightly();
    pthread_join(waiter, NULL);
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: left_waits HOLD_NS CANCELLED_THREADS\n");
        return 2;
    }
    hold_ns = strtoull(argv[1], NULL, 10);
    leave_by_jump();
    leave_by_cancellation();
    leave_in_crowd((unsigned)strtoul(argv[2], NULL, 10));
    survive_wrong_unlocks();
    truth_print();
    return 0;
}
