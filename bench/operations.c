/*
 * One operation, over and over: what a single call costs in this process. `run.py` starts it bare
 * and under each interposer in turn and compares.
 *
 *   operations CASE
 *
 * Prints `ns_per_op N`, and for some cases `cpu_ns_per_op N` and `ops_per_s N`. Loops are cut into
 * chunks, and the figure is that of the fastest tenth: what disturbs a chunk only ever makes it
 * slower. Cases with several threads run for a fixed time and are judged by CPU time, which other
 * programs on the machine disturb less than the clock on the wall.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define CHUNKS 300u
#define CHUNK_OPS 2000u
#define MANY_LOCKS 10000u
#define CONTENDED_NS UINT64_C(200000000)
#define HANDOFFS_A_CHUNK 200u
#define HANDOFF_CHUNKS 100u

static void
pin_to_last_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
}

static uint64_t
cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static void
start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument) != 0)
        truth_fail("pthread_create", 0);
}

/* --- Chunks --- */

static int
compare_double(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Runs `chunk` (of `ops` operations, `prepare` before each, not timed) and prints the cost of
 * one. */
static void
measure_chunks(unsigned chunks, unsigned ops, void (*prepare)(void), void (*chunk)(void))
{
    static double costs[CHUNKS];

    for (unsigned i = 0; i < chunks; i++) {
        uint64_t start_ns;

        if (prepare != NULL)
            prepare();
        start_ns = truth_now_ns();
        chunk();
        costs[i] = (double)(truth_now_ns() - start_ns) / ops;
    }
    qsort(costs, chunks, sizeof costs[0], compare_double);
    printf("ns_per_op %.3f\n", costs[chunks / 10]);
}

/* --- Free locks --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t many[MANY_LOCKS];

static void
lock_one(void)
{
    for (unsigned i = 0; i < CHUNK_OPS; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
}

static void
lock_each(void)
{
    for (unsigned i = 0; i < MANY_LOCKS; i++) {
        pthread_mutex_lock(&many[i]);
        pthread_mutex_unlock(&many[i]);
    }
}

static struct truth_gate never;

static void *
live_on(void *unused)
{
    (void)unused;
    truth_gate_pass(&never);
    return NULL;
}

/* glibc takes cheaper paths while a process has had one thread only. */
static void
become_threaded(void)
{
    pthread_t thread;

    start_thread(&thread, live_on, NULL);
}

static void
bench_lock_threaded(void)
{
    become_threaded();
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, lock_one);
}

static void
bench_lock_single(void)
{
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, lock_one);
}

static void
bench_lock_many(void)
{
    become_threaded();
    for (unsigned i = 0; i < MANY_LOCKS; i++)
        pthread_mutex_init(&many[i], NULL);
    measure_chunks(CHUNKS, MANY_LOCKS, NULL, lock_each);
}

/* --- Contended locks --- */

static unsigned hold_steps; /* of work with the lock */
static uint64_t hold_sleep_ns;
static uint64_t contend_until_ns;
static uint64_t contended_ops; /* atomic */

static void
work(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++)
        __asm__ volatile("" ::: "memory");
}

static void *
contend(void *unused)
{
    uint64_t ops = 0;

    (void)unused;
    do {
        for (unsigned i = 0; i < 16; i++) {
            pthread_mutex_lock(&mutex);
            work(hold_steps);
            if (hold_sleep_ns != 0)
                truth_sleep_ns(hold_sleep_ns);
            pthread_mutex_unlock(&mutex);
            work(hold_steps);
            ops++;
        }
    } while (truth_now_ns() < contend_until_ns);
    __atomic_fetch_add(&contended_ops, ops, __ATOMIC_RELAXED);
    return NULL;
}

static void
bench_contended(unsigned threads, unsigned steps, uint64_t sleep_ns)
{
    pthread_t ids[16];
    uint64_t start_ns = truth_now_ns();
    uint64_t start_cpu_ns = cpu_ns();

    hold_steps = steps;
    hold_sleep_ns = sleep_ns;
    contend_until_ns = start_ns + CONTENDED_NS;
    for (unsigned i = 0; i < threads; i++)
        start_thread(&ids[i], contend, NULL);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    printf("cpu_ns_per_op %.3f\nns_per_op %.3f\n",
           (double)(cpu_ns() - start_cpu_ns) / (double)contended_ops,
           (double)(truth_now_ns() - start_ns) / (double)contended_ops);
}

