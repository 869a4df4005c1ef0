/*
 * How much memory a program with very many locks, or very many threads, has resident.
 *
 *   memory_use mutexes COUNT    makes, contends and destroys COUNT mutexes, 100 at a time, and
 *   prints
 *                               how many of them were held when another thread came for them
 *   memory_use threads COUNT    COUNT threads that live at once and each wait three times
 *   memory_use nothing 0
 *
 * Prints `resident_bytes N` at the end, the threads still alive.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define CONTENDERS 100u
#define HOLD_NS 500000u
#define THREAD_STACK_BYTES 65536u
#define TIMEOUT_NS 1000000L

static unsigned total;

static void
print_resident(void)
{
    unsigned long pages;
    FILE *statm = fopen("/proc/self/statm", "r");

    if (statm == NULL || fscanf(statm, "%*u %lu", &pages) != 1)
        truth_fail("/proc/self/statm", 0);
    fclose(statm);
    printf("resident_bytes %lu\n", pages * (unsigned long)sysconf(_SC_PAGESIZE));
}

/* --- Many mutexes
 * --------------------------------------------------------------------------------- */

static pthread_mutex_t *batch;   /* one mutex for each contender; elsewhere for each batch */
static unsigned contended_count; /* atomic */
static struct truth_gate held[CONTENDERS];
static struct truth_gate done;

static void *
contend_mutexes(void *argument)
{
    unsigned contender = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < total / CONTENDERS; i++) {
        truth_gate_pass(&held[contender]);
        if (pthread_mutex_trylock(&batch[contender]) == EBUSY) {
            __atomic_fetch_add(&contended_count, 1, __ATOMIC_RELAXED);
            pthread_mutex_lock(&batch[contender]);
        }
        pthread_mutex_unlock(&batch[contender]);
        truth_gate_open(&done);
    }
    return NULL;
}

/* Makes and holds all of a batch until the contenders have had the time to come. */
static void
use_batch(pthread_mutex_t *mutexes)
{
    batch = mutexes;
    for (unsigned i = 0; i < CONTENDERS; i++) {
        pthread_mutex_init(&batch[i], NULL);
        pthread_mutex_lock(&batch[i]);
        truth_gate_open(&held[i]);
    }
    truth_sleep_ns(HOLD_NS);
    for (unsigned i = 0; i < CONTENDERS; i++)
        pthread_mutex_unlock(&batch[i]);
    for (unsigned i = 0; i < CONTENDERS; i++)
        truth_gate_pass(&done);
    for (unsigned i = 0; i < CONTENDERS; i++)
        pthread_mutex_destroy(&batch[i]);
}

/* All addresses differ: one array for all. */
static void
use_mutexes(void)
{
    pthread_t contenders[CONTENDERS];
    pthread_mutex_t *all = calloc(total, sizeof *all);

    if (all == NULL)
        truth_fail("calloc", 0);
    for (uintptr_t i = 0; i < CONTENDERS; i++)
        if (pthread_create(&contenders[i], NULL, contend_mutexes, (void *)i) != 0)
            truth_fail("pthread_create", 0);
    for (unsigned i = 0; i + CONTENDERS <= total; i += CONTENDERS)
        use_batch(&all[i]);
    for (unsigned i = 0; i < CONTENDERS; i++)
        pthread_join(contenders[i], NULL);
    printf("contended %u\n", contended_count);
    print_resident();
    free(all);
}

/* --- Many threads
 * --------------------------------------------------------------------------------- */

static struct truth_gate waited;
static struct truth_gate end;

static void
wait_for_condition(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TIMEOUT_NS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&mutex);
    if (pthread_cond_timedwait(&cond, &mutex, &until) != ETIMEDOUT)
        truth_fail("pthread_cond_timedwait", 0);
    pthread_mutex_unlock(&mutex);
}

static void *
wait_and_live_on(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 3; i++)
        wait_for_condition();
    truth_gate_open(&waited);
    truth_gate_pass(&end);
    return NULL;
}

static void
use_threads(void)
{
    pthread_t *threads = calloc(total, sizeof *threads);
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    for (unsigned i = 0; i < total; i++)
        if (pthread_create(&threads[i], &attributes, wait_and_live_on, NULL) != 0)
            truth_fail("pthread_create", 0);
    for (unsigned i = 0; i < total; i++)
        truth_gate_pass(&waited);
    print_resident();
    for (unsigned i = 0; i < total; i++)
        truth_gate_open(&end);
    for (unsigned i = 0; i < total; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: memory_use mutexes|threads|nothing COUNT\n");
        return 2;
    }
    total = (unsigned)strtoul(argv[2], NULL, 10);
    if (strcmp(argv[1], "mutexes") == 0)
        use_mutexes();
    else if (strcmp(argv[1], "threads") == 0)
        use_threads();
    else
        print_resident();
    return 0;
}
