/* A thread that may not read the processor's time-stamp counter, nor so the clock that libc has in
 * user space, and then waits: the profiler must not read it for the thread. */
#include "expect.h"

#include <signal.h>
#include <sys/prctl.h>

#define NOT_SUPPORTED 77

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pipe_fds[2];
static pid_t restricted;

static int
forbid_by_prctl(void)
{
    return prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

static int
forbid_by_syscall(void)
{
    return (int)syscall(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

static int
take(void *unused)
{
    (void)unused;
    return pthread_mutex_lock(&mutex);
}

/* On a thread that was made before and may read the counter. */
static int
write_and_unlock(void *unused)
{
    (void)unused;
    expect_blocked_in(restricted, SYS_read);
    EXPECT_EQ(write(pipe_fds[1], "x", 1), 1);
    expect_blocked_in(restricted, SYS_futex);
    return pthread_mutex_unlock(&mutex);
}

__attribute__((noreturn)) static void
be_child(int (*forbid)(void))
{
    struct actor holder;
    char byte;

    EXPECT_EQ(pipe(pipe_fds), 0);
    actor_start(&holder);
    EXPECT_EQ(actor_do(&holder, take, NULL), 0);
    restricted = expect_tid();
    if (forbid() != 0)
        _exit(errno == EINVAL ? NOT_SUPPORTED : 2);
    actor_begin(&holder, write_and_unlock, NULL);
    EXPECT_RETURNS(read(pipe_fds[0], &byte, 1), 1);
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
    EXPECT_EQ(actor_end(&holder), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    _exit(0);
}

/* Returns false where threads cannot be forbidden to read the counter. */
static bool
child_lives(const char *name, int (*forbid)(void))
{
    pid_t child = fork();

    EXPECT(child >= 0);
    if (child == 0)
        be_child(forbid);
    int status = expect_wait_status(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SUPPORTED)
        return false;
    if (status != 0)
        expect_fail(__FILE__, __LINE__, "forbidden by %s: the child's wait status is 0x%x, not 0",
                    name, (unsigned)status);
    return true;
}

int
main(void)
{
    if (child_lives("prctl", forbid_by_prctl) && child_lives("syscall", forbid_by_syscall))
        return 0;
    printf("skipped: PR_SET_TSC is not supported here\n");
    return NOT_SUPPORTED;
}
