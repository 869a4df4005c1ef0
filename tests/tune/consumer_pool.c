/*
 * A pool of consumers: long waits for a condition, and the mutex behind it.
 *
 *   consumer_pool CONSUMERS INTERVAL_NS
 *
 * A producer makes a job every INTERVAL_NS on average; each keeps its consumer, asleep, for three
 * times that. Consumers of three sorts wait by paths of their own, and put what they have found
 * into an account with a lock of its own.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "accuracy/truth.h"
#include "tune/own_waits.h"

enum path { PATH_WAIT, SORTS = 3, PATH_ACCOUNT = SORTS, PATH_PRODUCE, PATHS };
#define MOST_CONSUMERS 64ul

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t account_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static unsigned long jobs;
static double interval_ns;

static void
take_job(unsigned path)
{
    uint64_t start_ns;

    pthread_mutex_lock(&queue_lock);
    while (jobs == 0) {
        start_ns = truth_now_ns();
        pthread_cond_wait(&queue_filled, &queue_lock);
        own_wait(path, start_ns, truth_now_ns());
    }
    jobs--;
    pthread_mutex_unlock(&queue_lock);
}

#define SORT(number)                                                                               \
    __attribute__((noinline)) static void sort_##number(void)                                      \
    {                                                                                              \
        take_job(number);                                                                          \
    }
SORT(0)
SORT(1)
SORT(2)

static void (*const sorts[SORTS])(void) = {sort_0, sort_1, sort_2};

__attribute__((noinline)) static void
enter_into_account(uint64_t *random)
{
    uint64_t start_ns = truth_now_ns();

    pthread_mutex_lock(&account_lock);
    own_wait(PATH_ACCOUNT, start_ns, truth_now_ns());
    truth_sleep_ns(own_exponential_ns(random, interval_ns / 4));
    pthread_mutex_unlock(&account_lock);
}

static void *
consume(void *argument)
{
    uint64_t random = 0x9e3779b97f4a7c15u * (uint64_t)(uintptr_t)argument;

    for (;;) {
        sorts[(uintptr_t)argument % SORTS]();
        truth_sleep_ns(own_exponential_ns(&random, 3 * interval_ns));
        enter_into_account(&random);
    }
    return NULL;
}

static void *
produce(void *unused)
{
    uint64_t random = 88172645463325252u;

    (void)unused;
    for (;;) {
        uint64_t start_ns;

        truth_sleep_ns(own_exponential_ns(&random, interval_ns));
        start_ns = truth_now_ns();
        pthread_mutex_lock(&queue_lock);
        own_wait(PATH_PRODUCE, start_ns, truth_now_ns());
        jobs++;
        pthread_cond_signal(&queue_filled);
        truth_sleep_ns(5000);
        pthread_mutex_unlock(&queue_lock);
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    unsigned long consumers;

    if (argc != 3) {
        fprintf(stderr, "usage: consumer_pool CONSUMERS INTERVAL_NS\n");
        return 2;
    }
    consumers = strtoul(argv[1], NULL, 10);
    interval_ns = strtod(argv[2], NULL);
    for (uintptr_t i = 1; i <= consumers && i <= MOST_CONSUMERS; i++)
        own_start(consume, (void *)i);
    own_start(produce, NULL);
    own_answer(PATHS);
    return 0;
}
