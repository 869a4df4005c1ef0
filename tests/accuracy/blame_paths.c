/*
 * Holders that make others wait, in the ways that tempt a profiler to blame the wrong one, and the
 * truth about who was to blame for how much (truth.h).
 *
 *   blame_paths ROUNDS TICK_NS
 *
 * Threads act on a common timetable, in ticks from the start of a round. On a busy machine they are
 * late and other overlaps come about: the truth is derived from what happened, not from the plan.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "accuracy/truth.h"

static pthread_mutex_t convoy = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t barged = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t nested;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_cond = PTHREAD_COND_INITIALIZER;
static int queue_signalled; /* guarded by queue; cleared between two rounds */

static uint64_t tick_ns;
static uint64_t round_start_ns; /* written between two rounds */

static void
sleep_until_tick(unsigned tick)
{
    uint64_t due_ns = round_start_ns + tick * tick_ns;
    uint64_t now_ns = truth_now_ns();

    if (due_ns > now_ns)
        truth_sleep_ns(due_ns - now_ns);
}

static void
sleep_ticks(unsigned ticks)
{
    truth_sleep_ns(ticks * tick_ns);
}

/* static void NAME(void): unlocks, and is the path to blame. */
#define DEFINE_UNLOCK(name, object, unlock)                                                        \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        truth_unlock(#name, object, truth_now_ns());                                               \
        unlock(object);                                                                            \
    }

/* static void NAME(void): locks, and is the path that waits. */
#define DEFINE_LOCK(name, object, lock)                                                            \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        uint64_t start_ns = truth_now_ns();                                                        \
                                                                                                   \
        lock(object);                                                                              \
        truth_wait(#name, TRUTH_LOCK, object, start_ns, truth_now_ns());                           \
    }

/* --- Convoy: one holds for long, four arrive one after the other, each then holds for a while
 * ---- */

DEFINE_UNLOCK(convoy_leader_unlocks, &convoy, pthread_mutex_unlock)
DEFINE_UNLOCK(convoy_member_unlocks, &convoy, pthread_mutex_unlock)
DEFINE_UNLOCK(convoy_straggler_unlocks, &convoy, pthread_mutex_unlock)
DEFINE_LOCK(convoy_member_locks, &convoy, pthread_mutex_lock)
DEFINE_LOCK(convoy_straggler_locks, &convoy, pthread_mutex_lock)

static void
lead_convoy(void)
{
    pthread_mutex_lock(&convoy);
    sleep_until_tick(6);
    convoy_leader_unlocks();
}

static void
join_convoy(unsigned at_tick)
{
    sleep_until_tick(at_tick);
    convoy_member_locks();
    sleep_ticks(1);
    convoy_member_unlocks();
}

static void
join_convoy_first(void)
{
    join_convoy(1);
}

static void
join_convoy_second(void)
{
    join_convoy(2);
}

static void
join_convoy_third(void)
{
    join_convoy(4);
}

/* Arrives when the leader has gone and members hold the lock in turn. */
static void
straggle_behind_convoy(void)
{
    sleep_until_tick(7);
    convoy_straggler_locks();
    sleep_ticks(2);
    convoy_straggler_unlocks();
}

/* --- Barging: the holder unlocks and takes the lock again before the waiter that was woken
 * -------- */

DEFINE_UNLOCK(barger_unlocks, &barged, pthread_mutex_unlock)
DEFINE_UNLOCK(victim_of_barging_unlocks, &barged, pthread_mutex_unlock)
DEFINE_LOCK(barger_locks, &barged, pthread_mutex_lock)
DEFINE_LOCK(victim_of_barging_locks, &barged, pthread_mutex_lock)

static void
barge(void)
{
    for (unsigned turn = 0; turn < 4; turn++) {
        barger_locks();
        sleep_ticks(2);
        barger_unlocks();
    }
}

static void
suffer_barging(void)
{
    sleep_until_tick(1);
    victim_of_barging_locks();
    sleep_ticks(1);
    victim_of_barging_unlocks();
}

/* --- Recursive: only the unlock that frees the lock is to blame
 * ----------------------------------- */

DEFINE_UNLOCK(waiter_of_recursive_unlocks, &nested, pthread_mutex_unlock)
DEFINE_UNLOCK(outermost_unlocks, &nested, pthread_mutex_unlock)
DEFINE_LOCK(waiter_of_recursive_locks, &nested, pthread_mutex_lock)

/* Not DEFINE_UNLOCK: the truth is that an unlock at depth > 0 unlocks nothing. */
__attribute__((noinline)) static void
unlock_at_depth(void)
{
    pthread_mutex_unlock(&nested);
}

static void
hold_recursively(void)
{
    for (unsigned depth = 0; depth < 3; depth++)
        pthread_mutex_lock(&nested);
    sleep_until_tick(3);
    unlock_at_depth();
    sleep_until_tick(5);
    unlock_at_depth();
    sleep_until_tick(7);
    outermost_unlocks();
}

static void
wait_for_recursive(void)
{
    sleep_until_tick(1);
    waiter_of_recursive_locks();
    waiter_of_recursive_unlocks();
}

/* --- A writer and the readers that wait for it; readers and the writer that waits for them
 * -------- */

