/*
 * syscall(): every argument, errno, calls that return twice, and those that the profiler watches.
 * Futexes and io_uring are in files of their own.
 */
#include "syscall_parts.h"

#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>

#include "../expect.h"
#include "row_wait.h"

long
syscall_make(const struct syscall_call *call)
{
    const long *arguments = call->arguments;

    return call->function(call->number, arguments[0], arguments[1], arguments[2], arguments[3],
                          arguments[4], arguments[5]);
}

/* --- arguments and errors --------------------------------------------------------------------- */

/* mmap takes six: the page that is mapped shows that the sixth arrived, its place the first. */
static void
syscall_passes_six_arguments(row_type_syscall function)
{
    char *place = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = row_file("");

    EXPECT(place != MAP_FAILED);
    EXPECT_EQ(pwrite(fd, "page two", 8, 2 * 4096), 8);
    EXPECT_EQ(ftruncate(fd, 3 * 4096), 0);
    EXPECT_RETURNS(function(SYS_mmap, syscall_pointer(place), 4096, PROT_READ,
                            MAP_SHARED | MAP_FIXED, fd, 2 * 4096),
                   syscall_pointer(place));
    EXPECT(memcmp(place, "page two", 9) == 0);
    EXPECT_RETURNS(function(SYS_munmap, syscall_pointer(place), 4096, 0, 0, 0, 0), 0);
    EXPECT_EQ(close(fd), 0);
}

