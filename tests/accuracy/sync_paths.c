/*
 * Waits for other threads that hold no lock, in every way (paths.h), and prints the truth about it
 * (truth.h): semaphores, barriers, joins, what is done once, futexes by syscall().
 *
 *   sync_paths ROUNDS HOLD_NS
 */
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include "paths.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* --- Semaphores ------------------------------------------------------------------------------- */

static sem_t semaphore;

DEFINE_WAIT(wait_sem_wait, "sem", sem_wait(&semaphore), 0)
DEFINE_BOUNDED_WAIT(wait_sem_timedwait, "sem", TRUTH_OTHER, NULL, CLOCK_REALTIME,
                    sem_timedwait(&semaphore, &until), (void)0)
DEFINE_BOUNDED_WAIT(wait_sem_clockwait, "sem", TRUTH_OTHER, NULL, CLOCK_MONOTONIC,
                    sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until), (void)0)
DEFINE_TIMEOUT(wait_sem_timedwait_in_vain, "sem", TRUTH_OTHER, NULL, CLOCK_REALTIME,
               PATH_ERROR_OF(sem_timedwait(&semaphore, &until)), ETIMEDOUT)
DEFINE_TIMEOUT(wait_sem_clockwait_in_vain, "sem", TRUTH_OTHER, NULL, CLOCK_MONOTONIC,
               PATH_ERROR_OF(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until)), ETIMEDOUT)

static void
post(void)
{
    PATH_NEED(sem_post(&semaphore) == 0, 0);
}

/* --- A barrier for two ------------------------------------------------------------------------ */

static pthread_barrier_t barrier;

DEFINE_WAIT(wait_barrier, "barrier", pthread_barrier_wait(&barrier), 0)

/* Waits for nobody. */
__attribute__((noinline)) static void
come_last(void)
{
    PATH_NEED(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD, EINVAL);
}

/* --- Threads, joined while they run ----------------------------------------------------------- */

static pthread_t joined;
static thrd_t joined_c11;
static struct truth_gate may_end;

DEFINE_WAIT(wait_join, "join", pthread_join(joined, NULL), 0)
DEFINE_BOUNDED_WAIT(wait_timedjoin, "join", TRUTH_OTHER, NULL, CLOCK_REALTIME,
                    pthread_timedjoin_np(joined, NULL, &until), (void)0)
DEFINE_BOUNDED_WAIT(wait_clockjoin, "join", TRUTH_OTHER, NULL, CLOCK_MONOTONIC,
                    pthread_clockjoin_np(joined, NULL, CLOCK_MONOTONIC, &until), (void)0)
DEFINE_TIMEOUT(wait_timedjoin_in_vain, "join", TRUTH_OTHER, NULL, CLOCK_REALTIME,
               pthread_timedjoin_np(joined, NULL, &until), ETIMEDOUT)
DEFINE_WAIT(wait_thrd_join, "join", thrd_join(joined_c11, NULL), thrd_success)

static void *
run_until_allowed(void *unused)
{
    truth_gate_pass(&may_end);
    return unused;
}

static int
run_until_allowed_c11(void *unused)
{
    (void)unused;
    truth_gate_pass(&may_end);
    return 0;
}

static void
start_joined(void)
{
    PATH_NEED(pthread_create(&joined, NULL, run_until_allowed, NULL) == 0, EAGAIN);
}

static void
start_joined_c11(void)
{
    PATH_NEED(thrd_create(&joined_c11, run_until_allowed_c11, NULL) == thrd_success, EAGAIN);
}

static void
let_joined_end(void)
{
    truth_gate_open(&may_end);
}

static void
join_after_timeout(void)
{
    truth_gate_open(&may_end);
    PATH_NEED(pthread_join(joined, NULL) == 0, EINVAL);
}

/* --- An initialization that another thread has under way -------------------------------------- */

static pthread_once_t once;
static once_flag once_c11;
static pthread_t initializer;
static struct truth_gate initializing;
static struct truth_gate may_initialize;

static void
initialize(void)
{
    truth_gate_open(&initializing);
    truth_gate_pass(&may_initialize);
}

static void *
run_once(void *unused)
{
    PATH_NEED(pthread_once(&once, initialize) == 0, EINVAL);
    return unused;
}

static void *
run_once_c11(void *unused)
{
    call_once(&once_c11, initialize);
    return unused;
}

DEFINE_WAIT(wait_once, "once", pthread_once(&once, initialize), 0)
DEFINE_WAIT(wait_call_once, "once", (call_once(&once_c11, initialize), 0), 0)

