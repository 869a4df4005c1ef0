/*
 * Many short waits: threads that keep one mutex for some microseconds, by six paths.
 *
 *   short_waits THREADS PAUSE_NS
 *
 * Each thread pauses for PAUSE_NS on average between two turns. It sleeps meanwhile, and while it
 * has the mutex, so that how often it must wait is not for other programs to say.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "accuracy/truth.h"
#include "tune/own_waits.h"

#define PATHS 6u
#define MOST_THREADS 64ul
#define HELD_NS 5000.0

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double pause_ns;

static void
take_turn(unsigned path, uint64_t *random)
{
    uint64_t start_ns = truth_now_ns();

    pthread_mutex_lock(&lock);
    own_wait(path, start_ns, truth_now_ns());
    truth_sleep_ns(own_exponential_ns(random, HELD_NS * (1 + path)));
    pthread_mutex_unlock(&lock);
}

#define PATH(number)                                                                               \
    __attribute__((noinline)) static void path_##number(uint64_t *random)                          \
    {                                                                                              \
        take_turn(number, random);                                                                 \
    }
PATH(0)
PATH(1)
PATH(2)
PATH(3)
PATH(4)
PATH(5)

static void (*const turns[PATHS])(uint64_t *) = {path_0, path_1, path_2, path_3, path_4, path_5};

static void *
run(void *argument)
{
    uint64_t random = 0x9e3779b97f4a7c15u * (uint64_t)(uintptr_t)argument;

    for (;;) {
        turns[own_random(&random) % PATHS](&random);
        truth_sleep_ns(own_exponential_ns(&random, pause_ns));
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    unsigned long threads;

    if (argc != 3) {
        fprintf(stderr, "usage: short_waits THREADS PAUSE_NS\n");
        return 2;
    }
    threads = strtoul(argv[1], NULL, 10);
    pause_ns = strtod(argv[2], NULL);
    for (uintptr_t i = 1; i <= threads && i <= MOST_THREADS; i++)
        own_start(run, (void *)i);
    own_answer(PATHS);
    return 0;
}
