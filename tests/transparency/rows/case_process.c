/*
 * Children waited for. The functions differ in what they can be asked, so the checks that all pass
 * take a waiter: it waits for the one child there is.
 */
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/resource.h>

#include "../expect.h"
#include "row.h"

/* A child that ends with status 7 when told to. */
struct process_child {
    pid_t pid;
    int leash; /* closed, it ends */
    pid_t (*wait)(int *status);
    int status;
};

static struct process_child
process_start(pid_t (*wait_for_it)(int *status))
{
    struct process_child child = {.wait = wait_for_it};
    int fds[2];

    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    child.pid = fork();
    if (child.pid == 0) {
        char byte;

        close(fds[1]);
        syscall(SYS_read, fds[0], &byte, 1);
        _exit(7);
    }
    EXPECT(child.pid > 0);
    close(fds[0]);
    child.leash = fds[1];
    return child;
}

static void
process_let_end(void *object)
{
    const struct process_child *child = object;

    close(child->leash);
}

/* The child has ended and nobody has waited for it. */
static void
process_await_end(const struct process_child *child)
{
    siginfo_t info;

    while (syscall(SYS_waitid, P_PID, child->pid, &info, WEXITED | WNOWAIT, NULL) != 0)
        EXPECT_EQ(errno, EINTR);
}

static long
process_wait(void *object)
{
    struct process_child *child = object;

    return child->wait(&child->status);
}

static void
process_check_waits(pid_t (*wait_for_it)(int *status))
{
    struct process_child child = process_start(wait_for_it);
    struct row_call call = {process_wait, &child, process_let_end};
    struct row_outcome outcome = row_release(&call);
    siginfo_t info;

    EXPECT_EQ(outcome.result, child.pid);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    EXPECT_EQ(child.status, 7 << 8);
    child = process_start(wait_for_it);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, child.pid);
    EXPECT_EQ(outcome.handled, 1);
    child = process_start(wait_for_it);
    outcome = row_interrupt(&call, 0);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
    /* The child is still to be waited for. */
    EXPECT_EQ(syscall(SYS_waitid, P_PID, child.pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL), 0);
    process_let_end(&child);
    EXPECT_EQ(process_wait(&child), child.pid);
}

static void
process_check(pid_t (*wait_for_it)(int *status))
{
    struct process_child child;
    int status = -1;

    EXPECT_FAILS(wait_for_it(&status), ECHILD);
    EXPECT_EQ(status, -1);
    child = process_start(wait_for_it);
    process_let_end(&child);
    process_await_end(&child);
    EXPECT_RETURNS(wait_for_it(&status), child.pid);
    EXPECT_EQ(status, 7 << 8);
    child = process_start(wait_for_it);
    kill(child.pid, SIGKILL);
    EXPECT_RETURNS(wait_for_it(&status), child.pid);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    process_let_end(&child);
    child = process_start(wait_for_it);
    process_let_end(&child);
    EXPECT_RETURNS(wait_for_it(NULL), child.pid);
    process_check_waits(wait_for_it);
}

/* --- options --------------------------------------------------------------------------------- */

/* Any function of the family that takes options: of any child, with its usage where it has that. */
typedef pid_t (*process_waiter)(int *status, int options);

/* WNOHANG, WUNTRACED and WCONTINUED; nothing of that waits. */
static void
process_check_options(process_waiter wait_with)
{
    struct process_child child = process_start(NULL);
    int status = -1;

    EXPECT_RETURNS(wait_with(&status, WNOHANG), 0);
    EXPECT_EQ(status, -1);
    EXPECT_FAILS(wait_with(&status, WNOHANG | 0x40), EINVAL);
    row_expect_no_sample();
    kill(child.pid, SIGSTOP);
    EXPECT_RETURNS(wait_with(&status, WUNTRACED), child.pid);
    EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    EXPECT_RETURNS(wait_with(&status, WUNTRACED | WNOHANG), 0);
    kill(child.pid, SIGCONT);
    EXPECT_RETURNS(wait_with(&status, WCONTINUED), child.pid);
    EXPECT(WIFCONTINUED(status));
    process_let_end(&child);
    process_await_end(&child);
    EXPECT_RETURNS(wait_with(&status, WNOHANG), child.pid);
    EXPECT_EQ(status, 7 << 8);
    EXPECT_FAILS(wait_with(&status, WNOHANG), ECHILD);
}

ROW_CASE(wait)
{
    process_check(function);
}

static row_type_waitpid process_waitpid;

static pid_t
process_by_waitpid(int *status)
{
    return process_waitpid(-1, status, 0);
}

static pid_t
process_waitpid_with(int *status, int options)
{
    return process_waitpid(-1, status, options);
}

