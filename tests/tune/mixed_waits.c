/*
 * Waits with heavy tails: pipes whose writers take their time, and a read-write lock that is kept
 * for as unequal times.
 *
 *   mixed_waits PIPES LEAST_NS
 *
 * A reader and a writer for each pipe; three threads that read, and one that writes, under the
 * read-write lock.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accuracy/truth.h"
#include "tune/own_waits.h"

enum path { PATH_PIPE_EVEN, PATH_PIPE_ODD, PATH_READ_LOCK, PATH_WRITE_LOCK, PATHS };
#define MOST_PIPES 32ul
#define LOCK_READERS 3u

static int pipes[MOST_PIPES][2];
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static double least_ns;

static void
read_byte(unsigned path, int descriptor)
{
    uint64_t start_ns = truth_now_ns();
    char byte;

    if (read(descriptor, &byte, 1) != 1)
        truth_fail("read", 0);
    own_wait(path, start_ns, truth_now_ns());
}

__attribute__((noinline)) static void
read_even(int descriptor)
{
    read_byte(PATH_PIPE_EVEN, descriptor);
}

__attribute__((noinline)) static void
read_odd(int descriptor)
{
    read_byte(PATH_PIPE_ODD, descriptor);
}

static void *
read_pipe(void *argument)
{
    uintptr_t number = (uintptr_t)argument;

    for (;;)
        (number % 2 == 0 ? read_even : read_odd)(pipes[number][0]);
    return NULL;
}

static void *
write_pipe(void *argument)
{
    uintptr_t number = (uintptr_t)argument;
    uint64_t random = 0x9e3779b97f4a7c15u * (number + 1);

    for (;;) {
        truth_sleep_ns(own_heavy_tail_ns(&random, least_ns * (double)(1 + number % 2 * 9)));
        if (syscall(SYS_write, pipes[number][1], "", 1) != 1)
            truth_fail("write", 0);
    }
    return NULL;
}

__attribute__((noinline)) static void
lock_to_read(uint64_t *random)
{
    uint64_t start_ns = truth_now_ns();

    pthread_rwlock_rdlock(&lock);
    own_wait(PATH_READ_LOCK, start_ns, truth_now_ns());
    truth_sleep_ns(own_heavy_tail_ns(random, least_ns / 4));
    pthread_rwlock_unlock(&lock);
}

__attribute__((noinline)) static void
lock_to_write(uint64_t *random)
{
    uint64_t start_ns = truth_now_ns();

    pthread_rwlock_wrlock(&lock);
    own_wait(PATH_WRITE_LOCK, start_ns, truth_now_ns());
    truth_sleep_ns(own_heavy_tail_ns(random, least_ns));
    pthread_rwlock_unlock(&lock);
}

static void *
use_lock(void *argument)
{
    uint64_t random = 0x9e3779b97f4a7c15u * (uint64_t)(uintptr_t)argument;

    for (;;) {
        ((uintptr_t)argument <= LOCK_READERS ? lock_to_read : lock_to_write)(&random);
        truth_sleep_ns(own_exponential_ns(&random, 4 * least_ns));
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    unsigned long count;

    if (argc != 3) {
        fprintf(stderr, "usage: mixed_waits PIPES LEAST_NS\n");
        return 2;
    }
    count = strtoul(argv[1], NULL, 10);
    least_ns = strtod(argv[2], NULL);
    for (uintptr_t i = 0; i < count && i < MOST_PIPES; i++) {
        if (pipe(pipes[i]) != 0)
            truth_fail("pipe", 0);
        own_start(read_pipe, (void *)i);
        own_start(write_pipe, (void *)i);
    }
    for (uintptr_t i = 1; i <= LOCK_READERS + 1; i++)
        own_start(use_lock, (void *)i);
    own_answer(PATHS);
    return 0;
}