static void
bench_contended_2_short(void)
{
    bench_contended(2, 100, 0);
}

static void
bench_contended_4_medium(void)
{
    bench_contended(4, 1000, 0);
}

static void
bench_contended_8_medium(void)
{
    bench_contended(8, 1000, 0);
}

static void
bench_contended_8_long(void)
{
    bench_contended(8, 10000, 0);
}

static void
bench_contended_4_sleeping(void)
{
    bench_contended(4, 0, 100000);
}

/* --- A kept sample --- */

#define SAMPLE_RECURSION 13u /* with main() and its callers: 20 frames */

/* Waits for a lock until before the epoch: libc gives up without a system call, and it is a
 * wait. */
__attribute__((noinline)) static unsigned
wait_in_vain_at_depth(unsigned depth)
{
    static const struct timespec past = {.tv_sec = -1};
    unsigned timeouts = 0;

    if (depth > 0)
        return wait_in_vain_at_depth(depth - 1) + 1;
    for (unsigned i = 0; i < CHUNK_OPS; i++)
        timeouts += pthread_mutex_timedlock(&mutex, &past) == ETIMEDOUT;
    if (timeouts != CHUNK_OPS)
        truth_fail("pthread_mutex_timedlock did not time out", EINVAL);
    return timeouts;
}

static void
wait_in_vain(void)
{
    wait_in_vain_at_depth(SAMPLE_RECURSION);
}

static void
bench_wait_in_vain(void)
{
    become_threaded();
    pthread_mutex_lock(&mutex);
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, wait_in_vain);
}

/* --- Reads --- */

static int there[2];
static int back[2];

