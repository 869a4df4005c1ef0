#include "tune/own_waits.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define THREAD_STACK_BYTES 131072u

static struct {
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t delay_ns;
} paths_seen[OWN_PATHS];

uint64_t
own_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

double
own_uniform(uint64_t *state)
{
    return ((double)(own_random(state) >> 11) + 0.5) / 9007199254740992.0;
}

uint64_t
own_exponential_ns(uint64_t *state, double mean_ns)
{
    return (uint64_t)(-mean_ns * log(own_uniform(state)));
}

uint64_t
own_heavy_tail_ns(uint64_t *state, double least_ns)
{
    double length_ns = least_ns * pow(own_uniform(state), -1 / 1.5);

    return (uint64_t)fmin(length_ns, 1000 * least_ns);
}

void
own_wait(unsigned path, uint64_t start_ns, uint64_t end_ns)
{
    if (end_ns - start_ns < OWN_LEAST_NS)
        return;
    atomic_fetch_add(&paths_seen[path].count, 1);
    atomic_fetch_add(&paths_seen[path].delay_ns, end_ns - start_ns);
}

void
own_start(void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    /* Sleeps of microseconds; threads inherit it. */
    if (prctl(PR_SET_TIMERSLACK, 1) != 0)
        truth_fail("prctl", 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    error = pthread_create(&thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        truth_fail("pthread_create", error);
}

static void
print_totals(unsigned paths)
{
    printf("%" PRIu64, truth_now_ns());
    for (unsigned i = 0; i < paths; i++)
        printf(" %" PRIuFAST64 ":%" PRIuFAST64, atomic_load(&paths_seen[i].count),
               atomic_load(&paths_seen[i].delay_ns));
    printf("\n");
    fflush(stdout);
}

void
own_answer(unsigned paths)
{
    char byte;

    printf("ready\n");
    fflush(stdout);
    /* By a direct system call: the wait for questions is none of those in question. */
    while (syscall(SYS_read, STDIN_FILENO, &byte, 1) == 1) {
        if (byte == '\n')
            print_totals(paths);
    }
}
