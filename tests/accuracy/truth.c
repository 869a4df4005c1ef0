#include "truth.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 131072u
#define MAX_PATHS 128u

/* A wait from start_ns to end_ns, or (start_ns 0) an unlock at end_ns. */
struct event {
    const char *path;
    const void *object;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t blame_ns; /* of an unlock, derived */
    uint32_t
        arrived_waits; /* of an unlock, derived: waits that no earlier unlock is to blame for */
    enum truth_kind kind;
};

struct total {
    const char *path;
    uint64_t count;
    uint64_t delay_ns;
};

static struct event events[MAX_EVENTS];
static uint32_t event_count; /* atomic */

uint64_t
truth_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
truth_fail(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, strerror(error != 0 ? error : errno));
    exit(3);
}

static struct event *
add_event(void)
{
    uint32_t index = __atomic_fetch_add(&event_count, 1, __ATOMIC_RELAXED);

    if (index >= MAX_EVENTS)
        truth_fail("more events than the table of truths holds", ENOSPC);
    return &events[index];
}

void
truth_wait(const char *path, enum truth_kind kind, const void *object, uint64_t start_ns,
           uint64_t end_ns)
{
    *add_event() = (struct event){
        .path = path, .kind = kind, .object = object, .start_ns = start_ns, .end_ns = end_ns};
}

void
truth_unlock(const char *path, const void *object, uint64_t now_ns)
{
    *add_event() = (struct event){.path = path, .object = object, .end_ns = now_ns};
}

/* By object, then by the time at which an unlock was or a wait began. */
static uint64_t
sort_time(const struct event *event)
{
    return event->start_ns != 0 ? event->start_ns : event->end_ns;
}

static int
compare_events(const void *left, const void *right)
{
    const struct event *a = left;
    const struct event *b = right;

    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    return (sort_time(a) > sort_time(b)) - (sort_time(a) < sort_time(b));
}

/* Charges one unlock with the overlap of `wait` since the unlock before. Returns the charge. */
static uint64_t
charge(struct event *unlock, const struct event *wait, uint64_t previous_unlock_ns)
{
    uint64_t from_ns = wait->start_ns > previous_unlock_ns ? wait->start_ns : previous_unlock_ns;
    uint64_t until_ns = unlock->end_ns;

    /* Who acquired the lock before this unlock waited for another; who gave up, for this one. */
    if (wait->end_ns <= until_ns) {
        if (wait->kind != TRUTH_LOCK_IN_VAIN || wait->end_ns <= previous_unlock_ns)
            return 0;
        until_ns = wait->end_ns;
    }
    if (wait->kind == TRUTH_OTHER || wait->start_ns >= until_ns)
        return 0;
    unlock->blame_ns += until_ns - from_ns;
    if (wait->start_ns >= previous_unlock_ns)
        unlock->arrived_waits++;
    return until_ns - from_ns;
}

static int
is_for_lock(const struct event *wait)
{
    return wait->kind == TRUTH_LOCK || wait->kind == TRUTH_LOCK_IN_VAIN;
}

/* Sorts the events and derives the blame of each unlock. Returns the blame in waits for locks. */
static uint64_t
derive_blame(void)
{
    uint64_t lock_blame_ns = 0;
    uint64_t previous_unlock_ns = 0;
    uint32_t first = 0; /* of this object */

    qsort(events, event_count, sizeof events[0], compare_events);
    for (uint32_t i = 0; i < event_count; i++) {
        if (events[i].object != events[first].object) {
            first = i;
            previous_unlock_ns = 0;
        }
        if (events[i].start_ns != 0)
            continue;
        for (uint32_t j = first; j < i; j++) {
            uint64_t charged_ns;

            if (events[j].start_ns == 0)
                continue;
            charged_ns = charge(&events[i], &events[j], previous_unlock_ns);
            if (is_for_lock(&events[j]))
                lock_blame_ns += charged_ns;
        }
        previous_unlock_ns = events[i].end_ns;
    }
    return lock_blame_ns;
}

static void
add_total(struct total *totals, const char *path, uint64_t count, uint64_t delay_ns)
{
    uint32_t i = 0;

    while (i < MAX_PATHS && totals[i].path != NULL && strcmp(totals[i].path, path) != 0)
        i++;
    if (i == MAX_PATHS)
        truth_fail("more paths than the table of truths holds", ENOSPC);
    totals[i].path = path;
    totals[i].count += count;
    totals[i].delay_ns += delay_ns;
}

static void
print_totals(const char *profile, const struct total *totals)
{
    for (uint32_t i = 0; i < MAX_PATHS && totals[i].path != NULL; i++)
        printf("%s %s %" PRIu64 " %" PRIu64 "\n", profile, totals[i].path, totals[i].count,
               totals[i].delay_ns);
}

