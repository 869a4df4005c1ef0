/*
 * Many waits of nearly equal length for semaphores and for room in pipes, for the checks of
 * sampling rates. Prints each wait (truth.h), because the spread that sampling may have follows
 * from the distribution of the delays.
 *
 *   many_calls PAIRS WAITS DELAY_NS
 *
 * PAIRS pairs of threads have a semaphore each: one posts it every DELAY_NS, the other waits for
 * that, WAITS times. As many have a full pipe: one reads a page every DELAY_NS, the other writes
 * one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define PAGE_BYTES 4096u
#define MAX_PAIRS 256u
#define THREAD_STACK_BYTES 131072u

static struct pair {
    sem_t semaphore;
    int pipe[2];
} pairs[MAX_PAIRS];

static unsigned wait_count;
static uint64_t delay_ns;

__attribute__((noinline)) static void
wait_for_semaphore(struct pair *pair)
{
    uint64_t start_ns = truth_now_ns();

    if (sem_wait(&pair->semaphore) != 0)
        truth_fail("sem_wait", 0);
    truth_wait("wait_for_semaphore", TRUTH_OTHER, pair, start_ns, truth_now_ns());
}

__attribute__((noinline)) static void
wait_to_write(struct pair *pair)
{
    static const char page[PAGE_BYTES];
    uint64_t start_ns = truth_now_ns();

    if (write(pair->pipe[1], page, sizeof page) != sizeof page)
        truth_fail("write", 0);
    truth_wait("wait_to_write", TRUTH_OTHER, pair, start_ns, truth_now_ns());
}

static void *
run_poster(void *pair)
{
    for (unsigned turn = 0; turn < wait_count; turn++) {
        truth_sleep_ns(delay_ns);
        sem_post(&((struct pair *)pair)->semaphore);
    }
    return NULL;
}

static void *
run_taker(void *pair)
{
    for (unsigned turn = 0; turn < wait_count; turn++)
        wait_for_semaphore(pair);
    return NULL;
}

static void *
run_reader(void *pair)
{
    char page[PAGE_BYTES];

    for (unsigned turn = 0; turn < wait_count; turn++) {
        truth_sleep_ns(delay_ns);
        if (syscall(SYS_read, ((struct pair *)pair)->pipe[0], page, sizeof page) != sizeof page)
            truth_fail("read", 0);
    }
    return NULL;
}

static void *
run_writer(void *pair)
{
    for (unsigned turn = 0; turn < wait_count; turn++)
        wait_to_write(pair);
    return NULL;
}

static void
make_pair(struct pair *pair)
{
    static const char page[PAGE_BYTES];

    if (sem_init(&pair->semaphore, 0, 0) != 0 || pipe(pair->pipe) != 0)
        truth_fail("cannot make a semaphore and a pipe", 0);
    if (fcntl(pair->pipe[1], F_SETPIPE_SZ, PAGE_BYTES) != PAGE_BYTES ||
        syscall(SYS_write, pair->pipe[1], page, sizeof page) != sizeof page)
        truth_fail("cannot fill a pipe", 0);
}

static pthread_t
start_thread(void *(*run)(void *), struct pair *pair)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    error = pthread_create(&thread, &attributes, run, pair);
    if (error != 0)
        truth_fail("pthread_create", error);
    pthread_attr_destroy(&attributes);
    return thread;
}

int
main(int argc, char **argv)
{
    static void *(*const roles[])(void *) = {run_poster, run_taker, run_reader, run_writer};
    static pthread_t threads[MAX_PAIRS * 4];
    unsigned pair_count;
    unsigned thread_count = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: many_calls PAIRS WAITS DELAY_NS\n");
        return 2;
    }
    pair_count = (unsigned)strtoul(argv[1], NULL, 10);
    wait_count = (unsigned)strtoul(argv[2], NULL, 10);
    delay_ns = strtoull(argv[3], NULL, 10);
    if (pair_count == 0 || pair_count > MAX_PAIRS)
        truth_fail("PAIRS", ERANGE);
    for (unsigned i = 0; i < pair_count; i++)
        make_pair(&pairs[i]);
    for (unsigned i = 0; i < pair_count; i++)
        for (unsigned role = 0; role < 4; role++)
            threads[thread_count++] = start_thread(roles[role], &pairs[i]);
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    truth_print_events();
    return 0;
}
