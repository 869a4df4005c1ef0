#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t path_hold_ns;
pthread_t path_waiter;
pid_t path_waiter_tid;

/* A spinning waiter has used so much processor time since it set out. */
#define SPUN_NS 100000u

static const struct path *paths;
static unsigned turn_count;
static unsigned path_count;

static struct truth_gate held;    /* helper to waiter: the object is unavailable */
static struct truth_gate about;   /* waiter to helper: I go */
static struct truth_gate waited;  /* waiter to helper: I am through */
static struct truth_gate cleared; /* helper to waiter: the next one */
static int going; /* atomic; set after `about`, nothing sleeps between it and the call */

static void
await_wait(enum path_end end)
{
    while (!__atomic_load_n(&going, __ATOMIC_SEQ_CST))
        truth_sleep_ns(20000);
    if (end == PATH_SPINNING)
        truth_await_spinning(path_waiter, truth_used_ns(path_waiter) + SPUN_NS);
    else
        truth_await_sleeping(path_waiter_tid);
}

static void *
run_helper(void *unused)
{
    for (unsigned turn = 0; turn < turn_count; turn++) {
        const struct path *path = &paths[turn % path_count];

        path->hold();
        truth_gate_open(&held);
        truth_gate_pass(&about);
        if (path->end != PATH_ALONE) {
            await_wait(path->end);
            truth_sleep_ns(path_hold_ns);
            path->release();
        }
        truth_gate_pass(&waited);
        if (path->end == PATH_ALONE)
            path->release();
        truth_gate_open(&cleared);
    }
    return unused;
}

static void
run_waiter(void)
{
    for (unsigned turn = 0; turn < turn_count; turn++) {
        truth_gate_pass(&held);
        truth_gate_open(&about);
        __atomic_store_n(&going, 1, __ATOMIC_SEQ_CST);
        paths[turn % path_count].wait();
        __atomic_store_n(&going, 0, __ATOMIC_SEQ_CST);
        truth_gate_open(&waited);
        truth_gate_pass(&cleared);
    }
}

int
paths_run(const struct path *table, unsigned count, int argc, char **argv)
{
    pthread_t helper;
    int error;

    if (argc != 3) {
        fprintf(stderr, "usage: %s ROUNDS HOLD_NS\n", argv[0]);
        return 2;
    }
    paths = table;
    path_count = count;
    turn_count = count * (unsigned)strtoul(argv[1], NULL, 10);
    path_hold_ns = strtoull(argv[2], NULL, 10);
    path_waiter = pthread_self();
    path_waiter_tid = truth_thread_id();
    error = pthread_create(&helper, NULL, run_helper, NULL);
    if (error != 0)
        truth_fail("pthread_create", error);
    run_waiter();
    pthread_join(helper, NULL);
    truth_print();
    return 0;
}

struct timespec
path_deadline(clockid_t clock, uint64_t after_ns)
{
    struct timespec time;
    uint64_t total_ns;

    clock_gettime(clock, &time);
    total_ns = (uint64_t)time.tv_nsec + after_ns;
    time.tv_sec += (time_t)(total_ns / 1000000000u);
    time.tv_nsec = (long)(total_ns % 1000000000u);
    return time;
}

void
path_do_nothing(void)
{
}
