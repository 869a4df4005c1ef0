/*
 * A program with locks of its own, made of futexes by syscall(), on a timetable (timetable.h), and
 * the truth about who made others wait (truth.h). A futex that is no lock has nobody to blame:
 *
 *   futex_paths ROUNDS TICK_NS
 *
 * set_event, post_semaphore and count_down_latch are to blame for nothing, though they end waits.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "timetable.h"

static long
futex(uint32_t *word, int operation, uint32_t value)
{
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void
futex_wait(uint32_t *word, uint32_t value)
{
    if (futex(word, FUTEX_WAIT, value) != 0 && errno != EAGAIN && errno != EINTR)
        truth_fail("FUTEX_WAIT", 0);
}

static void
futex_wake(uint32_t *word, uint32_t count)
{
    if (futex(word, FUTEX_WAKE, count) < 0)
        truth_fail("FUTEX_WAKE", 0);
}

static uint32_t
load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static int
swap_if(uint32_t *word, uint32_t expected, uint32_t desired)
{
    return __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* --- A lock of three states: free, held, held and waited for ---------------------------------- */

enum { FREE, HELD, WAITED_FOR };

static void
lock_word(uint32_t *word)
{
    if (swap_if(word, FREE, HELD))
        return;
    while (__atomic_exchange_n(word, WAITED_FOR, __ATOMIC_SEQ_CST) != FREE)
        futex_wait(word, WAITED_FOR);
}

static void
unlock_word(uint32_t *word)
{
    if (__atomic_exchange_n(word, FREE, __ATOMIC_SEQ_CST) == WAITED_FOR)
        futex_wake(word, 1);
}

static uint32_t word_lock;

DEFINE_UNLOCK(word_leader_unlocks, &word_lock, unlock_word)
DEFINE_UNLOCK(word_member_unlocks, &word_lock, unlock_word)
DEFINE_LOCK(word_member_locks, &word_lock, lock_word)

static void
lead_words(void)
{
    lock_word(&word_lock);
    timetable_sleep_until(6);
    word_leader_unlocks();
}

static void
follow_word_leader(unsigned at_tick)
{
    timetable_sleep_until(at_tick);
    word_member_locks();
    timetable_sleep(2);
    word_member_unlocks();
}

static void
follow_word_leader_early(void)
{
    follow_word_leader(1);
}

static void
follow_word_leader_late(void)
{
    follow_word_leader(3);
}

/* --- The same with inherited priorities, which the kernel knows as a lock --------------------- */

static void
lock_pi(uint32_t *word)
{
    if (!swap_if(word, 0, (uint32_t)truth_thread_id()) && futex(word, FUTEX_LOCK_PI, 0) != 0)
        truth_fail("FUTEX_LOCK_PI", 0);
}

static void
unlock_pi(uint32_t *word)
{
    if (!swap_if(word, (uint32_t)truth_thread_id(), 0) && futex(word, FUTEX_UNLOCK_PI, 0) != 0)
        truth_fail("FUTEX_UNLOCK_PI", 0);
}

static uint32_t pi_lock;

DEFINE_UNLOCK(pi_leader_unlocks, &pi_lock, unlock_pi)
DEFINE_UNLOCK(pi_member_unlocks, &pi_lock, unlock_pi)
DEFINE_LOCK(pi_member_locks, &pi_lock, lock_pi)

static void
lead_pi(void)
{
    lock_pi(&pi_lock);
    timetable_sleep_until(6);
    pi_leader_unlocks();
}

static void
follow_pi_leader(unsigned at_tick)
{
    timetable_sleep_until(at_tick);
    pi_member_locks();
    timetable_sleep(2);
    pi_member_unlocks();
}

static void
follow_pi_leader_early(void)
{
    follow_pi_leader(1);
}

static void
follow_pi_leader_late(void)
{
    follow_pi_leader(3);
}

/* --- Futexes that are no locks ---------------------------------------------------------------- */

static uint32_t event;     /* 1: has come */
static uint32_t semaphore; /* free units */
static uint32_t latch;     /* those that are still to come */

/* static void NAME(void): waits while the word is `while_value` and tells the truth about it. */
#define DEFINE_AWAIT(name, word, while_value)                                                      \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        uint64_t start_ns = truth_now_ns();                                                        \
        uint32_t value = while_value;                                                              \
                                                                                                   \
        while (load(word) == value)                                                                \
            futex_wait(word, value);                                                               \
        truth_wait(#name, TRUTH_OTHER, word, start_ns, truth_now_ns());                            \
    }

DEFINE_AWAIT(await_event, &event, 0)
DEFINE_AWAIT(await_semaphore, &semaphore, 0)
DEFINE_AWAIT(await_latch, &latch, 1)

__attribute__((noinline)) static void
set_event(void)
{
    timetable_sleep_until(4);
    __atomic_store_n(&event, 1, __ATOMIC_SEQ_CST);
    futex_wake(&event, 1);
}

__attribute__((noinline)) static void
post_semaphore(void)
{
    timetable_sleep_until(4);
    __atomic_fetch_add(&semaphore, 1, __ATOMIC_SEQ_CST);
    futex_wake(&semaphore, 1);
}

__attribute__((noinline)) static void
count_down_latch(void)
{
    timetable_sleep_until(4);
    __atomic_fetch_sub(&latch, 1, __ATOMIC_SEQ_CST);
    futex_wake(&latch, INT32_MAX);
}

static void
take_semaphore(void)
{
    await_semaphore();
    __atomic_fetch_sub(&semaphore, 1, __ATOMIC_SEQ_CST);
}

/* --- Timetable -------------------------------------------------------------------------------- */

static const timetable_role roles[] = {
    lead_words,
    follow_word_leader_early,
    follow_word_leader_late,
    lead_pi,
    follow_pi_leader_early,
    follow_pi_leader_late,
    await_event,
    take_semaphore,
    await_latch,
    await_latch,
    set_event,
    post_semaphore,
    count_down_latch,
};

static void
reset_words(void)
{
    event = 0;
    semaphore = 0;
    latch = 1;
}

static void *
take_turn(void *tid)
{
    __atomic_store_n((pid_t *)tid, truth_thread_id(), __ATOMIC_SEQ_CST);
    lock_word(&word_lock);
    unlock_word(&word_lock);
    return NULL;
}

/* The first hand-over shows that the word is a lock; from the second on, there is blame. */
static void
hand_over_once(void)
{
    pthread_t thread;
    pid_t tid = 0;
    int error;

    lock_word(&word_lock);
    error = pthread_create(&thread, NULL, take_turn, &tid);
    if (error != 0)
        truth_fail("pthread_create", error);
    while (load(&word_lock) != WAITED_FOR)
        truth_sleep_ns(50000);
    truth_await_sleeping(__atomic_load_n(&tid, __ATOMIC_SEQ_CST));
    unlock_word(&word_lock);
    pthread_join(thread, NULL);
}

int
main(int argc, char **argv)
{
    hand_over_once();
    timetable_run(roles, sizeof roles / sizeof roles[0], reset_words, argc, argv);
    truth_print();
    return 0;
}