static void
start_once(void)
{
    once = (pthread_once_t)PTHREAD_ONCE_INIT;
    PATH_NEED(pthread_create(&initializer, NULL, run_once, NULL) == 0, EAGAIN);
    truth_gate_pass(&initializing);
}

static void
start_once_c11(void)
{
    once_c11 = (once_flag)ONCE_FLAG_INIT;
    PATH_NEED(pthread_create(&initializer, NULL, run_once_c11, NULL) == 0, EAGAIN);
    truth_gate_pass(&initializing);
}

static void
let_initialize(void)
{
    truth_gate_open(&may_initialize);
    PATH_NEED(pthread_join(initializer, NULL) == 0, EINVAL);
}

/* --- Futexes ---------------------------------------------------------------------------------- */

static uint32_t word;

static void
clear_word(void)
{
    __atomic_store_n(&word, 0, __ATOMIC_SEQ_CST);
}

static void
set_word(void)
{
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    PATH_NEED(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1, ESRCH);
}

static long
wait_for_one_of(uint32_t *first)
{
    struct futex_waitv words[] = {{.uaddr = (uintptr_t)first, .flags = FUTEX_32}};

    return syscall(SYS_futex_waitv, words, 1, 0, NULL, CLOCK_MONOTONIC);
}

DEFINE_WAIT(wait_futex_wait, "futex", syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0), 0)
DEFINE_WAIT(wait_futex_wait_bitset, "futex",
            syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, NULL, NULL, FUTEX_BITSET_MATCH_ANY), 0)
DEFINE_TIMEOUT(wait_futex_in_vain, "futex", TRUTH_OTHER, NULL, CLOCK_MONOTONIC,
               PATH_ERROR_OF((int)syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &until, NULL,
                                          FUTEX_BITSET_MATCH_ANY)),
               ETIMEDOUT)
DEFINE_WAIT(wait_futex_waitv, "futex", wait_for_one_of(&word), 0)

static uint32_t pi_word;

static void
lock_pi(void)
{
    PATH_NEED(syscall(SYS_futex, &pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0, 0);
}

__attribute__((noinline)) static void
release_pi(void)
{
    truth_unlock("release_pi", &pi_word, truth_now_ns());
    PATH_NEED(syscall(SYS_futex, &pi_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0, 0);
}

DEFINE_WAIT_AS(wait_futex_lock_pi, "futex", TRUTH_LOCK, &pi_word, (void)0,
               syscall(SYS_futex, &pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0,
               syscall(SYS_futex, &pi_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0))

/* ---------------------------------------------------------------------------------------------- */

/* Linux 5.16 is needed for the last. */
static const struct path paths[] = {
    {wait_sem_wait, path_do_nothing, post, PATH_RELEASED},
    {wait_sem_timedwait, path_do_nothing, post, PATH_RELEASED},
    {wait_sem_clockwait, path_do_nothing, post, PATH_RELEASED},
    {wait_sem_timedwait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_sem_clockwait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_barrier, path_do_nothing, come_last, PATH_RELEASED},
    {wait_join, start_joined, let_joined_end, PATH_RELEASED},
    {wait_timedjoin, start_joined, let_joined_end, PATH_RELEASED},
    {wait_clockjoin, start_joined, let_joined_end, PATH_RELEASED},
    {wait_timedjoin_in_vain, start_joined, join_after_timeout, PATH_ALONE},
    {wait_thrd_join, start_joined_c11, let_joined_end, PATH_RELEASED},
    {wait_once, start_once, let_initialize, PATH_RELEASED},
    {wait_call_once, start_once_c11, let_initialize, PATH_RELEASED},
    {wait_futex_wait, clear_word, set_word, PATH_RELEASED},
    {wait_futex_wait_bitset, clear_word, set_word, PATH_RELEASED},
    {wait_futex_in_vain, clear_word, path_do_nothing, PATH_ALONE},
    {wait_futex_lock_pi, lock_pi, release_pi, PATH_RELEASED},
    {wait_futex_waitv, clear_word, set_word, PATH_RELEASED},
};

int
main(int argc, char **argv)
{
    unsigned count = sizeof paths / sizeof paths[0];

    PATH_NEED(sem_init(&semaphore, 0, 0) == 0, 0);
    PATH_NEED(pthread_barrier_init(&barrier, NULL, 2) == 0, ENOMEM);
    if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) == -1 && errno == ENOSYS)
        count--;
    return paths_run(paths, count, argc, argv);
}
