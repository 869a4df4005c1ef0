/*
 * Two locks that cost the same, one in many short waits and one in few long ones: a profile of any
 * rate must rank them alike.
 *
 *   two_locks TOTAL_NS
 *
 * Each lock is a reader-writer lock with one writer that holds it for 0.1 ms or for 20 ms, and many
 * readers that wait for it; each goes on until its readers have waited for TOTAL_NS together.
 * Prints, as truth.h says, `block PATH COUNT DELAY_NS` of both and, for the spread that sampling
 * may have, `squares PATH SUM_OF_SQUARES_NS2`.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "accuracy/truth.h"

#define READERS 16u
#define THREAD_STACK_BYTES 131072u

struct lock;

/* What one reader waited for. Written by it alone, read after it was joined. */
struct reader {
    struct lock *lock;
    uint64_t count;
    uint64_t delay_ns;
    double squares_ns2;
};

/* A lock and all who use it. */
struct lock {
    pthread_rwlock_t rwlock;
    void (*read)(struct reader *reader);
    uint64_t hold_ns;
    uint64_t waited_ns;      /* atomic: by all readers */
    struct truth_gate held;  /* writer to readers: it is mine */
    struct truth_gate about; /* readers to writer: I come */
    int ended;               /* atomic */
    struct reader readers[READERS];
};

static uint64_t total_ns;

static void
add_wait(struct reader *reader, uint64_t start_ns, uint64_t end_ns)
{
    uint64_t delay_ns = end_ns - start_ns;

    reader->count++;
    reader->delay_ns += delay_ns;
    reader->squares_ns2 += (double)delay_ns * (double)delay_ns;
    __atomic_fetch_add(&reader->lock->waited_ns, delay_ns, __ATOMIC_RELAXED);
}

__attribute__((noinline)) static void
wait_shortly(struct reader *reader)
{
    uint64_t start_ns = truth_now_ns();

    pthread_rwlock_rdlock(&reader->lock->rwlock);
    add_wait(reader, start_ns, truth_now_ns());
}

__attribute__((noinline)) static void
wait_for_long(struct reader *reader)
{
    uint64_t start_ns = truth_now_ns();

    pthread_rwlock_rdlock(&reader->lock->rwlock);
    add_wait(reader, start_ns, truth_now_ns());
}

static struct lock locks[] = {
    {.rwlock = PTHREAD_RWLOCK_INITIALIZER, .read = wait_shortly, .hold_ns = 5000},
    {.rwlock = PTHREAD_RWLOCK_INITIALIZER, .read = wait_for_long, .hold_ns = 20000000},
};

static void *
run_reader(void *argument)
{
    struct reader *reader = argument;
    struct lock *lock = reader->lock;

    for (;;) {
        truth_gate_pass(&lock->held);
        if (__atomic_load_n(&lock->ended, __ATOMIC_SEQ_CST))
            return NULL;
        truth_gate_open(&lock->about);
        lock->read(reader);
        pthread_rwlock_unlock(&lock->rwlock);
    }
}

static void
let_readers_pass(struct lock *lock)
{
    for (unsigned i = 0; i < READERS; i++)
        truth_gate_open(&lock->held);
}

/* Holds the lock again and again. A reader that has not yet come back from the last turn waits for
 * this one as well, or finds the lock free: both are as true as any. */
static void *
run_writer(void *argument)
{
    struct lock *lock = argument;

    while (__atomic_load_n(&lock->waited_ns, __ATOMIC_RELAXED) < total_ns) {
        pthread_rwlock_wrlock(&lock->rwlock);
        let_readers_pass(lock);
        truth_gate_pass(&lock->about);
        truth_sleep_ns(lock->hold_ns);
        pthread_rwlock_unlock(&lock->rwlock);
        for (unsigned i = 1; i < READERS; i++)
            truth_gate_pass(&lock->about);
    }
    __atomic_store_n(&lock->ended, 1, __ATOMIC_SEQ_CST);
    let_readers_pass(lock);
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
print_lock(const char *path, const struct lock *lock)
{
    struct reader sum = {.count = 0};

    for (unsigned i = 0; i < READERS; i++) {
        sum.count += lock->readers[i].count;
        sum.delay_ns += lock->readers[i].delay_ns;
        sum.squares_ns2 += lock->readers[i].squares_ns2;
    }
    printf("block %s %" PRIu64 " %" PRIu64 "\nsquares %s %.0f\n", path, sum.count, sum.delay_ns,
           path, sum.squares_ns2);
}

int
main(int argc, char **argv)
{
    pthread_t threads[2 * (READERS + 1)];
    unsigned thread_count = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: two_locks TOTAL_NS\n");
        return 2;
    }
    total_ns = strtoull(argv[1], NULL, 10);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned j = 0; j < READERS; j++) {
            locks[i].readers[j].lock = &locks[i];
            threads[thread_count++] = start_thread(run_reader, &locks[i].readers[j]);
        }
        threads[thread_count++] = start_thread(run_writer, &locks[i]);
    }
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    print_lock("wait_shortly", &locks[0]);
    print_lock("wait_for_long", &locks[1]);
    return 0;
}
