/*
 * Signals waited for: accepted without a handler by sigwait and its kin, handled in pause and its.
 */
#include <signal.h>

#include "../expect.h"
#include "row.h"

#define SIGNAL_WANTED SIGUSR1 /* row.c sends SIGUSR2 */

/* --- accepting ------------------------------------------------------------------------------- */

/* Waits for the signals of the set; returns the number, or 0 with errno. */
typedef int (*signal_acceptor)(const sigset_t *set);

static long
signal_accept(void *object)
{
    signal_acceptor accept_one;
    sigset_t set;

    memcpy(&accept_one, object, sizeof(accept_one));
    sigemptyset(&set);
    sigaddset(&set, SIGNAL_WANTED);
    sigaddset(&set, SIGRTMIN);
    return accept_one(&set);
}

static void
signal_send(void *unused)
{
    (void)unused;
    EXPECT_EQ(kill(getpid(), SIGNAL_WANTED), 0);
}

static void
signal_block(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGNAL_WANTED);
    sigaddset(&set, SIGRTMIN);
    EXPECT_EQ(pthread_sigmask(how, &set, NULL), 0);
}

static bool
signal_is_pending(int number)
{
    sigset_t set;

    EXPECT_EQ(sigpending(&set), 0);
    return sigismember(&set, number) == 1;
}

/* `retries`: a handled signal does not end the wait. */
static void
signal_check_accepting(signal_acceptor accept_one, bool retries)
{
    struct row_call call = {signal_accept, &accept_one, signal_send};
    struct row_outcome outcome;

    signal_send(NULL);
    EXPECT_RETURNS(signal_accept(&accept_one), SIGNAL_WANTED);
    EXPECT(!signal_is_pending(SIGNAL_WANTED));
    EXPECT_EQ(row_release(&call).result, SIGNAL_WANTED);
    /* The system call is never restarted. */
    for (int restart = 0; restart <= 1; restart++) {
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.handled, 1);
        EXPECT_EQ(outcome.result, retries ? SIGNAL_WANTED : 0);
        if (!retries)
            EXPECT_EQ(outcome.error, EINTR);
    }
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
}

static row_type_sigwait signal_sigwait;
static row_type_sigwaitinfo signal_sigwaitinfo;
static row_type_sigtimedwait signal_sigtimedwait;

static int
signal_by_sigwait(const sigset_t *set)
{
    int number = 0;

    return signal_sigwait(set, &number) == 0 ? number : 0;
}

static int
signal_by_sigwaitinfo(const sigset_t *set)
{
    siginfo_t info = {.si_signo = 0};
    int number = signal_sigwaitinfo(set, &info);

    EXPECT(number <= 0 || info.si_signo == number);
    return number > 0 ? number : 0;
}

static int
signal_sigtimedwait_forever(const sigset_t *set, siginfo_t *info)
{
    return signal_sigtimedwait(set, info, NULL);
}

ROW_CASE(sigwait)
{
    int number = 0;

    signal_sigwait = function;
    signal_block(SIG_BLOCK);
    EXPECT_EQ(function((sigset_t *)8, &number), EFAULT);
    EXPECT_EQ(number, 0);
    signal_check_accepting(signal_by_sigwait, true);
}

/* What was sent comes with the signal. */
static void
signal_check_info(row_type_sigwaitinfo wait_info)
{
    union sigval value = {.sival_int = 4711};
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    EXPECT_EQ(sigqueue(getpid(), SIGRTMIN, value), 0);
    EXPECT_RETURNS(wait_info(&set, &info), SIGRTMIN);
    EXPECT_EQ(info.si_signo, SIGRTMIN);
    EXPECT_EQ(info.si_code, SI_QUEUE);
    EXPECT_EQ(info.si_value.sival_int, 4711);
    EXPECT_EQ(info.si_pid, getpid());
    /* libc shows a signal to a thread as one to the process. */
    EXPECT_EQ(pthread_kill(pthread_self(), SIGRTMIN), 0);
    EXPECT_RETURNS(wait_info(&set, &info), SIGRTMIN);
    EXPECT_EQ(info.si_code, SI_USER);
    EXPECT_EQ(sigqueue(getpid(), SIGRTMIN, value), 0);
    EXPECT_RETURNS(wait_info(&set, NULL), SIGRTMIN);
    EXPECT_FAILS(wait_info((sigset_t *)8, &info), EFAULT);
    EXPECT_EQ(sigqueue(getpid(), SIGRTMIN, value), 0);
    EXPECT_FAILS(wait_info(&set, (siginfo_t *)8), EFAULT);
}

ROW_CASE(sigwaitinfo)
{
    signal_sigwaitinfo = function;
    signal_block(SIG_BLOCK);
    signal_check_info(function);
    signal_check_accepting(signal_by_sigwaitinfo, false);
}

