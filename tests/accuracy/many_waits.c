/*
 * Many waits of nearly equal length, for the checks of sampling rates: a lock path (with its
 * holder's path) and a condition path. Prints each wait and each unlock that is to blame (truth.h),
 * because the spread that sampling may have follows from the distribution of the delays.
 *
 *   many_waits PAIRS WAITS DELAY_NS [ROUNDS]
 *
 * PAIRS pairs of threads have a lock each: one holds it, tells the other, and keeps it for DELAY_NS
 * while the other waits; WAITS times. As many threads wait WAITS times for a condition that never
 * comes. ROUNDS repeats it all (default 1).
 *
 * When standard input is a pipe, prints `ready` and waits for a line before it starts: a check may
 * then look for the process and change rates while it runs.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define MAX_PAIRS 256u
#define THREAD_STACK_BYTES 131072u

/* One lock, its two threads, and how they take turns. */
static struct pair {
    pthread_mutex_t lock;
    struct truth_gate held;    /* holder to waiter: it is mine */
    struct truth_gate about;   /* waiter to holder: I come now */
    struct truth_gate through; /* waiter to holder: I had it */
} pairs[MAX_PAIRS];

static unsigned pair_count;
static unsigned wait_count;
static uint64_t delay_ns;

__attribute__((noinline)) static void
wait_for_lock(struct pair *pair)
{
    uint64_t start_ns = truth_now_ns();

    pthread_mutex_lock(&pair->lock);
    truth_wait("wait_for_lock", TRUTH_LOCK, &pair->lock, start_ns, truth_now_ns());
    pthread_mutex_unlock(&pair->lock);
}

__attribute__((noinline)) static void
release_lock(struct pair *pair)
{
    truth_unlock("release_lock", &pair->lock, truth_now_ns());
    pthread_mutex_unlock(&pair->lock);
}

__attribute__((noinline)) static void
wait_for_condition(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    struct timespec until;
    uint64_t start_ns;
    int result;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)delay_ns;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    start_ns = truth_now_ns();
    result = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
    if (result != ETIMEDOUT && result != 0)
        truth_fail("pthread_cond_clockwait", result);
    truth_wait("wait_for_condition", TRUTH_OTHER, cond, start_ns, truth_now_ns());
}

static void *
run_holder(void *argument)
{
    struct pair *pair = argument;

    for (unsigned turn = 0; turn < wait_count; turn++) {
        pthread_mutex_lock(&pair->lock);
        truth_gate_open(&pair->held);
        truth_gate_pass(&pair->about);
        truth_sleep_ns(delay_ns);
        release_lock(pair);
        truth_gate_pass(&pair->through);
    }
    return NULL;
}

static void *
run_waiter(void *argument)
{
    struct pair *pair = argument;

    for (unsigned turn = 0; turn < wait_count; turn++) {
        truth_gate_pass(&pair->held);
        truth_gate_open(&pair->about);
        wait_for_lock(pair);
        truth_gate_open(&pair->through);
    }
    return NULL;
}

static void *
run_condition_waiter(void *unused)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

    (void)unused;
    pthread_mutex_lock(&mutex);
    for (unsigned turn = 0; turn < wait_count; turn++)
        wait_for_condition(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static pthread_t
start_thread(void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    error = pthread_create(&thread, &attributes, run, argument);
    if (error != 0)
        truth_fail("pthread_create", error);
    pthread_attr_destroy(&attributes);
    return thread;
}

static void
run_round(void)
{
    static pthread_t threads[3 * MAX_PAIRS];
    unsigned thread_count = 0;

    for (unsigned i = 0; i < pair_count; i++) {
        threads[thread_count++] = start_thread(run_holder, &pairs[i]);
        threads[thread_count++] = start_thread(run_waiter, &pairs[i]);
        threads[thread_count++] = start_thread(run_condition_waiter, NULL);
    }
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

/* By direct system calls: the wait for the check is none of the waits in question. */
static void
await_permission(void)
{
    struct stat input;
    char byte;

    if (fstat(STDIN_FILENO, &input) != 0 || !S_ISFIFO(input.st_mode))
        return;
    if (syscall(SYS_write, STDOUT_FILENO, "ready\n", 6) != 6 ||
        syscall(SYS_read, STDIN_FILENO, &byte, 1) != 1)
        truth_fail("cannot talk to the check", 0);
}

int
main(int argc, char **argv)
{
    unsigned rounds;

    if (argc < 4) {
        fprintf(stderr, "usage: many_waits PAIRS WAITS DELAY_NS [ROUNDS]\n");
        return 2;
    }
    pair_count = (unsigned)strtoul(argv[1], NULL, 10);
    wait_count = (unsigned)strtoul(argv[2], NULL, 10);
    delay_ns = strtoull(argv[3], NULL, 10);
    rounds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1;
    if (pair_count == 0 || pair_count > MAX_PAIRS)
        truth_fail("PAIRS", ERANGE);
    for (unsigned i = 0; i < pair_count; i++)
        pthread_mutex_init(&pairs[i].lock, NULL);
    await_permission();
    for (unsigned turn = 0; turn < rounds; turn++)
        run_round();
    truth_print_events();
    return 0;
}
