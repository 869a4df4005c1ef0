/*
 * Waits in functions whose stack is known, by each way into the profiler: a lock, a condition, a
 * read, a futex, and a lock in a signal handler that interrupted a function without a frame. The
 * region must hold the whole stack of each, frame by frame: every function here notes the address
 * that it returns to. Arguments: `alternate` has the handler run on a stack of its own; `no-tables`
 * says that the program has no call frame information, and leaves the signal out: without tables
 * nothing tells what a signal interrupted.
 */
#include "../transparency/expect.h"

#include <alloca.h>
#include <link.h>
#include <linux/futex.h>
#include <signal.h>

#include "../transparency/expect_region.h"

#define LEVELS 6
#define MAX_RETURNS 16
#define NEVER_INLINE __attribute__((noinline, noipa))

typedef void wait_function(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool condition;
static int pipe_ends[2];
static uint32_t futex_word;
static atomic_int waiter;   /* its thread */
static atomic_int spinning; /* 1: the waiter is in the function without a frame */
static uintptr_t returns[MAX_RETURNS];
static int return_count;

#define NOTE_RETURN() (returns[return_count++] = (uintptr_t)__builtin_return_address(0))
/* Keeps a call from being the function's last act, whose frame would be gone. */
#define NOT_LAST() __asm__ volatile("" ::: "memory")

NEVER_INLINE static void
wait_for_mutex(void)
{
    NOTE_RETURN();
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    NOT_LAST();
}

NEVER_INLINE static void
wait_for_cond(void)
{
    NOTE_RETURN();
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    while (!condition)
        EXPECT_EQ(pthread_cond_wait(&cond, &mutex), 0);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    NOT_LAST();
}

NEVER_INLINE static void
wait_for_read(void)
{
    char byte;

    NOTE_RETURN();
    EXPECT_EQ(read(pipe_ends[0], &byte, 1), 1);
    NOT_LAST();
}

NEVER_INLINE static void
wait_for_futex(void)
{
    NOTE_RETURN();
    EXPECT_EQ(syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
    NOT_LAST();
}

static void
handle_signal(int number)
{
    (void)number;
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    spinning = 0;
}

/* Calls nothing: where it returns to stays in a register if the processor has one for that. */
NEVER_INLINE static void
spin(atomic_int *flag)
{
    atomic_store(flag, 1);
    while (atomic_load_explicit(flag, memory_order_relaxed) != 0)
        continue;
}

NEVER_INLINE static void
wait_in_handler(void)
{
    NOTE_RETURN();
    spin(&spinning);
    NOT_LAST();
}

NEVER_INLINE static void
go_down(int levels, wait_function *wait)
{
    volatile char room[40];

    NOTE_RETURN();
    room[0] = 1;
    if (levels == LEVELS / 2) {
        volatile char *more = alloca((size_t)levels * 1000);

        more[levels] = room[0];
    }
    if (levels == 0)
        wait();
    else
        go_down(levels - 1, wait);
    NOT_LAST();
}

NEVER_INLINE static void *
waiter_body(void *argument)
{
    wait_function **wait = argument;
    stack_t other = {.ss_size = 262144, .ss_sp = malloc(262144)};

    return_count = 0;
    NOTE_RETURN();
    EXPECT_EQ(sigaltstack(&other, NULL), 0);
    waiter = expect_tid();
    go_down(LEVELS - 1, *wait);
    other.ss_flags = SS_DISABLE;
    EXPECT_EQ(sigaltstack(&other, NULL), 0);
    free(other.ss_sp);
    return NULL;
}

/* --- What the region must hold ---------------------------------------------------------------- */

struct wanted {
    wait_function *wait;
    const char *function;
    void (*innermost)(int); /* the handler that waits, NULL: it is `wait` that does */
    int found;              /* a condition has two: for the signal, and for the mutex */
    char difference[160];   /* of a stack that has the right leaf, but is not whole */
};

static uint64_t
link_time(uintptr_t address)
{
    struct link_map *map = NULL;
    Dl_info info;

    if (dladdr1((void *)address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
        return address;
    return address - map->l_addr;
}

/* Is the address in this function? Not if another of these begins between the two. */
static bool
is_in(uint64_t frame, uintptr_t function)
{
    const uintptr_t starts[] = {
        (uintptr_t)wait_for_mutex,  (uintptr_t)wait_for_cond, (uintptr_t)wait_for_read,
        (uintptr_t)wait_for_futex,  (uintptr_t)handle_signal, (uintptr_t)spin,
        (uintptr_t)wait_in_handler, (uintptr_t)go_down,       (uintptr_t)waiter_body,
    };
    uint64_t address = frame & WP_FRAME_ADDRESS_MASK;

    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        if (starts[i] > function && link_time(starts[i]) < address)
            return false;
    }
    return address >= link_time(function);
}

/* Frame by frame. The bottom is libc's first function of a thread, and the system call that made
 * the thread: the address in the first was noted, that in the second is not known. */
static void
compare(const struct wp_region_stack *stack, const char *function, void *context)
{
    struct wanted *wanted = context;
    const uint64_t *frame = stack->frames;
    size_t size = sizeof(wanted->difference);
    int signal_frames = wanted->innermost != NULL ? 3 : 0;
    int depth = 1 + signal_frames + return_count + 1;

    if (strcmp(function, wanted->function) != 0 || stack->profile != WP_PROFILE_BLOCK)
        return;
    if (!is_in(*frame,
               wanted->innermost != NULL ? (uintptr_t)wanted->innermost : (uintptr_t)wanted->wait))
        return;
    if (stack->depth != depth) {
        snprintf(wanted->difference, size, "%d frames, not %d; the last is %#llx", stack->depth,
                 depth, (unsigned long long)frame[stack->depth - 1]);
        return;
    }
    frame++;
    if (signal_frames != 0) { /* trampoline, what was interrupted, its caller */
        if ((frame[1] & WP_FRAME_EXACT) == 0 || !is_in(frame[1], (uintptr_t)spin) ||
            !is_in(frame[2], (uintptr_t)wanted->wait)) {
            snprintf(wanted->difference, size, "%#llx, %#llx behind the signal",
                     (unsigned long long)frame[1], (unsigned long long)frame[2]);
            return;
        }
        frame += signal_frames;
    }
    for (int i = return_count - 1; i >= 0; i--, frame++) {
        if ((*frame & (WP_FRAME_ADDRESS_MASK | WP_FRAME_EXACT)) != link_time(returns[i])) {
            snprintf(wanted->difference, size, "%#llx where %#llx was returned to",
                     (unsigned long long)*frame, (unsigned long long)link_time(returns[i]));
            return;
        }
    }
    wanted->found++;
}

static void
expect_stack(wait_function *wait, const char *function, void (*innermost)(int))
{
    struct wanted wanted = {.wait = wait, .function = function, .innermost = innermost};
    const struct wp_region_header *region;

    if (!expect_is_preloaded())
        return;
    region = expect_own_region();
    expect_each_stack(region, compare, &wanted);
    if (wanted.difference[0] != '\0')
        expect_fail(__FILE__, __LINE__, "%s: %s", function, wanted.difference);
    if (wanted.found == 0)
        expect_fail(__FILE__, __LINE__, "%s: no stack that begins in its caller", function);
    EXPECT_EQ(expect_counter(region, WP_COUNTER_unwind_failed), 0);
}

/* --- The waits -------------------------------------------------------------------------------- */

static pthread_t
start(wait_function **wait)
{
    waiter = 0;
    return expect_thread(waiter_body, wait);
}

static void
expect_blocked(long system_call)
{
    while (waiter == 0)
        expect_pause_ms(1);
    expect_blocked_in(waiter, system_call);
}

static void
release_mutex(void)
{
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void
release_cond(void)
{
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    condition = true;
    EXPECT_EQ(pthread_cond_signal(&cond), 0);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void
release_read(void)
{
    EXPECT_EQ(write(pipe_ends[1], "x", 1), 1);
}

static void
release_futex(void)
{
    EXPECT_EQ(syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
}

static void
expect_wait(wait_function *wait, long system_call, void (*release)(void), const char *function)
{
    pthread_t thread = start(&wait);

    expect_blocked(system_call);
    release();
    expect_join(thread);
    expect_stack(wait, function, NULL);
}

static void
wait_in_a_signal_handler(int flags)
{
    struct sigaction action = {.sa_handler = handle_signal, .sa_flags = flags};
    wait_function *wait = wait_in_handler;
    pthread_t thread;

    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    thread = start(&wait);
    while (!spinning)
        expect_pause_ms(1);
    EXPECT_EQ(pthread_kill(thread, SIGUSR1), 0);
    expect_blocked(SYS_futex);
    release_mutex();
    expect_join(thread);
}

int
main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";

    EXPECT_EQ(pipe(pipe_ends), 0);

    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    expect_wait(wait_for_mutex, SYS_futex, release_mutex, "pthread_mutex_lock");
    expect_wait(wait_for_cond, SYS_futex, release_cond, "pthread_cond_wait");
    expect_wait(wait_for_read, SYS_read, release_read, "read");
    expect_wait(wait_for_futex, SYS_futex, release_futex, "syscall");
    if (strcmp(way, "no-tables") == 0)
        return 0;
    wait_in_a_signal_handler(strcmp(way, "alternate") == 0 ? SA_ONSTACK : 0);
    expect_stack(wait_in_handler, "pthread_mutex_lock", handle_signal);
    return 0;
}
