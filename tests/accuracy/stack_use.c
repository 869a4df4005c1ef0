/*
 * How much stack each kind of wait takes, the callee's frames and whatever they call included.
 *
 *   stack_use
 *
 * Prints `stack KIND BYTES`: the most of TURNS waits, the first of which meets cold tables. A
 * thread with a stack of its own paints what lies below it, waits once, and looks how far down the
 * paint is gone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define STACK_BYTES (256u * 1024)
#define PAINTED_BYTES (64u * 1024)
#define UNPAINTED_BYTES 64u /* the painter's own frame */
#define PAINT 0xa5
#define TURNS 5u
#define HOLD_NS 3000000u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int pipe_fds[2];
static struct truth_gate go;
static struct truth_gate held;
static struct truth_gate waited;

static void
wait_for_mutex(void)
{
    pthread_mutex_lock(&mutex);
}

/* The holder of the mutex that has a waiter: its unlock is charged, and its stack walked. */
static void
unlock_mutex(void)
{
    pthread_mutex_unlock(&mutex);
}

static void
wait_for_rwlock(void)
{
    pthread_rwlock_rdlock(&rwlock);
}

static void
wait_for_condition(void)
{
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    pthread_mutex_lock(&own);
    if (pthread_cond_timedwait(&cond, &own, &until) != ETIMEDOUT)
        truth_fail("pthread_cond_timedwait", 0);
    pthread_mutex_unlock(&own);
}

static void
wait_for_pipe(void)
{
    char byte;

    if (read(pipe_fds[0], &byte, 1) != 1)
        truth_fail("read", 0);
}

static void
hold_mutex(void)
{
    pthread_mutex_lock(&mutex);
}

static void
hold_rwlock(void)
{
    pthread_rwlock_wrlock(&rwlock);
}

static void
unlock_rwlock(void)
{
    pthread_rwlock_unlock(&rwlock);
}

static void
write_pipe(void)
{
    if (write(pipe_fds[1], "x", 1) != 1)
        truth_fail("write", 0);
}

static void
do_nothing(void)
{
}

static const struct kind {
    const char *name;
    void (*hold)(void);    /* helper */
    void (*wait)(void);    /* measured */
    void (*release)(void); /* helper, while the other waits */
    void (*finish)(void);  /* measured too */
} kinds[] = {
    {"mutex", hold_mutex, wait_for_mutex, unlock_mutex, unlock_mutex},
    {"rwlock", hold_rwlock, wait_for_rwlock, unlock_rwlock, unlock_rwlock},
    {"condition", do_nothing, wait_for_condition, do_nothing, do_nothing},
    {"read", do_nothing, wait_for_pipe, write_pipe, do_nothing},
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static size_t most_bytes[KIND_COUNT];

/* Paints below its own frame, which is where the caller's next callee has its. Returns where the
 * paint begins, the lowest address. */
__attribute__((noinline)) static volatile unsigned char *
paint(void)
{
    volatile unsigned char *bottom =
        (unsigned char *)__builtin_frame_address(0) - UNPAINTED_BYTES - PAINTED_BYTES;

    for (size_t i = 0; i < PAINTED_BYTES; i++)
        bottom[i] = PAINT;
    return bottom;
}

__attribute__((noinline)) static size_t
measure(const struct kind *kind)
{
    volatile unsigned char *painted = paint();
    size_t clean = 0;

    kind->wait();
    kind->finish();
    while (clean < PAINTED_BYTES && painted[clean] == PAINT)
        clean++;
    return PAINTED_BYTES - clean + UNPAINTED_BYTES;
}

static void *
run_measured(void *unused)
{
    (void)unused;
    for (unsigned turn = 0; turn < TURNS * KIND_COUNT; turn++) {
        const struct kind *kind = &kinds[turn % KIND_COUNT];
        size_t bytes;

        truth_gate_pass(&held);
        truth_gate_open(&go);
        bytes = measure(kind);
        if (bytes > most_bytes[turn % KIND_COUNT])
            most_bytes[turn % KIND_COUNT] = bytes;
        truth_gate_open(&waited);
    }
    return NULL;
}

int
main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pipe(pipe_fds) != 0)
        truth_fail("pipe", 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, run_measured, NULL) != 0)
        truth_fail("pthread_create", 0);
    for (unsigned turn = 0; turn < TURNS * KIND_COUNT; turn++) {
        const struct kind *kind = &kinds[turn % KIND_COUNT];

        kind->hold();
        truth_gate_open(&held);
        truth_gate_pass(&go);
        truth_sleep_ns(HOLD_NS);
        kind->release();
        truth_gate_pass(&waited);
    }
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < KIND_COUNT; i++)
        printf("stack %s %zu\n", kinds[i].name, most_bytes[i]);
    return 0;
}
