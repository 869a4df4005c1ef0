/*
 * Holders of mutexes and rwlocks that make others wait, in the ways that tempt a profiler to blame
 * the wrong one, on a timetable (timetable.h), and the truth about it (truth.h).
 *
 *   blame_paths ROUNDS TICK_NS
 */
#include <pthread.h>

#include "timetable.h"

static pthread_mutex_t convoy = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t barged = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t nested;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;

/* --- Convoy: one holds for long, four arrive one after the other, each then holds for a while */

DEFINE_UNLOCK(convoy_leader_unlocks, &convoy, pthread_mutex_unlock)
DEFINE_UNLOCK(convoy_member_unlocks, &convoy, pthread_mutex_unlock)
DEFINE_UNLOCK(convoy_straggler_unlocks, &convoy, pthread_mutex_unlock)
DEFINE_LOCK(convoy_member_locks, &convoy, pthread_mutex_lock)
DEFINE_LOCK(convoy_straggler_locks, &convoy, pthread_mutex_lock)

static void
lead_convoy(void)
{
    pthread_mutex_lock(&convoy);
    timetable_sleep_until(6);
    convoy_leader_unlocks();
}

static void
join_convoy(unsigned at_tick)
{
    timetable_sleep_until(at_tick);
    convoy_member_locks();
    timetable_sleep(1);
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
    timetable_sleep_until(7);
    convoy_straggler_locks();
    timetable_sleep(2);
    convoy_straggler_unlocks();
}

/* --- Barging: the holder unlocks and takes the lock again before the waiter that was woken */

DEFINE_UNLOCK(barger_unlocks, &barged, pthread_mutex_unlock)
DEFINE_UNLOCK(victim_of_barging_unlocks, &barged, pthread_mutex_unlock)
DEFINE_LOCK(barger_locks, &barged, pthread_mutex_lock)
DEFINE_LOCK(victim_of_barging_locks, &barged, pthread_mutex_lock)

static void
barge(void)
{
    for (unsigned turn = 0; turn < 4; turn++) {
        barger_locks();
        timetable_sleep(2);
        barger_unlocks();
    }
}

static void
suffer_barging(void)
{
    timetable_sleep_until(1);
    victim_of_barging_locks();
    timetable_sleep(1);
    victim_of_barging_unlocks();
}

/* --- Recursive: only the unlock that frees the lock is to blame */

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
    timetable_sleep_until(3);
    unlock_at_depth();
    timetable_sleep_until(5);
    unlock_at_depth();
    timetable_sleep_until(7);
    outermost_unlocks();
}

static void
wait_for_recursive(void)
{
    timetable_sleep_until(1);
    waiter_of_recursive_locks();
    waiter_of_recursive_unlocks();
}

/* --- A writer and the readers that wait for it; readers and the writer that waits for them */

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
    timetable_sleep_until(6);
    writer_unlocks();
}

static void
read_behind_writer(unsigned at_tick)
{
    timetable_sleep_until(at_tick);
    reader_locks();
    timetable_sleep(1);
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
    timetable_sleep_until(3);
    first_reader_unlocks();
}

static void
read_for_long(void)
{
    pthread_rwlock_rdlock(&shared);
    timetable_sleep_until(7);
    last_reader_unlocks();
}

static void
write_behind_readers(void)
{
    timetable_sleep_until(1);
    writer_locks();
    writer_behind_readers_unlocks();
}

/* --- Timetable -------------------------------------------------------------------------------- */

static const timetable_role roles[] = {
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
};

static void
reset_nothing(void)
{
}

int
main(int argc, char **argv)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&nested, &attributes);
    timetable_run(roles, sizeof roles / sizeof roles[0], reset_nothing, argc, argv);
    truth_print();
    return 0;
}
