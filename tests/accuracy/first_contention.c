/*
 * Two threads meet at one fresh mutex after the other, at the same instant, and one of them waits.
 *
 *   first_contention MUTEXES
 *
 * Who gets the mutex holds it until the other sleeps: there is one wait for each mutex, not more
 * and not fewer, however busy the machine. Prints what truth.h says.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "accuracy/truth.h"

#define MAX_MUTEXES 1024u

/* One mutex, and the two that meet there. */
struct meeting {
    pthread_mutex_t mutex;
    unsigned come_count;  /* atomic */
    unsigned taken_count; /* guarded by mutex */
    unsigned gone_count;  /* atomic */
};

static struct meeting meetings[MAX_MUTEXES];
static unsigned meeting_count;
static pid_t tids[2]; /* atomic */

/* Spins: a thread that had to be woken would come late. */
static void
meet(unsigned *count)
{
    __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < 2) {
    }
}

__attribute__((noinline)) static void
lock_first_or_wait(struct meeting *meeting)
{
    uint64_t start_ns = truth_now_ns();

    pthread_mutex_lock(&meeting->mutex);
    if (meeting->taken_count++ == 1)
        truth_wait("lock_first_or_wait", TRUTH_LOCK, &meeting->mutex, start_ns, truth_now_ns());
}

__attribute__((noinline)) static void
unlock_first_contention(struct meeting *meeting)
{
    truth_unlock("unlock_first_contention", &meeting->mutex, truth_now_ns());
    pthread_mutex_unlock(&meeting->mutex);
}

static void *
attend(void *argument)
{
    pid_t *own = argument;
    const pid_t *other = own == &tids[0] ? &tids[1] : &tids[0];

    __atomic_store_n(own, truth_thread_id(), __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < meeting_count; i++) {
        struct meeting *meeting = &meetings[i];

        meet(&meeting->come_count);
        lock_first_or_wait(meeting);
        if (meeting->taken_count == 1)
            truth_await_sleeping(__atomic_load_n(other, __ATOMIC_SEQ_CST));
        unlock_first_contention(meeting);
        meet(&meeting->gone_count);
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    pthread_t threads[2];

    if (argc != 2 || strtoul(argv[1], NULL, 10) > MAX_MUTEXES) {
        fprintf(stderr, "usage: first_contention MUTEXES\n");
        return 2;
    }
    meeting_count = (unsigned)strtoul(argv[1], NULL, 10);
    for (unsigned i = 0; i < meeting_count; i++)
        pthread_mutex_init(&meetings[i].mutex, NULL);
    for (unsigned i = 0; i < 2; i++) {
        int error = pthread_create(&threads[i], NULL, attend, &tids[i]);

        if (error != 0)
            truth_fail("pthread_create", error);
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    truth_print();
    return 0;
}