DEFINE_UNLOCK(writer_unlocks, &written, pthread_rwlock_unlock)
DEFINE_UNLOCK(reader_behind_writer_unlocks, &written, pthread_rwlock_unlock)
DEFINE_LOCK(reader_locks, &written, pthread_rwlock_rdlock)
DEFINE_UNLOCK(first_reader_unlocks, &shared, pthread_rwlock_unlock)
DEFINE_UNLOCK(last_reader_unlocks, &shared, pthread_rwlock_unlock)
DEFINE_UNLOCK(writer_behind_readers_unlocks, &shared, pthread_rwlock_unlock)
DEFINE_LOCK(writer_locks, &shared, pthread_rwlock_wrlock)

static void
write_slowly(void)
{
    pthread_rwlock_wrlock(&written);
    sleep_until_tick(6);
    writer_unlocks();
}

static void
read_behind_writer(unsigned at_tick)
{
    sleep_until_tick(at_tick);
    reader_locks();
    sleep_ticks(1);
    reader_behind_writer_unlocks();
}

static void
read_behind_writer_early(void)
{
    read_behind_writer(1);
}

static void
read_behind_writer_late(void)
{
    read_behind_writer(3);
}

static void
read_shortly(void)
{
    pthread_rwlock_rdlock(&shared);
    sleep_until_tick(3);
    first_reader_unlocks();
}

static void
read_for_long(void)
{
    pthread_rwlock_rdlock(&shared);
    sleep_until_tick(7);
    last_reader_unlocks();
}

static void
write_behind_readers(void)
{
    sleep_until_tick(1);
    writer_locks();
    writer_behind_readers_unlocks();
}

/* --- A condition: its wait unlocks the mutex. What it waits for the mutex at its end is not
 * blamed. - */

DEFINE_LOCK(signaller_locks, &queue, pthread_mutex_lock)

/* Blamed for the time it held the mutex, at its entry into the wait. A consumer that comes so late
 * that the signal has been given does not wait. */
__attribute__((noinline)) static void
consumer_enters_cond_wait(void)
{
    while (!queue_signalled) {
        uint64_t start_ns = truth_now_ns();
        uint64_t end_ns;

        truth_unlock("consumer_enters_cond_wait", &queue, start_ns);
        pthread_cond_wait(&queue_cond, &queue);
        end_ns = truth_now_ns();
        truth_wait("consumer_enters_cond_wait", TRUTH_OTHER, &queue_cond, start_ns, end_ns);
    }
}

DEFINE_UNLOCK(consumer_unlocks, &queue, pthread_mutex_unlock)
DEFINE_UNLOCK(signaller_unlocks, &queue, pthread_mutex_unlock)

static void
consume(void)
{
    pthread_mutex_lock(&queue);
    sleep_until_tick(4);
    consumer_enters_cond_wait();
    consumer_unlocks();
}

static void
signal_and_hold(void)
{
    sleep_until_tick(1);
    signaller_locks();
    queue_signalled = 1;
    pthread_cond_signal(&queue_cond);
    sleep_until_tick(8);
    signaller_unlocks();
}

/* --- Timetable and threads
 * ------------------------------------------------------------------------ */

/* Those that hold from tick 0 come first: a round starts when the one before has ended. */
static void (*const roles[])(void) = {
    lead_convoy,
    join_convoy_first,
    join_convoy_second,
    join_convoy_third,
    straggle_behind_convoy,
    barge,
    suffer_barging,
    hold_recursively,
    wait_for_recursive,
    write_slowly,
    read_behind_writer_early,
    read_behind_writer_late,
    read_shortly,
    read_for_long,
    write_behind_readers,
    consume,
    signal_and_hold,
};

#define ROLE_COUNT (sizeof roles / sizeof roles[0])

static struct truth_gate begin[ROLE_COUNT];
static struct truth_gate ended;
static unsigned rounds;

static void *
play_role(void *argument)
{
    unsigned role = (unsigned)(uintptr_t)argument;

    for (unsigned turn = 0; turn < rounds; turn++) {
        truth_gate_pass(&begin[role]);
        roles[role]();
        truth_gate_open(&ended);
    }
    return NULL;
}

static void
run_rounds(void)
{
    for (unsigned turn = 0; turn < rounds; turn++) {
        round_start_ns = truth_now_ns();
        queue_signalled = 0;
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            truth_gate_open(&begin[role]);
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            truth_gate_pass(&ended);
    }
}

int
main(int argc, char **argv)
{
    pthread_t threads[ROLE_COUNT];
    pthread_mutexattr_t attributes;

    if (argc != 3) {
        fprintf(stderr, "usage: blame_paths ROUNDS TICK_NS\n");
        return 2;
    }
    rounds = (unsigned)strtoul(argv[1], NULL, 10);
    tick_ns = strtoull(argv[2], NULL, 10);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&nested, &attributes);
    for (uintptr_t role = 0; role < ROLE_COUNT; role++)
        if (pthread_create(&threads[role], NULL, play_role, (void *)role) != 0)
            truth_fail("pthread_create", 0);
    run_rounds();
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        pthread_join(threads[role], NULL);
    truth_print();
    return 0;
}
