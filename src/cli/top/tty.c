#include "cli/top/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define LEAVE_BYTES 256u
#define LEAVE_PATIENCE_MS 1000
#define CHUNK_BYTES 256u /* what a terminal that is ready takes without blocking */
#define CRASH_STACK_BYTES 65536u
#define CANCEL "\030" /* ends an escape sequence that was sent in part */

static struct {
    struct termios modes; /* as they were found */
    char leave[LEAVE_BYTES];
    size_t leave_bytes;
    int output;
    bool output_blocks; /* it is the descriptor that we share with others */
    int events;         /* eventfd */
    char *pending;
    size_t pending_bytes, pending_sent;
    volatile sig_atomic_t entered;
    volatile sig_atomic_t is_cut; /* the terminal has got a part of `pending` */
    volatile sig_atomic_t ending, resized, suspended, continued;
} tty = {.output = -1, .events = -1};

static char crash_stack[CRASH_STACK_BYTES];

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
static const int other_signals[] = {SIGTSTP, SIGCONT, SIGWINCH};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SIGNAL_COUNT (COUNT(ending_signals) + COUNT(crash_signals) + COUNT(other_signals))

static struct sigaction actions_before[SIGNAL_COUNT];

/* --- Leaving */

/* Waits a while for a terminal that is slow; one that takes nothing gets nothing. */
static void
write_patiently(const char *bytes, size_t length)
{
    struct pollfd wait = {.fd = tty.output, .events = POLLOUT};

    while (length > 0) {
        size_t chunk = length < CHUNK_BYTES ? length : CHUNK_BYTES;
        ssize_t written;

        if (poll(&wait, 1, LEAVE_PATIENCE_MS) <= 0 || (wait.revents & POLLOUT) == 0)
            return;
        written = write(tty.output, bytes, chunk);
        if (written < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
}

void
wp_tty_leave(void)
{
    int saved_errno = errno;
    pid_t foreground;

    if (!tty.entered)
        return;
    tty.entered = 0;
    /* In the background the terminal is somebody else's, who has set it up already. Where it is not
     * our controlling terminal there is no background. */
    foreground = tcgetpgrp(STDIN_FILENO);
    if (foreground < 0 || foreground == getpgrp()) {
        if (tty.is_cut)
            write_patiently(CANCEL, sizeof CANCEL - 1);
        write_patiently(tty.leave, tty.leave_bytes);
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.modes);
    }
    tty.is_cut = 0;
    errno = saved_errno;
}

void
wp_tty_enter(void)
{
    struct termios modes = tty.modes;

    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
    modes.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    tty.entered = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

/* --- Signals */

static void
wake(void)
{
    int saved_errno = errno;
    const uint64_t one = 1;
    ssize_t written = write(tty.events, &one, sizeof one);

    (void)written;
    errno = saved_errno;
}

static void
die_of(int number)
{
    wp_tty_leave();
    signal(number, SIG_DFL);
    /* Arrives when the handler has returned. */
    raise(number);
}

static void
on_ending(int number)
{
    if (tty.ending != 0)
        die_of(number);
    tty.ending = number;
    wake();
}

static void
on_crash(int number)
{
    die_of(number);
}

static void
on_other(int number)
{
    if (number == SIGWINCH)
        tty.resized = 1;
    else if (number == SIGTSTP)
        tty.suspended = 1;
    else
        tty.continued = 1;
    wake();
}

/* `before` gets as many actions as there are signals. One that was ignored (nohup) stays so. */
static void
install(const int *numbers, size_t count, void (*handler)(int), struct sigaction *before)
{
    for (size_t i = 0; i < count; i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};

        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

static void
reinstall(const int *numbers, size_t count, const struct sigaction *before)
{
    for (size_t i = 0; i < count; i++)
        sigaction(numbers[i], &before[i], NULL);
}

static void
install_all(void)
{
    const stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof crash_stack};
    struct sigaction *before = actions_before;

    sigaltstack(&stack, NULL);
    install(ending_signals, COUNT(ending_signals), on_ending, before);
    before += COUNT(ending_signals);
    install(crash_signals, COUNT(crash_signals), on_crash, before);
    before += COUNT(crash_signals);
    install(other_signals, COUNT(other_signals), on_other, before);
}

static void
reinstall_all(void)
{
    const struct sigaction *before = actions_before;

    reinstall(ending_signals, COUNT(ending_signals), before);
    before += COUNT(ending_signals);
    reinstall(crash_signals, COUNT(crash_signals), before);
    before += COUNT(crash_signals);
    reinstall(other_signals, COUNT(other_signals), before);
}

void
wp_tty_stop(void)
{
    struct sigaction ours, fall_back = {.sa_handler = SIG_DFL};

    tty.suspended = 0;
    sigaction(SIGTSTP, &fall_back, &ours);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &ours, NULL);
    tty.continued = 0;
}

struct wp_tty_events
wp_tty_events(void)
{
    struct wp_tty_events events = {.ending = tty.ending};
    uint64_t count;
    ssize_t got = read(tty.events, &count, sizeof count);

    (void)got;
    /* Cleared before they are acted on: one that comes meanwhile is seen the next time. */
    events.resized = tty.resized;
    tty.resized = 0;
    events.suspended = tty.suspended;
    tty.suspended = 0;
    events.continued = tty.continued;
    tty.continued = 0;
    return events;
}

int
wp_tty_event_fd(void)
{
    return tty.events;
}

/* --- Opening and closing */

/* Of our own, since O_NONBLOCK would be the shell's, too. */
static void
open_output(void)
{
    tty.output = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    tty.output_blocks = tty.output < 0;
    if (tty.output_blocks)
        tty.output = STDOUT_FILENO;
}

int
wp_tty_open(const char *leave, size_t leave_bytes, struct wp_error *error)
{
    static bool has_exit_handler;

    if (tcgetattr(STDIN_FILENO, &tty.modes) != 0)
        return wp_error_set(error, errno, "the terminal's modes cannot be read: %s",
                            strerror(errno));
    tty.events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (tty.events < 0)
        return wp_error_set(error, errno, "no descriptor for events: %s", strerror(errno));
    tty.leave_bytes = leave_bytes < LEAVE_BYTES ? leave_bytes : 0;
    memcpy(tty.leave, leave, tty.leave_bytes);
    open_output();
    tty.ending = tty.resized = tty.suspended = tty.continued = 0;
    if (!has_exit_handler)
        has_exit_handler = atexit(wp_tty_leave) == 0;
    install_all();
    return 0;
}

void
wp_tty_close(void)
{
    if (tty.events < 0)
        return;
    wp_tty_leave();
    reinstall_all();
    if (!tty.output_blocks)
        close(tty.output);
    close(tty.events);
    tty.output = tty.events = -1;
    free(tty.pending);
    tty.pending = NULL;
    tty.pending_bytes = tty.pending_sent = 0;
}

void
wp_tty_size(size_t *rows, size_t *columns)
{
    struct winsize size = {0};

    *rows = 24;
    *columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_row != 0)
        *rows = size.ws_row;
    if (size.ws_col != 0)
        *columns = size.ws_col;
}