/* Which child: one, a group, the own group, anyone's. */
static void
process_check_choice(row_type_waitpid wait_for)
{
    struct process_child first = process_start(NULL);
    struct process_child second = process_start(NULL);
    int status;

    EXPECT_EQ(setpgid(second.pid, second.pid), 0);
    EXPECT_RETURNS(wait_for(-second.pid, &status, WNOHANG), 0);
    process_let_end(&first);
    process_let_end(&second);
    EXPECT_RETURNS(wait_for(-second.pid, &status, 0), second.pid);
    EXPECT_FAILS(wait_for(-second.pid, &status, 0), ECHILD);
    EXPECT_FAILS(wait_for(getpid(), &status, 0), ECHILD);
    EXPECT_FAILS(wait_for(INT32_MIN, &status, 0), ESRCH);
    EXPECT_RETURNS(wait_for(0, &status, 0), first.pid);
    second = process_start(NULL);
    process_let_end(&second);
    EXPECT_RETURNS(wait_for(second.pid, &status, 0), second.pid);
    EXPECT_FAILS(wait_for(second.pid, &status, 0x40), EINVAL);
}

ROW_CASE(waitpid)
{
    process_waitpid = function;
    process_check_options(process_waitpid_with);
    process_check_choice(function);
    process_check(process_by_waitpid);
}

static row_type_wait3 process_wait3;
static row_type_wait4 process_wait4;
static struct rusage process_usage;

static pid_t
process_wait3_with(int *status, int options)
{
    return process_wait3(status, options, &process_usage);
}

static pid_t
process_by_wait3(int *status)
{
    return process_wait3(status, 0, NULL);
}

static pid_t
process_wait4_with(int *status, int options)
{
    return process_wait4(-1, status, options, &process_usage);
}

static pid_t
process_by_wait4(int *status)
{
    return process_wait4(-1, status, 0, NULL);
}

static pid_t
process_wait4_as_waitpid(pid_t pid, int *status, int options)
{
    return process_wait4(pid, status, options, NULL);
}

/* A child's usage comes with it. */
static void
process_check_usage(process_waiter wait_with)
{
    struct process_child child = process_start(NULL);

    process_let_end(&child);
    memset(&process_usage, 0, sizeof(process_usage));
    EXPECT_RETURNS(wait_with(NULL, 0), child.pid);
    EXPECT(process_usage.ru_minflt > 0);
    EXPECT(process_usage.ru_maxrss > 0);
}

ROW_CASE(wait3)
{
    process_wait3 = function;
    process_check_options(process_wait3_with);
    process_check_usage(process_wait3_with);
    process_check(process_by_wait3);
}

ROW_CASE(wait4)
{
    process_wait4 = function;
    process_check_options(process_wait4_with);
    process_check_usage(process_wait4_with);
    process_check_choice(process_wait4_as_waitpid);
    process_check(process_by_wait4);
}

/* --- waitid ---------------------------------------------------------------------------------- */

static row_type_waitid process_waitid;

/* As waitpid answers: the status word of what waitid tells. */
static pid_t
process_by_waitid(int *status)
{
    siginfo_t info = {.si_pid = -1};
    int result = process_waitid(P_ALL, 0, &info, WEXITED);

    if (result != 0)
        return result;
    EXPECT_EQ(info.si_signo, SIGCHLD);
    EXPECT_EQ(info.si_uid, getuid());
    EXPECT(info.si_code == CLD_EXITED || info.si_code == CLD_KILLED);
    if (status != NULL)
        *status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
    return info.si_pid;
}

