/*
 * Waits once in every way, several times over, and prints the truth about it (truth.h).
 *
 * Each way has a function of its own, whose name is the path. A helper thread brings the wait
 * about: it makes the object unavailable, sees the waiter asleep in the kernel (so that every wait
 * is a real one and counts are exact, on a busy machine too), lets it wait for a while, and ends
 * it.
 *
 *   block_paths ROUNDS HOLD_NS
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "accuracy/truth.h"

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_mutex_t errorcheck;
static pthread_mutex_t adaptive;
static pthread_mutex_t inheriting;
static pthread_mutex_t robust;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int pipe_fds[2];
static int socket_fds[2];
static uint64_t hold_ns;

/* --- The waits
 * ---------------------------------------------------------------------------------- */

static struct timespec
deadline(clockid_t clock, uint64_t after_ns)
{
    struct timespec time;
    uint64_t total_ns;

    clock_gettime(clock, &time);
    total_ns = (uint64_t)time.tv_nsec + after_ns;
    time.tv_sec += (time_t)(total_ns / 1000000000u);
    time.tv_nsec = (long)(total_ns % 1000000000u);
    return time;
}

/*
 * void NAME(void): measures `call` on `object` and checks its result. `set_up` runs before the
 * clock starts, `finish` after it stopped.
 */
#define DEFINE_WAIT(name, kind, object, set_up, call, expected, finish)                            \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        uint64_t start_ns;                                                                         \
        uint64_t end_ns;                                                                           \
        int result;                                                                                \
                                                                                                   \
        set_up;                                                                                    \
        start_ns = truth_now_ns();                                                                 \
        result = (int)(call);                                                                      \
        end_ns = truth_now_ns();                                                                   \
        if (result != (expected))                                                                  \
            truth_fail(#name, result);                                                             \
        truth_wait(#name, kind, object, start_ns, end_ns);                                         \
        finish;                                                                                    \
    }

#define DEFINE_MUTEX_WAIT(name, mutex)                                                             \
    DEFINE_WAIT(name, TRUTH_LOCK, mutex, (void)0, pthread_mutex_lock(mutex), 0,                    \
                pthread_mutex_unlock(mutex))

/* `call` may use `until`, ten seconds ahead on `clock`. */
#define DEFINE_BOUNDED_WAIT(name, kind, object, clock, call, finish)                               \
    DEFINE_WAIT(name, kind, object, struct timespec until = deadline(clock, 10000000000u), call,   \
                0, finish)

/* `call` may use `until`, the moment at which it shall give up. */
#define DEFINE_TIMEOUT(name, kind, object, clock, call, finish)                                    \
    DEFINE_WAIT(name, kind, object, struct timespec until = deadline(clock, hold_ns), call,        \
                ETIMEDOUT, finish)

DEFINE_MUTEX_WAIT(wait_mutex_normal, &normal)
DEFINE_MUTEX_WAIT(wait_mutex_recursive, &recursive)
DEFINE_MUTEX_WAIT(wait_mutex_errorcheck, &errorcheck)
DEFINE_MUTEX_WAIT(wait_mutex_adaptive, &adaptive)
DEFINE_MUTEX_WAIT(wait_mutex_inheriting, &inheriting)
DEFINE_MUTEX_WAIT(wait_mutex_robust, &robust)
DEFINE_BOUNDED_WAIT(wait_mutex_timedlock, TRUTH_LOCK, &normal, CLOCK_REALTIME,
                    pthread_mutex_timedlock(&normal, &until), pthread_mutex_unlock(&normal))
DEFINE_BOUNDED_WAIT(wait_mutex_clocklock, TRUTH_LOCK, &normal, CLOCK_MONOTONIC,
                    pthread_mutex_clocklock(&normal, CLOCK_MONOTONIC, &until),
                    pthread_mutex_unlock(&normal))
DEFINE_TIMEOUT(wait_mutex_timedlock_in_vain, TRUTH_LOCK_IN_VAIN, &normal, CLOCK_REALTIME,
               pthread_mutex_timedlock(&normal, &until), (void)0)
DEFINE_TIMEOUT(wait_mutex_clocklock_in_vain, TRUTH_LOCK_IN_VAIN, &normal, CLOCK_MONOTONIC,
               pthread_mutex_clocklock(&normal, CLOCK_MONOTONIC, &until), (void)0)

DEFINE_WAIT(wait_rwlock_rdlock, TRUTH_LOCK, &rwlock, (void)0, pthread_rwlock_rdlock(&rwlock), 0,
            pthread_rwlock_unlock(&rwlock))
DEFINE_WAIT(wait_rwlock_wrlock, TRUTH_LOCK, &rwlock, (void)0, pthread_rwlock_wrlock(&rwlock), 0,
            pthread_rwlock_unlock(&rwlock))
DEFINE_BOUNDED_WAIT(wait_rwlock_timedrdlock, TRUTH_LOCK, &rwlock, CLOCK_REALTIME,
                    pthread_rwlock_timedrdlock(&rwlock, &until), pthread_rwlock_unlock(&rwlock))
DEFINE_BOUNDED_WAIT(wait_rwlock_timedwrlock, TRUTH_LOCK, &rwlock, CLOCK_REALTIME,
                    pthread_rwlock_timedwrlock(&rwlock, &until), pthread_rwlock_unlock(&rwlock))
DEFINE_BOUNDED_WAIT(wait_rwlock_clockrdlock, TRUTH_LOCK, &rwlock, CLOCK_MONOTONIC,
                    pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &until),
                    pthread_rwlock_unlock(&rwlock))
