/*
 * A small service with a store behind one lock and a queue behind another: what `waitprof gate` is
 * measured with. It knows its own waits.
 *
 *   contended_store [OPERATIONS] [HOLD_US]
 *
 * Writers think for a while (a random one), lock the store, keep it for HOLD_US, and put a note
 * into the queue, whose reader waits for a condition. At the end it prints
 *
 *   operations N
 *   lock_wait_ns N       what writers waited for the store, by the program's own clock
 *   lock_ns_per_op X
 *
 * A longer HOLD_US is the regression that a gate should find.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WRITERS 4u
#define DEFAULT_OPERATIONS 300u
#define DEFAULT_HOLD_US 600u
#define THINK_US 300u
/* The end of a sleep is late by some of these; the rest of a pause is passed awake. */
#define LATE_NS UINT64_C(80000)

static struct store {
    pthread_mutex_t lock;
    uint64_t writes; /* guarded by lock */
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    unsigned notes; /* these are guarded by lock */
    bool is_closed;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static unsigned operation_count = DEFAULT_OPERATIONS;
static uint64_t hold_ns = DEFAULT_HOLD_US * UINT64_C(1000);
static atomic_uint operations_begun;
static atomic_uint_fast64_t lock_wait_ns;

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* By the system call: a pause is work here, not a wait for a profile. */
static void
pass_until(uint64_t end_ns)
{
    uint64_t wake_ns = end_ns - LATE_NS;
    struct timespec wake = {(time_t)(wake_ns / 1000000000u), (long)(wake_ns % 1000000000u)};

    if (wake_ns > now_ns() && wake_ns < end_ns)
        syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
    while (now_ns() < end_ns)
        continue;
}

/* Uniform, of THINK_US in the mean. */
static void
think(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    pass_until(now_ns() + (*random >> 33) % (2 * THINK_US * 1000u));
}

__attribute__((noinline)) static void
store_write(void)
{
    uint64_t start_ns = now_ns(), locked_ns;

    pthread_mutex_lock(&store.lock);
    locked_ns = now_ns();
    pass_until(locked_ns + hold_ns);
    store.writes++;
    pthread_mutex_unlock(&store.lock);
    atomic_fetch_add(&lock_wait_ns, locked_ns - start_ns);
}

__attribute__((noinline)) static void
queue_put(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.notes++;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
}

__attribute__((noinline)) static bool
queue_take(void)
{
    bool took;

    pthread_mutex_lock(&queue.lock);
    while (queue.notes == 0 && !queue.is_closed)
        pthread_cond_wait(&queue.filled, &queue.lock);
    took = queue.notes > 0;
    queue.notes -= took;
    pthread_mutex_unlock(&queue.lock);
    return took;
}

static void *
read_queue(void *unused)
{
    while (queue_take())
        continue;
    return unused;
}

static void *
write_store(void *number)
{
    uint64_t random = now_ns() * (2 * (uintptr_t)number + 1);

    while (atomic_fetch_add(&operations_begun, 1) < operation_count) {
        think(&random);
        store_write();
        queue_put();
    }
    return NULL;
}

static void
start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument) == 0)
        return;
    fprintf(stderr, "contended_store: no thread\n");
    exit(EXIT_FAILURE);
}

int
main(int argument_count, char **arguments)
{
    pthread_t writers[WRITERS], reader;

    if (argument_count > 1)
        operation_count = (unsigned)strtoul(arguments[1], NULL, 10);
    if (argument_count > 2)
        hold_ns = strtoull(arguments[2], NULL, 10) * 1000u;

    start(&reader, read_queue, NULL);
    for (uintptr_t i = 0; i < WRITERS; i++)
        start(&writers[i], write_store, (void *)i);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    pthread_mutex_lock(&queue.lock);
    queue.is_closed = true;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
    pthread_join(reader, NULL);

    printf("operations %u\nlock_wait_ns %ju\nlock_ns_per_op %.1f\n", operation_count,
           (uintmax_t)atomic_load(&lock_wait_ns),
           operation_count > 0 ? (double)atomic_load(&lock_wait_ns) / operation_count : 0.0);
    return 0;
}