void
truth_print(void)
{
    static struct total block[MAX_PATHS];
    static struct total mutex[MAX_PATHS];
    static struct total lock[MAX_PATHS];
    uint64_t lock_blame_ns = derive_blame();
    uint64_t lock_waits_ns = 0;

    for (uint32_t i = 0; i < event_count; i++) {
        const struct event *event = &events[i];
        uint64_t delay_ns = event->end_ns - event->start_ns;

        if (event->start_ns == 0) {
            if (event->blame_ns > 0)
                add_total(mutex, event->path, event->arrived_waits, event->blame_ns);
            continue;
        }
        if (is_for_lock(event)) {
            lock_waits_ns += delay_ns;
            add_total(lock, event->path, 1, delay_ns);
        }
        add_total(block, event->path, 1, delay_ns);
    }
    print_totals("block", block);
    print_totals("mutex", mutex);
    print_totals("lock", lock);
    printf("lock_waits %" PRIu64 "\nlock_blame %" PRIu64 "\n", lock_waits_ns, lock_blame_ns);
}

void
truth_print_events(void)
{
    derive_blame();
    for (uint32_t i = 0; i < event_count; i++) {
        const struct event *event = &events[i];

        if (event->start_ns == 0 && event->blame_ns > 0)
            printf("blame %s %" PRIu64 "\n", event->path, event->blame_ns);
        if (event->start_ns != 0)
            printf("wait %s %" PRIu64 "\n", event->path, event->end_ns - event->start_ns);
    }
}

/* Makes the system call itself: libc's syscall() is a function that a profiler may wrap. */
static void
gate_futex(struct truth_gate *gate, long operation, long value)
{
#if defined(__x86_64__)
    register void *no_timeout __asm__("r10") = NULL;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((long)SYS_futex), "D"(&gate->open_count), "S"(operation), "d"(value),
                       "r"(no_timeout)
                     : "rcx", "r11", "memory");
    (void)result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_futex;
    register void *first __asm__("x0") = &gate->open_count;
    register long second __asm__("x1") = operation;
    register long third __asm__("x2") = value;
    register void *no_timeout __asm__("x3") = NULL;

    __asm__ volatile("svc #0"
                     : "+r"(first)
                     : "r"(number), "r"(second), "r"(third), "r"(no_timeout)
                     : "memory");
#else
#error "no system call of a gate for this processor: write it here"
#endif
}

void
truth_gate_open(struct truth_gate *gate)
{
    __atomic_fetch_add(&gate->open_count, 1, __ATOMIC_SEQ_CST);
    gate_futex(gate, FUTEX_WAKE_PRIVATE, 1);
}

void
truth_gate_pass(struct truth_gate *gate)
{
    uint32_t open_count = __atomic_load_n(&gate->open_count, __ATOMIC_SEQ_CST);

    for (;;) {
        if (open_count == 0) {
            gate_futex(gate, FUTEX_WAIT_PRIVATE, 0);
            open_count = __atomic_load_n(&gate->open_count, __ATOMIC_SEQ_CST);
            continue;
        }
        if (__atomic_compare_exchange_n(&gate->open_count, &open_count, open_count - 1, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return;
    }
}

void
truth_sleep_ns(uint64_t duration_ns)
{
    struct timespec left = {.tv_sec = (time_t)(duration_ns / 1000000000u),
                            .tv_nsec = (long)(duration_ns % 1000000000u)};

    while (syscall(SYS_nanosleep, &left, &left) != 0 && errno == EINTR) {
    }
}

pid_t
truth_thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* The state letter of /proc/self/task/TID/stat. The command name before it may hold anything. */
static char
thread_state(pid_t tid)
{
    char name[64];
    char stat[256];
    const char *end_of_command;
    long length;
    int fd;

    snprintf(name, sizeof name, "/proc/self/task/%d/stat", (int)tid);
    fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        truth_fail("cannot open a thread's stat", 0);
    length = syscall(SYS_read, fd, stat, sizeof stat - 1);
    syscall(SYS_close, fd);
    if (length <= 0)
        truth_fail("cannot read a thread's stat", 0);
    stat[length] = '\0';
    end_of_command = strrchr(stat, ')');
    return end_of_command != NULL && end_of_command[1] == ' ' ? end_of_command[2] : '?';
}

void
truth_await_sleeping(pid_t tid)
{
    char state = thread_state(tid);

    /* D: not to be woken by a signal, as who waits for its child in vfork. */
    while (state != 'S' && state != 'D') {
        truth_sleep_ns(50000);
        state = thread_state(tid);
    }
}

uint64_t
truth_used_ns(pthread_t thread)
{
    struct timespec used;
    clockid_t clock;

    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        truth_fail("cannot read a thread's processor time", 0);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

void
truth_await_spinning(pthread_t thread, uint64_t used_ns)
{
    while (truth_used_ns(thread) <= used_ns)
        truth_sleep_ns(50000);
}