static void
syscall_sets_errno(row_type_syscall function)
{
    static const long unknown[] = {100000, -1, 0x7fffffff};

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        EXPECT_FAILS(function(unknown[i], 0, 0, 0, 0, 0, 0), ENOSYS);
    EXPECT_FAILS(function(SYS_close, -1, 0, 0, 0, 0, 0), EBADF);
    EXPECT_FAILS(function(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    EXPECT_FAILS(function(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1),
                 EINVAL);
    EXPECT_FAILS(function(SYS_read, STDIN_FILENO, 1, -1, 0, 0, 0), EFAULT);
    EXPECT_RETURNS(function(SYS_gettid, 0, 0, 0, 0, 0, 0), expect_tid());
    EXPECT_RETURNS(function(SYS_getppid, 0, 0, 0, 0, 0, 0), getppid());
}

/* --- a call that waits and is not timed ------------------------------------------------------- */

static row_type_syscall syscall_tested;

static long
syscall_read(void *argument)
{
    const int *fds = argument;
    char byte = 0;

    return syscall_tested(SYS_read, fds[0], syscall_pointer(&byte), 1, 0, 0, 0);
}

static void
syscall_write(void *argument)
{
    const int *fds = argument;

    row_put(fds[1], "x", 1);
}

/* Whatever it calls, syscall() itself is no cancellation point. */
static void
syscall_is_interrupted_and_not_cancelled(row_type_syscall function)
{
    int fds[2];
    const struct row_call call = {syscall_read, fds, syscall_write};
    struct row_outcome outcome;

    syscall_tested = function;
    row_small_pipe(fds);
    EXPECT_EQ(row_interrupt(&call, 0).error, EINTR);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, 1);
    EXPECT_EQ(outcome.handled, 1);
    outcome = row_cancel(&call);
    EXPECT_EQ(outcome.result, 1);
    EXPECT(!outcome.cancelled);
    EXPECT_EQ(close(fds[0]), 0);
    EXPECT_EQ(close(fds[1]), 0);
}

/* --- calls that return twice ------------------------------------------------------------------ */

#define SYSCALL_CHILD_STATUS 23

/* Ends the process without a call: the parent's stack is in use, and what is below it is not. */
static inline __attribute__((always_inline, noreturn)) void
syscall_exit_at_once(void)
{
#if defined(__x86_64__)
    __asm__ volatile("syscall" : : "a"((long)SYS_exit), "D"((long)SYSCALL_CHILD_STATUS));
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_exit;
    register long status __asm__("x0") = SYSCALL_CHILD_STATUS;

    __asm__ volatile("svc #0" : : "r"(number), "r"(status));
#else
#error "no exit_at_once for this processor: write it here"
#endif
    __builtin_unreachable();
}

static void
syscall_expect_child(long child)
{
    EXPECT(child > 0);
    EXPECT_EQ(expect_wait_status((pid_t)child), SYSCALL_CHILD_STATUS << 8);
}

static void
syscall_forks(row_type_syscall function)
{
    int tid = 0;
    long child =
        function(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, syscall_pointer(&tid), 0, 0, 0);

    if (child == 0)
        syscall_exit_at_once();
    EXPECT_EQ(tid, child);
    syscall_expect_child(child);
#if defined(SYS_fork)
    child = function(SYS_fork, 0, 0, 0, 0, 0, 0);
    if (child == 0)
        syscall_exit_at_once();
    syscall_expect_child(child);
#endif
}

#if defined(__x86_64__)

/* The child uses its parent's stack until it exits. */
static void
syscall_vforks(row_type_syscall function)
{
    long child = function(SYS_vfork, 0, 0, 0, 0, 0, 0);

    if (child == 0)
        syscall_exit_at_once();
    syscall_expect_child(child);
}

static volatile int syscall_child_ran;

__attribute__((noreturn)) static void
syscall_run_on_new_stack(void)
{
    syscall_child_ran = 1;
    syscall_exit_at_once();
}

/* The child returns from syscall() on a stack of its own, whose top says where to: nobody may have
 * put anything on the old one in between. */
static void
syscall_clones_onto_new_stack(row_type_syscall function)
{
    static void *stack[512] __attribute__((aligned(16)));
    void **top = &stack[510];
    void (*entry)(void) = syscall_run_on_new_stack;
    long child;

    memcpy(top, &entry, sizeof(entry));
    child = function(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, syscall_pointer(top), 0, 0, 0, 0);
    syscall_expect_child(child);
    EXPECT_EQ(syscall_child_ran, 1);
}

#endif

/* --- calls that the profiler watches ---------------------------------------------------------- */

static void
syscall_makes_watched_calls(row_type_syscall function)
{
    uint32_t action = SECCOMP_RET_ALLOW;
    char name[16] = "";
    pid_t child;

    EXPECT_RETURNS(function(SYS_prctl, PR_SET_NAME, syscall_pointer("by number"), 0, 0, 0, 0), 0);
    EXPECT_RETURNS(function(SYS_prctl, PR_GET_NAME, syscall_pointer(name), 0, 0, 0, 0), 0);
    EXPECT(strcmp(name, "by number") == 0);
    EXPECT_FAILS(function(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1, 0), EINVAL);
    EXPECT_FAILS(function(SYS_prctl, PR_SET_SECCOMP, 4711, 0, 0, 0, 0), EINVAL);
    EXPECT_RETURNS(
        function(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, syscall_pointer(&action), 0, 0, 0), 0);
    action = 0x12340000;
    EXPECT_FAILS(
        function(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, syscall_pointer(&action), 0, 0, 0),
        EOPNOTSUPP);
    EXPECT_FAILS(function(SYS_seccomp, 4711, 0, 0, 0, 0, 0), EINVAL);

    child = fork();
    if (child == 0) {
        EXPECT_FAILS(function(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0, 0, 0, 0), EFAULT);
        EXPECT_FAILS(function(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, 0, 0, 0, 0), EINVAL);
        if (function(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0, 0, 0, 0) == 0)
            syscall_exit_at_once();
        _exit(1);
    }
    syscall_expect_child(child);
}

ROW_CASE(syscall)
{
    const char *missing;

    syscall_passes_six_arguments(function);
    syscall_sets_errno(function);
    syscall_is_interrupted_and_not_cancelled(function);
    syscall_forks(function);
#if defined(__x86_64__)
    syscall_vforks(function);
    syscall_clones_onto_new_stack(function);
#endif
    syscall_makes_watched_calls(function);
    row_expect_no_sample();

    missing = syscall_check_futex(function);
    if (missing == NULL)
        missing = syscall_check_futex_locks(function);
    if (missing == NULL)
        missing = syscall_check_io_uring(function);
    if (missing != NULL)
        row_skip("The kernel does not let this user have %s.", missing);
}
