/*
 * What the sample programs of this directory share: checks that name file and line and end the
 * program, a second thread that does as it is told, and the proof that the preload was in force.
 *
 * A program includes it in one source file. It runs bare and preloaded, and must pass both ways:
 * the bare run proves that what is expected is what libc does.
 */
#ifndef WP_TESTS_TRANSPARENCY_EXPECT_H
#define WP_TESTS_TRANSPARENCY_EXPECT_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __cplusplus
#include <atomic>
using std::atomic_int;
#else
#include <stdatomic.h>
#endif

/* No function of libc sets errno to this; what is found unchanged afterwards was left alone. */
#define EXPECT_ERRNO_MARK 7777

/* --- Checks --- */

/* Prints and ends the program with status 1, from any thread; _exit, since handlers of the program
 * may be what is under test. */
__attribute__((format(printf, 3, 4), noreturn)) static inline void
expect_fail(const char *file, int line, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    dprintf(STDERR_FILENO, "%s:%d: %s\n", file, line, text);
    _exit(1);
}

static inline void
expect_equal(const char *file, int line, const char *what, long long actual, long long expected)
{
    if (actual != expected)
        expect_fail(file, line, "%s is %lld, not %lld", what, actual, expected);
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            expect_fail(__FILE__, __LINE__, "not true: %s", #condition);                           \
    } while (0)

#define EXPECT_EQ(actual, expected) expect_equal(__FILE__, __LINE__, #actual, (actual), (expected))

/* The call returns `expected` and leaves errno alone. */
#define EXPECT_RETURNS(call, expected)                                                             \
    do {                                                                                           \
        errno = EXPECT_ERRNO_MARK;                                                                 \
        expect_equal(__FILE__, __LINE__, #call, (call), (expected));                               \
        expect_equal(__FILE__, __LINE__, "errno after " #call, errno, EXPECT_ERRNO_MARK);          \
    } while (0)

/* The call returns -1 and sets errno to `error`. */
#define EXPECT_FAILS(call, error)                                                                  \
    do {                                                                                           \
        errno = EXPECT_ERRNO_MARK;                                                                 \
        expect_equal(__FILE__, __LINE__, #call, (call), -1);                                       \
        expect_equal(__FILE__, __LINE__, "errno after " #call, errno, (error));                    \
    } while (0)

/* --- Is the preload in force? --- */

static inline const char *
expect_mode(void)
{
    const char *mode = getenv("WAITPROF_TEST_MODE");

    return mode != NULL ? mode : "bare";
}

/* True in the runs whose rates are 1/1; "off" is preloaded with rates 0/0. */
static inline bool
expect_is_preloaded(void)
{
    return strcmp(expect_mode(), "preloaded") == 0;
}

/* Runs before main, so that no program can forget it. A sanitizer's runtime stands before the
 * library and answers RTLD_DEFAULT; programs built so look for the loaded library instead. The
 * tests' own libraries define EXPECT_NO_PROOF: in their constructors the environment may not be
 * there yet. */
#ifndef EXPECT_NO_PROOF
__attribute__((constructor)) static void
expect_preload_as_announced(void)
{
    bool wanted = strcmp(expect_mode(), "bare") != 0;
    bool found;
#ifdef EXPECT_ONLY_LOADED
    found = dlopen("libwaitprof.so", RTLD_LAZY | RTLD_NOLOAD) != NULL;
#else
    Dl_info info;
    void *lock = dlsym(RTLD_DEFAULT, "pthread_mutex_lock");

    found = lock != NULL && dladdr(lock, &info) != 0 && strstr(info.dli_fname, "libwaitprof.so");
#endif
    if (wanted != found)
        expect_fail(__FILE__, __LINE__, "libwaitprof.so is %s force, but this is a %s run",
                    found ? "in" : "not in", expect_mode());
}
#endif

/* The function as libc itself has it, whatever is preloaded: what a wrapper must agree with. */
static inline void *
expect_libc_function(const char *name)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void *function = libc != NULL ? dlsym(libc, name) : NULL;

    if (function == NULL)
        expect_fail(__FILE__, __LINE__, "libc has no %s", name);
    return function;
}

/* --- Time --- */

static inline int64_t
expect_now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The absolute time `ms` from now, which may be negative. */
static inline struct timespec
expect_deadline(clockid_t clock, int ms)
{
    int64_t at = expect_now_ns(clock) + (int64_t)ms * 1000000;
    struct timespec deadline;

    deadline.tv_sec = at / 1000000000;
    deadline.tv_nsec = at % 1000000000;
    return deadline;
}

static inline void
expect_pause_ms(int ms)
{
    struct timespec pause;

    pause.tv_sec = ms / 1000;
    pause.tv_nsec = (long)(ms % 1000) * 1000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, &pause) == EINTR)
        continue;
}

/* --- Other threads and processes --- */

static inline pid_t
expect_tid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/*
 * Under an emulator the kernel knows a system call by the number that it has on the machine: the
 * header has a row {number here, number there} for each. And it may sit in one of the emulator's
 * own for a moment: only one that it sits in for longer counts.
 */
#if defined(EXPECT_HOST_SYSCALLS)
static inline long
expect_host_number(long number)
{
    static const struct {
        long here, there;
    } rows[] = {
#include EXPECT_HOST_SYSCALLS
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].here == number)
            return rows[i].there;
    return -1;
}
#define EXPECT_BLOCKED_TIMES 5
#else
static inline long
expect_host_number(long number)
{
    return number;
}
#define EXPECT_BLOCKED_TIMES 1
#endif

/* Returns once thread `tid` of this process sits in the system call `number`. Reads through
 * syscall(): this function must not add to what a test counts. */
static inline void
expect_blocked_in(pid_t tid, long number)
{
    char path[64];
    char text[64];
    int times = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)tid);
    for (int i = 0; i < 5000; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        long length = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof(text) - 1);

        if (fd >= 0)
            close(fd);
        text[length > 0 ? length : 0] = '\0';
        if (length > 0 && text[0] >= '0' && text[0] <= '9' &&
            strtol(text, NULL, 10) == expect_host_number(number))
            times++;
        else
            times = 0;
        if (times == EXPECT_BLOCKED_TIMES)
            return;
        expect_pause_ms(1);
    }
    expect_fail(__FILE__, __LINE__, "thread %d never blocked in system call %ld", (int)tid, number);
}