static void
fill_pipe(void)
{
    static const char bytes[CHUNK_OPS];

    if (write(there[1], bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        truth_fail("write", 0);
}

static void
read_each_byte(void)
{
    char byte;

    for (unsigned i = 0; i < CHUNK_OPS; i++)
        if (read(there[0], &byte, 1) != 1)
            truth_fail("read", 0);
}

static void
bench_read_ready(void)
{
    become_threaded();
    measure_chunks(CHUNKS, CHUNK_OPS, fill_pipe, read_each_byte);
}

/* --- Calls that find what they want --- */

static int sockets[2];
static sem_t semaphore;
static FILE *lines;

static void
fill_socket(void)
{
    static const char bytes[CHUNK_OPS];

    if (write(sockets[1], bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        truth_fail("write", 0);
}

static void
recv_each_byte(void)
{
    char byte;

    for (unsigned i = 0; i < CHUNK_OPS; i++)
        if (recv(sockets[0], &byte, 1, 0) != 1)
            truth_fail("recv", 0);
}

static void
bench_recv_ready(void)
{
    become_threaded();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
        truth_fail("socketpair", 0);
    measure_chunks(CHUNKS, CHUNK_OPS, fill_socket, recv_each_byte);
}

static void
empty_pipe(void)
{
    static char bytes[CHUNK_OPS];

    if (read(there[0], bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        truth_fail("read", 0);
}

static void
write_each_byte(void)
{
    for (unsigned i = 0; i < CHUNK_OPS; i++)
        if (write(there[1], "", 1) != 1)
            truth_fail("write", 0);
}

static void
bench_write_ready(void)
{
    become_threaded();
    fill_pipe();
    measure_chunks(CHUNKS, CHUNK_OPS, empty_pipe, write_each_byte);
}

static void
poll_only(int timeout_ms)
{
    struct pollfd descriptor = {.fd = there[0], .events = POLLIN};

    for (unsigned i = 0; i < CHUNK_OPS; i++)
        if (poll(&descriptor, 1, timeout_ms) != 1)
            truth_fail("poll", 0);
}

static void
poll_at_once(void)
{
    poll_only(0);
}

static void
poll_for_ever(void)
{
    poll_only(-1);
}

static void
bench_poll_at_once(void)
{
    become_threaded();
    fill_pipe();
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, poll_at_once);
}

static void
bench_poll_ready(void)
{
    become_threaded();
    fill_pipe();
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, poll_for_ever);
}

static void
take_and_post(void)
{
    for (unsigned i = 0; i < CHUNK_OPS; i++) {
        sem_wait(&semaphore);
        sem_post(&semaphore);
    }
}

static void
bench_sem_free(void)
{
    become_threaded();
    sem_init(&semaphore, 0, 1);
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, take_and_post);
}

static void
ask_by_number(void)
{
    for (unsigned i = 0; i < CHUNK_OPS; i++)
        syscall(SYS_getppid);
}

static void
bench_syscall(void)
{
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, ask_by_number);
}

static void
write_lines(void)
{
    rewind(lines);
    for (unsigned i = 0; i < CHUNK_OPS; i++)
        if (fwrite("forty bytes of text, and the last is LF\n", 40, 1, lines) != 1)
            truth_fail("fwrite", 0);
}

static void
read_lines(void)
{
    char line[64];

    for (unsigned i = 0; i < CHUNK_OPS; i++)
        if (fgets(line, sizeof line, lines) == NULL)
            truth_fail("fgets", 0);
}

static void
rewind_lines(void)
{
    rewind(lines);
}

static void
bench_fwrite(void)
{
    lines = tmpfile();
    become_threaded();
    measure_chunks(CHUNKS, CHUNK_OPS, NULL, write_lines);
}

static void
bench_fgets(void)
{
    lines = tmpfile();
    become_threaded();
    write_lines();
    measure_chunks(CHUNKS, CHUNK_OPS, rewind_lines, read_lines);
}

/* --- Waits for a byte --- */

static void *
echo(void *unused)
{
    char byte;

    (void)unused;
    while (read(there[0], &byte, 1) == 1)
        if (write(back[1], &byte, 1) != 1)
            truth_fail("write", 0);
    return NULL;
}

static void
play_ping_pong(void)
{
    char byte = 0;

    for (unsigned i = 0; i < HANDOFFS_A_CHUNK; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            truth_fail("ping-pong", 0);
}

static void
bench_read_blocked(void)
{
    pthread_t thread;

    start_thread(&thread, echo, NULL);
    measure_chunks(HANDOFF_CHUNKS, HANDOFFS_A_CHUNK, NULL, play_ping_pong);
}

/* --- Conditions --- */

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned whose_turn; /* guarded by mutex: 0 or 1 */

static void
pass_turn(unsigned me)
{
    pthread_mutex_lock(&mutex);
    while (whose_turn != me)
        pthread_cond_wait(&cond, &mutex);
    whose_turn = !me;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
}

static void *
pass_turns_back(void *unused)
{
    (void)unused;
    for (;;)
        pass_turn(1);
    return NULL;
}

static void
pass_turns(void)
{
    for (unsigned i = 0; i < HANDOFFS_A_CHUNK; i++)
        pass_turn(0);
}

static void
bench_cond_handoff(void)
{
    pthread_t thread;

    start_thread(&thread, pass_turns_back, NULL);
    measure_chunks(HANDOFF_CHUNKS, HANDOFFS_A_CHUNK, NULL, pass_turns);
}

/* --- The list of cases --- */

static const struct bench_case {
    const char *name;
    void (*run)(void);
    int pinned; /* to one CPU: what crosses between CPUs is the machine's noise, not ours */
} cases[] = {
    {"lock_threaded", bench_lock_threaded, 1},
    {"lock_single", bench_lock_single, 1},
    {"lock_many", bench_lock_many, 1},
    {"contended_2_short", bench_contended_2_short, 0},
    {"contended_4_medium", bench_contended_4_medium, 0},
    {"contended_8_medium", bench_contended_8_medium, 0},
    {"contended_8_long", bench_contended_8_long, 0},
    {"contended_4_sleeping", bench_contended_4_sleeping, 0},
    {"wait_in_vain", bench_wait_in_vain, 1},
    {"read_ready", bench_read_ready, 1},
    {"recv_ready", bench_recv_ready, 1},
    {"write_ready", bench_write_ready, 1},
    {"poll_at_once", bench_poll_at_once, 1},
    {"poll_ready", bench_poll_ready, 1},
    {"sem_free", bench_sem_free, 1},
    {"syscall", bench_syscall, 1},
    {"fwrite", bench_fwrite, 1},
    {"fgets", bench_fgets, 1},
    {"read_blocked", bench_read_blocked, 1},
    {"cond_handoff", bench_cond_handoff, 1},
};

int
main(int argc, char **argv)
{
    if (pipe(there) != 0 || pipe(back) != 0)
        truth_fail("pipe", 0);
    for (unsigned i = 0; argc == 2 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[1]) != 0)
            continue;
        if (cases[i].pinned)
            pin_to_last_cpu();
        cases[i].run();
        fflush(stdout);
        _exit(0); /* threads that never end go with us */
    }
    fprintf(stderr, "usage: operations CASE\n");
    return 2;
}
