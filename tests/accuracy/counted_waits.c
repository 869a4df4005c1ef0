/*
 * A fixed number of waits with a fixed number of calls and system calls, so that those which
 * somebody else makes stand out. Two threads; they take turns by spinning, without a call of any
 * kind.
 *
 *   counted_waits
 *
 * Between two calls of getppid (marks for strace): LOCK_WAITS waits for a mutex, READ_WAITS for a
 * reader-writer lock, COND_WAITS for a condition, PIPE_WAITS for a pipe. Prints what
 * libcount_calls.so counted meanwhile, if loaded, and how many unlocks the program made itself.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accuracy/count_calls.h"
#include "accuracy/truth.h"

#define LOCK_WAITS 50u
#define READ_WAITS 20u
#define COND_WAITS 20u
#define PIPE_WAITS 20u
#define TOTAL_WAITS (LOCK_WAITS + READ_WAITS + COND_WAITS + PIPE_WAITS)
#define HOLD_NS 2000000u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int cond_signalled; /* guarded by mutex */
static int pipe_fds[2];

/* Atomic: the holder runs, it may begin, it may end. Nothing of how a thread starts and ends is
 * between the marks. */
static unsigned running;
static unsigned begun;
static unsigned ended;

/* Atomic: how many turns each has begun or ended. */
static unsigned held_count;
static unsigned waited_count;
static unsigned unlock_count;

static void
spin_until(const unsigned *turn_count, unsigned turn)
{
    while (__atomic_load_n(turn_count, __ATOMIC_SEQ_CST) < turn)
        __builtin_ia32_pause();
}

static void
advance(unsigned *turn_count)
{
    __atomic_fetch_add(turn_count, 1, __ATOMIC_SEQ_CST);
}

static void
unlock_mutex(void)
{
    advance(&unlock_count);
    pthread_mutex_unlock(&mutex);
}

static void
unlock_rwlock(void)
{
    advance(&unlock_count);
    pthread_rwlock_unlock(&rwlock);
}

/* One turn of the thread that makes the other wait: it has HOLD_NS to fall asleep. */
static void
make_wait(unsigned turn)
{
    if (turn < LOCK_WAITS)
        pthread_mutex_lock(&mutex);
    else if (turn < LOCK_WAITS + READ_WAITS)
        pthread_rwlock_wrlock(&rwlock);
    advance(&held_count);
    truth_sleep_ns(HOLD_NS);
    if (turn < LOCK_WAITS) {
        unlock_mutex();
    } else if (turn < LOCK_WAITS + READ_WAITS) {
        unlock_rwlock();
    } else if (turn < LOCK_WAITS + READ_WAITS + COND_WAITS) {
        pthread_mutex_lock(&mutex);
        cond_signalled = 1;
        unlock_mutex();
        pthread_cond_signal(&cond);
    } else if (write(pipe_fds[1], "x", 1) != 1) {
        truth_fail("write", 0);
    }
    spin_until(&waited_count, turn + 1);
}

static void
wait_once(unsigned turn)
{
    char byte;

    spin_until(&held_count, turn + 1);
    if (turn < LOCK_WAITS) {
        pthread_mutex_lock(&mutex);
        unlock_mutex();
    } else if (turn < LOCK_WAITS + READ_WAITS) {
        pthread_rwlock_rdlock(&rwlock);
        unlock_rwlock();
    } else if (turn < LOCK_WAITS + READ_WAITS + COND_WAITS) {
        pthread_mutex_lock(&mutex);
        while (!cond_signalled)
            pthread_cond_wait(&cond, &mutex);
        cond_signalled = 0;
        unlock_mutex();
    } else if (read(pipe_fds[0], &byte, 1) != 1) {
        truth_fail("read", 0);
    }
    advance(&waited_count);
}

static void *
run_holder(void *unused)
{
    (void)unused;
    advance(&running);
    spin_until(&begun, 1);
    for (unsigned turn = 0; turn < TOTAL_WAITS; turn++)
        make_wait(turn);
    spin_until(&ended, 1);
    return NULL;
}

int
main(void)
{
    struct count_calls counts = {0};
    pthread_t holder;

    if (pipe(pipe_fds) != 0)
        truth_fail("pipe", 0);
    if (pthread_create(&holder, NULL, run_holder, NULL) != 0)
        truth_fail("pthread_create", 0);
    spin_until(&running, 1);
    if (count_calls_begin != NULL)
        count_calls_begin();
    syscall(SYS_getppid);
    advance(&begun);
    for (unsigned turn = 0; turn < TOTAL_WAITS; turn++)
        wait_once(turn);
    syscall(SYS_getppid);
    if (count_calls_end != NULL)
        counts = count_calls_end();
    advance(&ended);
    pthread_join(holder, NULL);
    printf("allocations %" PRIu64 "\nfrees %" PRIu64 "\nunlocks %" PRIu64 "\nown_unlocks %u\n",
           counts.allocations, counts.frees, counts.unlocks, unlock_count);
    return 0;
}