DEFINE_TIMEOUT(wait_rwlock_clockwrlock_in_vain, TRUTH_LOCK_IN_VAIN, &rwlock, CLOCK_MONOTONIC,
               pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &until), (void)0)

DEFINE_WAIT(wait_cond_wait, TRUTH_OTHER, &cond, pthread_mutex_lock(&cond_mutex),
            pthread_cond_wait(&cond, &cond_mutex), 0, pthread_mutex_unlock(&cond_mutex))
DEFINE_BOUNDED_WAIT(wait_cond_timedwait, TRUTH_OTHER, &cond, CLOCK_REALTIME,
                    (pthread_mutex_lock(&cond_mutex),
                     pthread_cond_timedwait(&cond, &cond_mutex, &until)),
                    pthread_mutex_unlock(&cond_mutex))
DEFINE_BOUNDED_WAIT(wait_cond_clockwait, TRUTH_OTHER, &cond, CLOCK_MONOTONIC,
                    (pthread_mutex_lock(&cond_mutex),
                     pthread_cond_clockwait(&cond, &cond_mutex, CLOCK_MONOTONIC, &until)),
                    pthread_mutex_unlock(&cond_mutex))
DEFINE_TIMEOUT(wait_cond_timedwait_in_vain, TRUTH_OTHER, &cond, CLOCK_REALTIME,
               (pthread_mutex_lock(&cond_mutex),
                pthread_cond_timedwait(&cond, &cond_mutex, &until)),
               pthread_mutex_unlock(&cond_mutex))

DEFINE_WAIT(wait_read_pipe, TRUTH_OTHER, pipe_fds, char byte, read(pipe_fds[0], &byte, 1), 1,
            (void)byte)
DEFINE_WAIT(wait_recv_socket, TRUTH_OTHER, socket_fds, char byte, recv(socket_fds[0], &byte, 1, 0),
            1, (void)byte)

/* --- What the helper does
 * ----------------------------------------------------------------------- */

