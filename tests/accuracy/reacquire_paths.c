/*
 * Conditions whose waiters wait for the mutex when they have been signalled, on a timetable
 * (timetable.h), and the truth about who made them wait (truth.h).
 *
 *   reacquire_paths ROUNDS TICK_NS
 *
 * The wait of a consumer has two parts: FUNCTION:cond until the signal, FUNCTION:cond.reacquire
 * from there on, which the holders of the mutex are to blame for. Its entry unlocks: it may be to
 * blame.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include "timetable.h"

/* A mutex, a condition, and what they guard. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint64_t signalled_ns; /* when it was signalled; 0: not yet */
};

/* The same of C11. */
struct c11_queue {
    mtx_t mutex;
    cnd_t cond;
    uint64_t signalled_ns;
};

#define QUEUE_INITIALIZER                                                                          \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER                       \
    }

static struct queue entered = QUEUE_INITIALIZER;
static struct queue broadcast = QUEUE_INITIALIZER;
static struct queue early = QUEUE_INITIALIZER;
static struct c11_queue c11;

/*
 * static void NAME(void): waits on the queue until it is signalled. A consumer that comes so late
 * that the signal has been given does not wait.
 */
#define DEFINE_CONSUMER(name, queue, wait)                                                         \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        while ((queue)->signalled_ns == 0) {                                                       \
            uint64_t start_ns = truth_now_ns();                                                    \
            uint64_t end_ns;                                                                       \
                                                                                                   \
            truth_unlock(#name, &(queue)->mutex, start_ns);                                        \
            wait(&(queue)->cond, &(queue)->mutex);                                                 \
            end_ns = truth_now_ns();                                                               \
            if ((queue)->signalled_ns == 0)                                                        \
                truth_fail(#name " was woken by nobody", EINTR);                                   \
            truth_wait(#name ":cond", TRUTH_OTHER, queue, start_ns, (queue)->signalled_ns);        \
            truth_wait(#name ":cond.reacquire", TRUTH_LOCK, &(queue)->mutex,                       \
                       (queue)->signalled_ns, end_ns);                                             \
        }                                                                                          \
    }

/* Signals, and thereby makes it true. */
#define SIGNAL(queue, signal)                                                                      \
    do {                                                                                           \
        (queue)->signalled_ns = truth_now_ns();                                                    \
        signal(&(queue)->cond);                                                                    \
    } while (0)

/* --- The entry into the wait unlocks; the signaller keeps the mutex after its signal ---------- */

DEFINE_LOCK(signaller_locks, &entered.mutex, pthread_mutex_lock)
DEFINE_CONSUMER(consumer_waits, &entered, pthread_cond_wait)
DEFINE_UNLOCK(consumer_unlocks, &entered.mutex, pthread_mutex_unlock)
DEFINE_UNLOCK(signaller_unlocks, &entered.mutex, pthread_mutex_unlock)

static void
consume(void)
{
    pthread_mutex_lock(&entered.mutex);
    timetable_sleep_until(4);
    consumer_waits();
    consumer_unlocks();
}

static void
signal_and_hold(void)
{
    timetable_sleep_until(1);
    signaller_locks();
    SIGNAL(&entered, pthread_cond_signal);
    timetable_sleep_until(8);
    signaller_unlocks();
}

/* --- A broadcaster that keeps the mutex for ten ticks, with three waiters --------------------- */

DEFINE_CONSUMER(listener_waits, &broadcast, pthread_cond_wait)
DEFINE_UNLOCK(listener_unlocks, &broadcast.mutex, pthread_mutex_unlock)
DEFINE_UNLOCK(broadcaster_unlocks, &broadcast.mutex, pthread_mutex_unlock)

static void
listen_for_broadcast(void)
{
    pthread_mutex_lock(&broadcast.mutex);
    listener_waits();
    timetable_sleep(1);
    listener_unlocks();
}

static void
broadcast_and_hold(void)
{
    timetable_sleep_until(2);
    pthread_mutex_lock(&broadcast.mutex);
    SIGNAL(&broadcast, pthread_cond_broadcast);
    timetable_sleep(10);
    broadcaster_unlocks();
}

/* --- A signal after the unlock, and another who holds the mutex meanwhile --------------------- */

DEFINE_CONSUMER(waiter_for_early_unlock_waits, &early, pthread_cond_wait)
DEFINE_UNLOCK(waiter_for_early_unlock_unlocks, &early.mutex, pthread_mutex_unlock)
DEFINE_UNLOCK(early_unlocker_unlocks, &early.mutex, pthread_mutex_unlock)
DEFINE_UNLOCK(bystander_unlocks, &early.mutex, pthread_mutex_unlock)

static void
wait_for_early_unlock(void)
{
    pthread_mutex_lock(&early.mutex);
    waiter_for_early_unlock_waits();
    waiter_for_early_unlock_unlocks();
}

static void
unlock_and_signal(void)
{
    timetable_sleep_until(2);
    pthread_mutex_lock(&early.mutex);
    early_unlocker_unlocks();
    timetable_sleep_until(5);
    SIGNAL(&early, pthread_cond_signal);
}

static void
hold_meanwhile(void)
{
    timetable_sleep_until(3);
    pthread_mutex_lock(&early.mutex);
    timetable_sleep_until(9);
    bystander_unlocks();
}

/* --- The same broadcast in C11 ---------------------------------------------------------------- */

DEFINE_CONSUMER(c11_listener_waits, &c11, cnd_wait)
DEFINE_UNLOCK(c11_listener_unlocks, &c11.mutex, mtx_unlock)
DEFINE_UNLOCK(c11_broadcaster_unlocks, &c11.mutex, mtx_unlock)

static void
listen_for_c11_broadcast(void)
{
    mtx_lock(&c11.mutex);
    c11_listener_waits();
    timetable_sleep(1);
    c11_listener_unlocks();
}

static void
broadcast_and_hold_c11(void)
{
    timetable_sleep_until(2);
    mtx_lock(&c11.mutex);
    SIGNAL(&c11, cnd_broadcast);
    timetable_sleep(10);
    c11_broadcaster_unlocks();
}

/* --- Timetable -------------------------------------------------------------------------------- */

static const timetable_role roles[] = {
    consume,
    listen_for_broadcast,
    listen_for_broadcast,
    listen_for_broadcast,
    wait_for_early_unlock,
    listen_for_c11_broadcast,
    listen_for_c11_broadcast,
    listen_for_c11_broadcast,
    signal_and_hold,
    broadcast_and_hold,
    unlock_and_signal,
    hold_meanwhile,
    broadcast_and_hold_c11,
};

static void
forget_signals(void)
{
    entered.signalled_ns = 0;
    broadcast.signalled_ns = 0;
    early.signalled_ns = 0;
    c11.signalled_ns = 0;
}

int
main(int argc, char **argv)
{
    if (mtx_init(&c11.mutex, mtx_plain) != thrd_success || cnd_init(&c11.cond) != thrd_success)
        truth_fail("cannot make a mutex and a condition of C11", ENOMEM);
    timetable_run(roles, sizeof roles / sizeof roles[0], forget_signals, argc, argv);
    truth_print();
    return 0;
}