static void
signal_check_timeouts(row_type_sigtimedwait function)
{
    static const struct timespec at_once;
    static const struct timespec soon = {0, 5000000};
    static const struct timespec bad[] = {{0, 1000000000}, {0, -1}, {-1, 0}};
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGNAL_WANTED);
    EXPECT_FAILS(function(&set, &info, &at_once), EAGAIN);
    signal_send(NULL);
    EXPECT_RETURNS(function(&set, &info, &at_once), SIGNAL_WANTED);
    row_expect_no_sample();
    EXPECT_FAILS(function(&set, &info, &soon), EAGAIN);
    row_waited();
    for (int i = 0; i < 3; i++)
        EXPECT_FAILS(function(&set, &info, &bad[i]), EINVAL);
    EXPECT_FAILS(function(&set, &info, (struct timespec *)8), EFAULT);
}

ROW_CASE(sigtimedwait)
{
    signal_sigtimedwait = function;
    signal_sigwaitinfo = signal_sigtimedwait_forever;
    signal_block(SIG_BLOCK);
    signal_check_timeouts(function);
    signal_check_info(signal_sigtimedwait_forever);
    signal_check_accepting(signal_by_sigwaitinfo, false);
}

/* --- handling -------------------------------------------------------------------------------- */

static int signal_handled;

static void
signal_handle(int number)
{
    (void)number;
    signal_handled++;
}

/* Waits until a handler has run; with SIGNAL_WANTED let through, which is blocked otherwise. */
typedef int (*signal_suspender)(void);

static long
signal_suspend(void *object)
{
    signal_suspender suspend;
    sigset_t before, after;
    int result;

    memcpy(&suspend, object, sizeof(suspend));
    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    result = suspend();

    int error = errno;

    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int number = 1; number < NSIG; number++)
        EXPECT_EQ(sigismember(&before, number), sigismember(&after, number));
    errno = error;
    return result;
}

static void
signal_check_suspending(signal_suspender suspend)
{
    struct row_call call = {signal_suspend, &suspend, signal_send};
    struct sigaction action = {.sa_handler = signal_handle, .sa_flags = SA_RESTART};
    struct row_outcome outcome;

    EXPECT_EQ(sigaction(SIGNAL_WANTED, &action, NULL), 0);
    outcome = row_release(&call);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    EXPECT_EQ(signal_handled, 1);
    for (int restart = 0; restart <= 1; restart++) {
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, -1);
        EXPECT_EQ(outcome.error, EINTR);
        EXPECT_EQ(outcome.handled, 1);
    }
    EXPECT_EQ(signal_handled, 1);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
}

/* The same, of a function that lets a blocked signal through: one that is pending comes at once. */
static void
signal_check_letting_through(signal_suspender suspend)
{
    signal_block(SIG_BLOCK);
    signal_check_suspending(suspend);
    signal_send(NULL);
    EXPECT(signal_is_pending(SIGNAL_WANTED));
    EXPECT_FAILS(signal_suspend(&suspend), EINTR);
    EXPECT_EQ(signal_handled, 2);
}

static row_type_pause signal_pause;
static row_type_sigsuspend signal_sigsuspend;
static row_type_sigpause signal_sigpause;
static row_type___sigpause signal_sigpause_either;
static row_type___xpg_sigpause signal_xpg_sigpause;

/* Only the thread that pauses lets the signal through: a signal to the process finds it. */
static long
signal_make_pause(void *unused)
{
    (void)unused;
    signal_block(SIG_UNBLOCK);
    return signal_pause();
}

static int
signal_by_pause(void)
{
    long result = signal_make_pause(NULL);
    int error = errno;

    signal_block(SIG_BLOCK);
    errno = error;
    return (int)result;
}

static int
signal_by_sigsuspend(void)
{
    sigset_t none;

    sigemptyset(&none);
    return signal_sigsuspend(&none);
}

static int
signal_by_sigpause(void)
{
    return signal_sigpause(0);
}

static int
signal_by_sigpause_of_mask(void)
{
    return signal_sigpause_either(0, 0);
}

static int
signal_by_sigpause_of_number(void)
{
    return signal_sigpause_either(SIGNAL_WANTED, 1);
}

static int
signal_by_xpg_sigpause(void)
{
    return signal_xpg_sigpause(SIGNAL_WANTED);
}

ROW_CASE(pause)
{
    signal_pause = function;
    signal_block(SIG_BLOCK);
    signal_check_suspending(signal_by_pause);
}

ROW_CASE(sigsuspend)
{
    signal_sigsuspend = function;
    EXPECT_FAILS(function((sigset_t *)8), EFAULT);
    signal_check_letting_through(signal_by_sigsuspend);
}

ROW_CASE(sigpause)
{
    signal_sigpause = function;
    signal_check_letting_through(signal_by_sigpause);
}

ROW_CASE(__sigpause)
{
    signal_sigpause_either = function;
    EXPECT_FAILS(function(NSIG + 1, 1), EINVAL);
    signal_check_letting_through(signal_by_sigpause_of_mask);
    signal_handled = 0;
    signal_check_letting_through(signal_by_sigpause_of_number);
}

ROW_CASE(__xpg_sigpause)
{
    signal_xpg_sigpause = function;
    EXPECT_FAILS(function(0), EINVAL);
    EXPECT_FAILS(function(-1), EINVAL);
    EXPECT_FAILS(function(NSIG + 1), EINVAL);
    signal_check_letting_through(signal_by_xpg_sigpause);
}