/* Names a function after the path, so that the unlock's blame can be told from all others. */
#define DEFINE_MUTEX_HOLDER(name, mutex)                                                           \
    static void hold_##name(void)                                                                  \
    {                                                                                              \
        pthread_mutex_lock(mutex);                                                                 \
    }                                                                                              \
    __attribute__((noinline)) static void release_##name(void)                                     \
    {                                                                                              \
        truth_unlock("release_" #name, mutex, truth_now_ns());                                     \
        pthread_mutex_unlock(mutex);                                                               \
    }

DEFINE_MUTEX_HOLDER(normal, &normal)
DEFINE_MUTEX_HOLDER(recursive, &recursive)
DEFINE_MUTEX_HOLDER(errorcheck, &errorcheck)
DEFINE_MUTEX_HOLDER(adaptive, &adaptive)
DEFINE_MUTEX_HOLDER(inheriting, &inheriting)
DEFINE_MUTEX_HOLDER(robust, &robust)

static void
hold_for_writing(void)
{
    pthread_rwlock_wrlock(&rwlock);
}

static void
hold_for_reading(void)
{
    pthread_rwlock_rdlock(&rwlock);
}

__attribute__((noinline)) static void
release_writer(void)
{
    truth_unlock("release_writer", &rwlock, truth_now_ns());
    pthread_rwlock_unlock(&rwlock);
}

__attribute__((noinline)) static void
release_reader(void)
{
    truth_unlock("release_reader", &rwlock, truth_now_ns());
    pthread_rwlock_unlock(&rwlock);
}

static void
hold_nothing(void)
{
}

/* Takes the mutex first: the waiter sleeps in the condition, so that it is free. Signals after the
 * unlock, so that the waiter need not wait for the mutex as well. */
static void
signal_condition(void)
{
    pthread_mutex_lock(&cond_mutex);
    pthread_mutex_unlock(&cond_mutex);
    pthread_cond_signal(&cond);
}

static void
write_pipe(void)
{
    if (write(pipe_fds[1], "x", 1) != 1)
        truth_fail("write", 0);
}

static void
write_socket(void)
{
    if (send(socket_fds[1], "x", 1, 0) != 1)
        truth_fail("send", 0);
}

/* --- The table and its threads
 * ------------------------------------------------------------------ */

/* after_wait: the release comes when the waiter has given up, not to end its wait. */
static const struct path {
    void (*wait)(void);
    void (*hold)(void);
    void (*release)(void);
    int after_wait;
} paths[] = {
    {wait_mutex_normal, hold_normal, release_normal, 0},
    {wait_mutex_recursive, hold_recursive, release_recursive, 0},
    {wait_mutex_errorcheck, hold_errorcheck, release_errorcheck, 0},
    {wait_mutex_adaptive, hold_adaptive, release_adaptive, 0},
    {wait_mutex_inheriting, hold_inheriting, release_inheriting, 0},
    {wait_mutex_robust, hold_robust, release_robust, 0},
    {wait_mutex_timedlock, hold_normal, release_normal, 0},
    {wait_mutex_clocklock, hold_normal, release_normal, 0},
    {wait_mutex_timedlock_in_vain, hold_normal, release_normal, 1},
    {wait_mutex_clocklock_in_vain, hold_normal, release_normal, 1},
    {wait_rwlock_rdlock, hold_for_writing, release_writer, 0},
    {wait_rwlock_wrlock, hold_for_reading, release_reader, 0},
    {wait_rwlock_timedrdlock, hold_for_writing, release_writer, 0},
    {wait_rwlock_timedwrlock, hold_for_writing, release_writer, 0},
    {wait_rwlock_clockrdlock, hold_for_writing, release_writer, 0},
    {wait_rwlock_clockwrlock_in_vain, hold_for_reading, release_reader, 1},
    {wait_cond_wait, hold_nothing, signal_condition, 0},
    {wait_cond_timedwait, hold_nothing, signal_condition, 0},
    {wait_cond_clockwait, hold_nothing, signal_condition, 0},
    {wait_cond_timedwait_in_vain, hold_nothing, hold_nothing, 1},
    {wait_read_pipe, hold_nothing, write_pipe, 0},
    {wait_recv_socket, hold_nothing, write_socket, 0},
};

#define PATH_COUNT (sizeof paths / sizeof paths[0])

static struct truth_gate held;    /* helper to waiter: the object is unavailable */
static struct truth_gate about;   /* waiter to helper: I go */
static struct truth_gate waited;  /* waiter to helper: I am through */
static struct truth_gate cleared; /* helper to waiter: the next one */
static int going; /* atomic; set after `about`, nothing sleeps between it and the call */
static pid_t waiter_tid;
static unsigned rounds;

static void *
run_helper(void *unused)
{
    (void)unused;
    for (unsigned turn = 0; turn < rounds * PATH_COUNT; turn++) {
        const struct path *path = &paths[turn % PATH_COUNT];

        path->hold();
        truth_gate_open(&held);
        truth_gate_pass(&about);
        while (!__atomic_load_n(&going, __ATOMIC_SEQ_CST))
            truth_sleep_ns(20000);
        if (!path->after_wait) {
            truth_await_sleeping(waiter_tid);
            truth_sleep_ns(hold_ns);
            path->release();
        }
        truth_gate_pass(&waited);
        if (path->after_wait)
            path->release();
        truth_gate_open(&cleared);
    }
    return NULL;
}

static void
run_waiter(void)
{
    for (unsigned turn = 0; turn < rounds * PATH_COUNT; turn++) {
        truth_gate_pass(&held);
        truth_gate_open(&about);
        __atomic_store_n(&going, 1, __ATOMIC_SEQ_CST);
        paths[turn % PATH_COUNT].wait();
        __atomic_store_n(&going, 0, __ATOMIC_SEQ_CST);
        truth_gate_open(&waited);
        truth_gate_pass(&cleared);
    }
}

static void
make_mutex(pthread_mutex_t *mutex, int type, int protocol, int robustness)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    pthread_mutexattr_setrobust(&attributes, robustness);
    if (pthread_mutex_init(mutex, &attributes) != 0)
        truth_fail("pthread_mutex_init", 0);
    pthread_mutexattr_destroy(&attributes);
}

int
main(int argc, char **argv)
{
    pthread_t helper;

    if (argc != 3) {
        fprintf(stderr, "usage: block_paths ROUNDS HOLD_NS\n");
        return 2;
    }
    rounds = (unsigned)strtoul(argv[1], NULL, 10);
    hold_ns = strtoull(argv[2], NULL, 10);
    make_mutex(&recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
    make_mutex(&errorcheck, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
    make_mutex(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
    make_mutex(&inheriting, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
    make_mutex(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
    if (pipe(pipe_fds) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds) != 0)
        truth_fail("cannot make a pipe and a socket pair", 0);
    waiter_tid = truth_thread_id();
    if (pthread_create(&helper, NULL, run_helper, NULL) != 0)
        truth_fail("pthread_create", 0);
    run_waiter();
    pthread_join(helper, NULL);
    truth_print();
    return 0;
}
