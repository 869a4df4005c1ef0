/*
 * Event counters, random numbers, terminals and other devices.
 */
#include <sys/ioctl.h>
#include <sys/random.h>
#include <termios.h>

#include "../expect.h"
#include "row_wait.h"

/* --- Event counters -------------------------------------------------------------------------- */

struct row_counter {
    row_type_eventfd_read read;
    row_type_eventfd_write write;
    int fd;
};

/* read(2) and write(2) without a wrapper. */
static void
row_counter_raise(void *object)
{
    const struct row_counter *counter = object;
    const uint64_t one = 1;

    row_put(counter->fd, &one, sizeof(one));
}

static void
row_counter_take(void *object)
{
    const struct row_counter *counter = object;
    uint64_t value;

    row_get(counter->fd, &value, sizeof(value));
}

static long
row_counter_read(void *object)
{
    const struct row_counter *counter = object;
    eventfd_t value = 0;
    int result = counter->read(counter->fd, &value);

    EXPECT(result != 0 || value == 1);
    return result;
}

ROW_CASE(eventfd_read)
{
    struct row_counter counter = {.read = function, .fd = eventfd(3, EFD_CLOEXEC)};
    const struct row_call call = {row_counter_read, &counter, row_counter_raise};
    int semaphore = eventfd(3, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    int write_only = open("/dev/null", O_WRONLY | O_CLOEXEC);
    eventfd_t value = 0;
    int fds[2];

    EXPECT_RETURNS(function(counter.fd, &value), 0);
    EXPECT_EQ(value, 3);
    for (int i = 0; i < 3; i++) {
        EXPECT_RETURNS(function(semaphore, &value), 0);
        EXPECT_EQ(value, 1);
    }
    EXPECT_FAILS(function(semaphore, &value), EAGAIN);
    EXPECT_FAILS(function(-1, &value), EBADF);
    EXPECT_FAILS(function(write_only, &value), EBADF);
    row_counter_raise(&counter);
    EXPECT_FAILS(function(counter.fd, (eventfd_t *)16), EFAULT);
    row_pipe_empty(counter.fd);
    /* Too few bytes are a failure without an error. */
    EXPECT_EQ(pipe(fds), 0);
    row_put(fds[1], "few", 3);
    EXPECT_RETURNS(function(fds[0], &value), -1);
    close(counter.fd);
    counter.fd = eventfd(0, EFD_CLOEXEC);
    row_expect_wait(&call, 0, ROW_RESTARTS | ROW_CANCELS);
}

static long
row_counter_write(void *object)
{
    const struct row_counter *counter = object;

    return counter->write(counter->fd, UINT64_MAX - 1);
}

ROW_CASE(eventfd_write)
{
    struct row_counter counter = {.write = function, .fd = eventfd(0, EFD_CLOEXEC)};
    const struct row_call call = {row_counter_write, &counter, row_counter_take};
    int full = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
    uint64_t value;

    EXPECT_RETURNS(function(counter.fd, 0), 0);
    EXPECT_RETURNS(function(counter.fd, UINT64_C(5) << 32), 0);
    EXPECT_RETURNS(function(counter.fd, 2), 0);
    row_get(counter.fd, &value, sizeof(value));
    EXPECT_EQ(value, (UINT64_C(5) << 32) + 2);
    EXPECT_RETURNS(function(full, UINT64_MAX - 1), 0);
    EXPECT_FAILS(function(full, 1), EAGAIN);
    EXPECT_FAILS(function(counter.fd, UINT64_MAX), EINVAL);
    EXPECT_FAILS(function(-1, 1), EBADF);
    EXPECT_FAILS(function(read_only, 1), EBADF);
    EXPECT_RETURNS(function(counter.fd, 1), 0);
    row_expect_wait(&call, 0, ROW_RESTARTS | ROW_CANCELS);
}

/* --- Random numbers -------------------------------------------------------------------------- */

struct row_random {
    row_type_getrandom function;
    struct row_page page;
    char *bytes;
};

static long
row_random_call(void *object)
{
    const struct row_random *random = object;

    return random->function(random->bytes, 64, 0);
}

static void
row_random_provide(void *object)
{
    struct row_random *random = object;

    row_page_provide(&random->page, "", 1);
}

/* No system that runs tests still gathers its first seed: the memory is what is waited for. EAGAIN
 * and EINTR, of such a system, are left out. */
ROW_CASE(getrandom)
{
    struct row_random random = {.function = function};
    const struct row_call call = {row_random_call, &random, row_random_provide};
    char first[64] = "";
    char second[64] = "";
    char none[64] = "";

    EXPECT_RETURNS(function(first, 64, GRND_NONBLOCK), 64);
    row_expect_no_sample();
    EXPECT_RETURNS(function(second, 32, 0), 32);
    EXPECT(memcmp(first, second, 32) != 0);
    EXPECT(memcmp(first + 32, none, 32) != 0);
    EXPECT(memcmp(second + 32, none, 32) == 0);
    EXPECT_RETURNS(function(second, 32, GRND_RANDOM), 32);
    EXPECT_RETURNS(function(second, 32, GRND_INSECURE), 32);
    EXPECT_RETURNS(function(second, 0, 0), 0);
    EXPECT_FAILS(function(second, 32, 0x40000000), EINVAL);
    EXPECT_FAILS(function(second, 32, GRND_RANDOM | GRND_INSECURE), EINVAL);
    EXPECT_FAILS(function((void *)16, 32, 0), EFAULT);
    random.bytes = first;
    row_expect_cancelled_at_entry(&call);
    row_page_create(&random.page);
    random.bytes = random.page.bytes;
    row_expect_released(&call, 64);
    EXPECT(memcmp(random.bytes, none, 64) != 0);
}

/* --- Terminals ------------------------------------------------------------------------------- */

/*
 * A pseudoterminal's output is gone as soon as it is written, so nobody waits for it. But a process
 * in the background that waits is sent SIGTTOU, and asks again after a handler with SA_RESTART, as
 * long as it is in the background. So there are two processes: a session's leader, and its child,
 * of a process group of its own, that makes the calls.
 */
struct row_terminal {
    int (*drain)(int fd);
    int leader_end; /* of the pseudoterminal */
    int fd;
};

static int row_terminal_fd;
static atomic_int row_terminal_signals;

/* In the background at first; takes the foreground on the third signal. */
static void
row_terminal_stopped(int number)
{
    struct timespec pause = {0, 1000000};
    int error = errno;

    syscall(SYS_nanosleep, &pause, NULL);
    if (atomic_fetch_add(&row_terminal_signals, 1) == 2 && number == SIGTTOU)
        EXPECT_EQ(tcsetpgrp(row_terminal_fd, getpgrp()), 0);
    errno = error;
}

static void
row_terminal_background(const struct row_terminal *terminal)
{
    struct sigaction action = {.sa_handler = row_terminal_stopped};

    EXPECT_EQ(setpgid(0, 0), 0);
    row_terminal_fd = terminal->fd;
    sigemptyset(&action.sa_mask);
    EXPECT_EQ(sigaction(SIGTTOU, &action, NULL), 0);
    EXPECT_FAILS(terminal->drain(terminal->fd), EINTR);
    EXPECT_EQ(atomic_load(&row_terminal_signals), 1);
    action.sa_flags = SA_RESTART;
    EXPECT_EQ(sigaction(SIGTTOU, &action, NULL), 0);
    EXPECT_RETURNS(terminal->drain(terminal->fd), 0);
    EXPECT_EQ(atomic_load(&row_terminal_signals), 3);
    _exit(0);
}

static void
row_terminal_session(struct row_terminal *terminal)
{
    pid_t child;

    EXPECT(setsid() > 0);
    EXPECT_EQ(ioctl(terminal->fd, TIOCSCTTY, 0), 0);
    child = fork();
    if (child == 0)
        row_terminal_background(terminal);
    EXPECT(child > 0);
    EXPECT_EQ(expect_wait_status(child), 0);
    /* The foreground is a group that is gone, and nobody cares for this one: */
    EXPECT_FAILS(terminal->drain(terminal->fd), EIO);
    _exit(0);
}

static void
row_terminal_open(struct row_terminal *terminal)
{
    terminal->leader_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT(terminal->leader_end >= 0);
    EXPECT_EQ(grantpt(terminal->leader_end), 0);
    EXPECT_EQ(unlockpt(terminal->leader_end), 0);
    terminal->fd = open(ptsname(terminal->leader_end), O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT(terminal->fd >= 0);
}

static void
row_terminal_drains(struct row_terminal *terminal)
{
    uint64_t samples = row_samples();
    pid_t child;

    row_terminal_open(terminal);
    EXPECT_RETURNS(terminal->drain(terminal->fd), 0);
    child = fork();
    if (child == 0)
        row_terminal_session(terminal);
    EXPECT(child > 0);
    EXPECT_EQ(expect_wait_status(child), 0);
    /* Its processes write to the region of this one. */
    if (expect_is_preloaded())
        EXPECT(row_samples() >= samples + 2);
    row_waited();
}

static long
row_terminal_call(void *object)
{
    const struct row_terminal *terminal = object;

    return terminal->drain(terminal->fd);
}

ROW_CASE(tcdrain)
{
    struct row_terminal terminal = {.drain = function};
    const struct row_call call = {row_terminal_call, &terminal, NULL};
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(function(-1), EBADF);
    EXPECT_FAILS(function(fds[0]), ENOTTY);
    row_terminal_drains(&terminal);
    row_expect_cancelled_at_entry(&call);
}

static row_type_ioctl row_ioctl_function;

static int
row_ioctl_drain(int fd)
{
    return row_ioctl_function(fd, TCSBRK, (void *)1);
}

struct row_available {
    int fd;
    struct row_page page;
};

static long
row_available_call(void *object)
{
    struct row_available *available = object;

    return row_ioctl_function(available->fd, FIONREAD, available->page.bytes);
}

static void
row_available_provide(void *object)
{
    struct row_available *available = object;

    row_page_provide(&available->page, "", 1);
}

ROW_CASE(ioctl)
{
    struct row_terminal terminal = {.drain = row_ioctl_drain};
    struct row_available available;
    const struct row_call call = {row_available_call, &available, row_available_provide};
    struct winsize size = {24, 80, 640, 480};
    struct winsize got = {0};
    int fds[2];
    int count = -1;

    row_ioctl_function = function;
    EXPECT_EQ(pipe(fds), 0);
    row_put(fds[1], "hello", 5);
    EXPECT_RETURNS(function(fds[0], FIONREAD, &count), 0);
    EXPECT_EQ(count, 5);
    EXPECT_RETURNS(function(fds[0], FIOCLEX, NULL), 0);
    EXPECT_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    EXPECT_FAILS(function(-1, FIONREAD, &count), EBADF);
    EXPECT_FAILS(function(fds[0], TCGETS, &count), ENOTTY);
    EXPECT_FAILS(function(fds[0], FIONREAD, (void *)16), EFAULT);
    row_terminal_drains(&terminal);
    EXPECT_RETURNS(function(terminal.fd, TIOCSWINSZ, &size), 0);
    EXPECT_RETURNS(function(terminal.fd, TIOCGWINSZ, &got), 0);
    EXPECT_EQ(memcmp(&size, &got, sizeof(size)), 0);
    EXPECT_RETURNS(function(terminal.fd, TCFLSH, (void *)TCIOFLUSH), 0);
    EXPECT_FAILS(function(terminal.fd, TCFLSH, (void *)77), EINVAL);
    available.fd = fds[0];
    row_page_create(&available.page);
    row_expect_released(&call, 0);
    memcpy(&count, available.page.bytes, sizeof(count));
    EXPECT_EQ(count, 5);
    row_page_withdraw(&available.page);
    EXPECT(!row_cancel(&call).cancelled);
    row_expect_no_cancellation(&call, 0);
}