static void
process_check_waitid_errors(void)
{
    siginfo_t info;

    EXPECT_FAILS(process_waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    EXPECT_FAILS(process_waitid(P_ALL, 0, &info, WEXITED | WNOHANG), ECHILD);
    EXPECT_FAILS(process_waitid(P_ALL, 0, &info, 0), EINVAL);
    EXPECT_FAILS(process_waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    EXPECT_FAILS(process_waitid(P_PID, 0, &info, WEXITED), EINVAL);
    EXPECT_FAILS(process_waitid((idtype_t)99, 0, &info, WEXITED), EINVAL);
    EXPECT_FAILS(process_waitid(P_PIDFD, 1000, &info, WEXITED), EBADF);
    EXPECT_FAILS(process_waitid(P_PIDFD, (id_t)-1, &info, WEXITED), EINVAL);
}

/* Without WNOHANG a pidfd that does not block does not wait either: EAGAIN. */
static void
process_check_pidfd(void)
{
    struct process_child child = process_start(NULL);
    int fd = pidfd_open(child.pid, 0);
    siginfo_t info = {.si_pid = -1};

    EXPECT(fd >= 0);
    EXPECT_RETURNS(process_waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG), 0);
    EXPECT_EQ(info.si_pid, 0);
    row_expect_no_sample();
    EXPECT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    EXPECT_FAILS(process_waitid(P_PIDFD, (id_t)fd, &info, WEXITED), EAGAIN);
    process_let_end(&child);
    process_await_end(&child);
    EXPECT_RETURNS(process_waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(info.si_pid, child.pid);
    EXPECT_RETURNS(process_waitid(P_PIDFD, (id_t)fd, NULL, WEXITED), 0);
    EXPECT_FAILS(process_waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    close(fd);
}

static void
process_check_stops(void)
{
    struct process_child child = process_start(NULL);
    siginfo_t info;

    kill(child.pid, SIGSTOP);
    EXPECT_RETURNS(process_waitid(P_PID, (id_t)child.pid, &info, WSTOPPED), 0);
    EXPECT_EQ(info.si_code, CLD_STOPPED);
    EXPECT_EQ(info.si_status, SIGSTOP);
    kill(child.pid, SIGCONT);
    EXPECT_RETURNS(process_waitid(P_PGID, (id_t)getpgrp(), &info, WCONTINUED), 0);
    EXPECT_EQ(info.si_code, CLD_CONTINUED);
    process_let_end(&child);
    EXPECT_RETURNS(process_waitid(P_PGID, 0, &info, WEXITED), 0);
    EXPECT_EQ(info.si_pid, child.pid);
}

ROW_CASE(waitid)
{
    process_waitid = function;
    process_check_pidfd(); /* first: it looks for samples */
    process_check_waitid_errors();
    process_check_stops();
    process_check(process_by_waitid);
}

/* --- system ---------------------------------------------------------------------------------- */

static row_type_system process_system;
static int process_held[2];

#define PROCESS_HELD "read line </proc/self/fd/100; exit 7"

/* A shell that ends with status 7 when its standard input does. */
static long
process_run_shell(void *unused)
{
    (void)unused;
    return process_system(PROCESS_HELD);
}

static void
process_hold_shell(void)
{
    EXPECT_EQ(pipe2(process_held, O_CLOEXEC), 0);
    EXPECT_EQ(dup2(process_held[0], 100), 100);
    close(process_held[0]);
}

static void
process_let_shell_end(void *unused)
{
    (void)unused;
    close(process_held[1]);
}

static void
process_check_system_waits(void)
{
    struct row_call call = {process_run_shell, NULL, process_let_shell_end};
    struct row_outcome outcome;

    process_hold_shell();
    outcome = row_release(&call);
    EXPECT_EQ(outcome.result, 7 << 8);
    /* It goes on waiting after a signal, restarted or not. */
    for (int restart = 0; restart <= 1; restart++) {
        process_hold_shell();
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, 7 << 8);
        EXPECT_EQ(outcome.handled, 1);
    }
    /* Cancelled it ends the shell and waits for it. */
    process_hold_shell();
    EXPECT(row_cancel(&call).cancelled);
    EXPECT_EQ(syscall(SYS_wait4, -1, NULL, 0, NULL), -1);
    EXPECT_EQ(errno, ECHILD);
}

static void
process_expect_default_signals(const sigset_t *mask)
{
    sigset_t now;
    struct sigaction action;

    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    EXPECT_EQ(sigismember(&now, SIGCHLD), sigismember(mask, SIGCHLD));
    EXPECT_EQ(sigaction(SIGINT, NULL, &action), 0);
    EXPECT(action.sa_handler == SIG_DFL);
}

ROW_CASE(system)
{
    sigset_t mask;

    process_system = function;
    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    EXPECT_EQ(function(NULL), 1);
    EXPECT_EQ(function("exit 3"), 3 << 8);
    EXPECT_EQ(function("no-such-command-anywhere 2>&-"), 127 << 8);
    EXPECT_EQ(function("kill -TERM $$"), SIGTERM);
    process_expect_default_signals(&mask);
    process_check_system_waits();
    process_expect_default_signals(&mask);
    /* Children that nobody waits for. */
    signal(SIGCHLD, SIG_IGN);
    EXPECT_FAILS(function("exit 3"), ECHILD);
}

/* --- pclose ---------------------------------------------------------------------------------- */

static row_type_pclose process_pclose;

static long
process_close_pipe(void *object)
{
    return process_pclose(*(FILE **)object);
}

static FILE *
process_open_pipe(void)
{
    FILE *stream;

    process_hold_shell();
    stream = popen(PROCESS_HELD, "r");
    EXPECT(stream != NULL);
    return stream;
}

ROW_CASE(pclose)
{
    FILE *stream = popen("exit 3", "r");
    struct row_call call = {process_close_pipe, &stream, process_let_shell_end};
    struct row_outcome outcome;

    process_pclose = function;
    EXPECT_EQ(function(stream), 3 << 8);
    stream = popen("kill -TERM $$", "w");
    EXPECT_EQ(function(stream), SIGTERM);
    stream = process_open_pipe();
    EXPECT_EQ(row_release(&call).result, 7 << 8);
    for (int restart = 0; restart <= 1; restart++) {
        stream = process_open_pipe();
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, 7 << 8);
        EXPECT_EQ(outcome.handled, 1);
    }
    /* No cancellation point: it waits for the command. */
    stream = process_open_pipe();
    outcome = row_cancel(&call);
    EXPECT(!outcome.cancelled);
    EXPECT_EQ(outcome.result, 7 << 8);
    /* Somebody else has waited for the command. */
    stream = popen("exit 3", "r");
    EXPECT(syscall(SYS_wait4, -1, NULL, 0, NULL) > 0);
    EXPECT_FAILS(function(stream), ECHILD);
}
