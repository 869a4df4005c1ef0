/*
 * A program with many distinct stacks, for what reads and renders them.
 *
 *   many_stacks STACKS [load]
 *
 * Two threads hand a lock over, each time along another path of random functions: one waits for the
 * lock at the end of it, the other lets it go there. So there are STACKS stacks of 30 frames in the
 * block profile and as many in the mutex profile, given rates that keep each:
 *
 *   WAITPROF_BLOCK_RATE=1 WAITPROF_MUTEX_FRACTION=1 WAITPROF_EVENTS=sync
 *
 * When each path was taken once it prints `ready STACKS` and goes on, a thousand times a second,
 * over the same paths. With `load` it sets both rates to their defaults then, and runs LOAD_THREADS
 * threads that never rest: along a path, to some work under one lock; it prints
 * `operations NANOSECONDS COUNT` ten times a second. Both until it is killed.
 */
#include "many_stacks.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accuracy/truth.h"
#include "waitprof.h"

/* With the other functions on the stack of the waiter, 30 frames. */
#define PATH_STEPS 25u
#define STACKS_MAX 1000000u

#define LOAD_THREADS 2u
#define LOAD_OUTSIDE 10000u /* rounds of work, of about a nanosecond each */
#define LOAD_UNDER_LOCK 2000u
#define LOAD_BLOCK_RATE_NS 100000
#define LOAD_MUTEX_FRACTION 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t wanted;         /* the waiter is to take the next path */
static sem_t finished;       /* it has come back */
static atomic_uint arrivals; /* paths that the waiter has come to the end of */
static atomic_int waiter_tid;
static atomic_ullong operations; /* of the load */
static unsigned stack_count;

#define UNIT_ROW(unit) many_steps_##unit,
static many_step *const *const units[] = {MANY_UNITS(UNIT_ROW)};

many_step *
many_next(struct many_walk *walk)
{
    unsigned unit;

    walk->random = walk->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    unit = (unsigned)(walk->random >> 33) % (sizeof units / sizeof units[0]);
    return units[unit][(walk->random >> 45) % MANY_STEPS_A_UNIT];
}

static __attribute__((noinline)) void
take_path(unsigned path, void (*end)(void))
{
    struct many_walk walk = {
        .random = (path + 1) * UINT64_C(0x9e3779b97f4a7c15),
        .left = PATH_STEPS - 1,
        .end = end,
    };

    many_next (&walk)(&walk);
}

/* --- Many stacks
 * -------------------------------------------------------------------------------- */

static void
wait_for_lock(void)
{
    atomic_fetch_add(&arrivals, 1);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static void
give_lock(void)
{
    pthread_mutex_unlock(&lock);
    __asm__ volatile("" : : : "memory");
}

static void *
run_waiter(void *unused)
{
    (void)unused;
    atomic_store(&waiter_tid, truth_thread_id());
    for (unsigned turn = 0;; turn++) {
        while (sem_wait(&wanted) != 0)
            ;
        take_path(turn % stack_count, wait_for_lock);
        sem_post(&finished);
    }
    return NULL;
}

static void
hand_over(unsigned turn)
{
    pthread_mutex_lock(&lock);
    sem_post(&wanted);
    while (atomic_load(&arrivals) <= turn)
        sched_yield();
    truth_await_sleeping(atomic_load(&waiter_tid));
    take_path(turn % stack_count, give_lock);
    while (sem_wait(&finished) != 0)
        ;
}

/* --- Load
 * --------------------------------------------------------------------------------------- */

static void
work(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        __asm__ volatile("" : : "r"(i));
}

static void
work_under_lock(void)
{
    pthread_mutex_lock(&lock);
    work(LOAD_UNDER_LOCK);
    pthread_mutex_unlock(&lock);
    __asm__ volatile("" : : : "memory");
}

static void *
run_load(void *unused)
{
    (void)unused;
    for (unsigned turn = 0;; turn++) {
        take_path(turn % stack_count, work_under_lock);
        work(LOAD_OUTSIDE);
        atomic_fetch_add(&operations, 1);
    }
    return NULL;
}

static void
start_thread(void *(*run)(void *))
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, NULL);

    if (error != 0)
        truth_fail("pthread_create", error);
}

static void
load(void)
{
    (void)waitprof_set_block_profile_rate(LOAD_BLOCK_RATE_NS);
    (void)waitprof_set_mutex_profile_fraction(LOAD_MUTEX_FRACTION);
    for (unsigned i = 0; i < LOAD_THREADS; i++)
        start_thread(run_load);
    for (;;) {
        truth_sleep_ns(100000000);
        printf("operations %llu %llu\n", (unsigned long long)truth_now_ns(),
               atomic_load(&operations));
        fflush(stdout);
    }
}

int
main(int argc, char **argv)
{
    bool is_load = argc > 2 && strcmp(argv[2], "load") == 0;

    stack_count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (stack_count == 0 || stack_count > STACKS_MAX || (argc > 2 && !is_load)) {
        fprintf(stderr, "usage: many_stacks STACKS [load]\n");
        return 2;
    }
    if (sem_init(&wanted, 0, 0) != 0 || sem_init(&finished, 0, 0) != 0)
        truth_fail("sem_init", errno);
    start_thread(run_waiter);
    for (unsigned turn = 0;; turn++) {
        hand_over(turn);
        if (turn + 1 < stack_count)
            continue;
        if (turn + 1 == stack_count) {
            printf("ready %u\n", stack_count);
            fflush(stdout);
        }
        if (is_load)
            load();
        truth_sleep_ns(1000000);
    }
}
