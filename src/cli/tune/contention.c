#include "cli/tune/contention.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "profile/clock.h"

/* Between the waiter's word that it is about to wait and what ends its wait: it must have begun.
 * Shorter than a wait that counts as one. */
#define HEAD_START_NS UINT64_C(4000)

/* A machine with much else to do may need longer for as many turns as make a mean. */
#define LEAST_TURNS 2000ul
#define LONGEST_SPANS 8u

/* Who has the next step is told by numbers, read in a loop that yields: no call that the library
 * sees. */
struct contention {
    pthread_mutex_t lock;
    sem_t semaphore;
    bool locks;
    atomic_ulong ready; /* turns that the waker has prepared */
    atomic_ulong about; /* turns in which the waiter is about to wait */
    atomic_ulong over;  /* turns whose wait is over */
    atomic_bool ends;
};

static void
await(atomic_ulong *turns, unsigned long turn, const atomic_bool *ends)
{
    while (atomic_load(turns) < turn && !atomic_load(ends))
        sched_yield();
}

/* Runs a step below so many frames. The result keeps the compiler from making it a loop. */
__attribute__((noinline, noipa)) static int
descend(int depth, void (*step)(struct contention *), struct contention *contention)
{
    if (depth > 0)
        return descend(depth - 1, step, contention) + 1;
    step(contention);
    return 0;
}

static void
take(struct contention *contention)
{
    if (contention->locks) {
        pthread_mutex_lock(&contention->lock);
        pthread_mutex_unlock(&contention->lock);
    } else {
        while (sem_wait(&contention->semaphore) != 0)
            continue;
    }
}

static void
give(struct contention *contention)
{
    if (contention->locks)
        pthread_mutex_unlock(&contention->lock);
    else
        sem_post(&contention->semaphore);
}

static void *
wait_in_turns(void *argument)
{
    struct contention *contention = argument;

    for (unsigned long turn = 1; !atomic_load(&contention->ends); turn++) {
        await(&contention->ready, turn, &contention->ends);
        atomic_store(&contention->about, turn);
        if (!atomic_load(&contention->ends))
            (void)descend(WP_CONTENTION_DEPTH, take, contention);
        atomic_store(&contention->over, turn);
    }
    return NULL;
}

static void
end_waits(struct contention *contention, uint64_t span_ns)
{
    static const atomic_bool never;
    uint64_t start_ns = wp_clock_ns(CLOCK_MONOTONIC), passed_ns = 0;

    for (unsigned long turn = 1; passed_ns < (turn < LEAST_TURNS ? LONGEST_SPANS : 1) * span_ns;
         turn++) {
        uint64_t begun_ns;

        if (contention->locks)
            pthread_mutex_lock(&contention->lock);
        atomic_store(&contention->ready, turn);
        await(&contention->about, turn, &never);
        begun_ns = wp_clock_ns(CLOCK_MONOTONIC);
        do {
            sched_yield();
        } while (wp_clock_ns(CLOCK_MONOTONIC) - begun_ns < HEAD_START_NS);
        (void)descend(WP_CONTENTION_DEPTH, give, contention);
        await(&contention->over, turn, &never);
        passed_ns = wp_clock_ns(CLOCK_MONOTONIC) - start_ns;
    }
}

int
wp_contention_run(const char *kind, uint64_t span_ns)
{
    struct contention contention = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                    .locks = strcmp(kind, WP_CONTENTION_LOCKS) == 0};
    pthread_t waiter;
    char byte = '.';

    sem_init(&contention.semaphore, 0, 0);
    if (pthread_create(&waiter, NULL, wait_in_turns, &contention) != 0)
        return WP_EXIT_FAILURE;
    end_waits(&contention, span_ns);
    atomic_store(&contention.ends, true);
    sem_post(&contention.semaphore);
    pthread_join(waiter, NULL);
    if (write(STDOUT_FILENO, &byte, 1) != 1)
        return WP_EXIT_FAILURE;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    return WP_EXIT_OK;
}