static inline pthread_t
expect_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    EXPECT_EQ(pthread_create(&thread, NULL, body, argument), 0);
    return thread;
}

static inline void *
expect_join(pthread_t thread)
{
    void *result = NULL;

    EXPECT_EQ(pthread_join(thread, &result), 0);
    return result;
}

/* Waits for the child and returns its wait status. */
static inline int
expect_wait_status(pid_t child)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0)
        EXPECT_EQ(errno, EINTR);
    return status;
}

/* --- An actor: a second thread that does one thing at a time, as it is told --- */

struct actor {
    pthread_t thread;
    atomic_int tid;
    sem_t go, done;
    int (*action)(void *);
    void *argument;
    int result;
};

static inline void *
actor_body(void *argument)
{
    struct actor *actor = (struct actor *)argument;

    actor->tid = expect_tid();
    sem_post(&actor->done);
    for (;;) {
        while (sem_wait(&actor->go) != 0)
            continue;
        if (actor->action == NULL)
            return NULL;
        actor->result = actor->action(actor->argument);
        sem_post(&actor->done);
    }
}

static inline void
actor_wait_done(struct actor *actor)
{
    while (sem_wait(&actor->done) != 0)
        continue;
}

static inline void
actor_start(struct actor *actor)
{
    EXPECT_EQ(sem_init(&actor->go, 0, 0), 0);
    EXPECT_EQ(sem_init(&actor->done, 0, 0), 0);
    actor->thread = expect_thread(actor_body, actor);
    actor_wait_done(actor);
}

/* Starts an action and does not wait for it; one at a time. */
static inline void
actor_begin(struct actor *actor, int (*action)(void *), void *argument)
{
    actor->action = action;
    actor->argument = argument;
    sem_post(&actor->go);
}

static inline int
actor_end(struct actor *actor)
{
    actor_wait_done(actor);
    return actor->result;
}

static inline int
actor_do(struct actor *actor, int (*action)(void *), void *argument)
{
    actor_begin(actor, action, argument);
    return actor_end(actor);
}

/* The thread ends; robust mutexes that it holds lose their owner. */
static inline void
actor_stop(struct actor *actor)
{
    actor_begin(actor, NULL, NULL);
    expect_join(actor->thread);
    sem_destroy(&actor->go);
    sem_destroy(&actor->done);
}

#endif