/* --- Output */

bool
wp_tty_has_pending(void)
{
    return tty.pending_sent < tty.pending_bytes;
}

int
wp_tty_output_fd(void)
{
    return tty.output;
}

void
wp_tty_flush(void)
{
    while (wp_tty_has_pending()) {
        struct pollfd ready = {.fd = tty.output, .events = POLLOUT};
        size_t left = tty.pending_bytes - tty.pending_sent;
        size_t chunk = tty.output_blocks && left > CHUNK_BYTES ? CHUNK_BYTES : left;
        ssize_t written;

        if (tty.output_blocks && (poll(&ready, 1, 0) <= 0 || (ready.revents & POLLOUT) == 0))
            return;
        tty.is_cut = 1;
        written = write(tty.output, tty.pending + tty.pending_sent, chunk);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno != EAGAIN) /* it is gone: so is what was meant for it */
            tty.pending_sent = tty.pending_bytes;
        if (written <= 0)
            return;
        tty.pending_sent += (size_t)written;
    }
    tty.is_cut = 0;
}

void
wp_tty_write(const char *bytes, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy == NULL)
        return;
    memcpy(copy, bytes, length);
    free(tty.pending);
    tty.pending = copy;
    tty.pending_bytes = length;
    tty.pending_sent = 0;
    wp_tty_flush();
}
