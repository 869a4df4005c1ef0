/*
 * Waits for any of several descriptors, and for time to pass, in every way (paths.h), and prints
 * the truth about it (truth.h).
 *
 *   poll_paths ROUNDS HOLD_NS
 */
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include "paths.h"

/* What <bits/poll2.h> makes of a poll of an array of known size, when fortified. */
int __poll_chk(struct pollfd *descriptors, nfds_t count, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size);

static int fds[2]; /* a pipe */
static int epoll_fd;
static struct epoll_event found;
static struct pollfd polled;
static fd_set readable;

static void
supply(void)
{
    PATH_NEED(syscall(SYS_write, fds[1], "x", 1) == 1, 0);
}

static void
discard(void)
{
    char byte;

    PATH_NEED(syscall(SYS_read, fds[0], &byte, 1) == 1, 0);
}

static fd_set *
only_pipe(void)
{
    FD_ZERO(&readable);
    FD_SET(fds[0], &readable);
    return &readable;
}

/* The pipe becomes readable. */
#define DEFINE_POLL(name, call)                                                                    \
    DEFINE_WAIT_AS(name, "poll", TRUTH_OTHER, NULL, (void)only_pipe(), call, 1, discard())

/* Time is up. `call` may use `timeout`. */
#define DEFINE_POLL_IN_VAIN(name, call)                                                            \
    DEFINE_WAIT_AS(name, "poll", TRUTH_OTHER, NULL,                                                \
                   struct timespec timeout = {.tv_nsec = (long)path_hold_ns};                      \
                   (void)timeout; (void)only_pipe(), call, 0, (void)0)

#define HOLD_MS ((int)(path_hold_ns / 1000000u))

DEFINE_POLL(wait_poll, poll(&polled, 1, -1))
DEFINE_POLL(wait_poll_chk, __poll_chk(&polled, 1, 10000, sizeof polled))
DEFINE_POLL(wait_ppoll, ppoll(&polled, 1, NULL, NULL))
DEFINE_POLL(wait_ppoll_chk, __ppoll_chk(&polled, 1, NULL, NULL, sizeof polled))
DEFINE_POLL(wait_select, select(fds[0] + 1, &readable, NULL, NULL, NULL))
DEFINE_POLL(wait_pselect, pselect(fds[0] + 1, &readable, NULL, NULL, NULL, NULL))
DEFINE_POLL(wait_epoll_wait, epoll_wait(epoll_fd, &found, 1, -1))
DEFINE_POLL(wait_epoll_pwait, epoll_pwait(epoll_fd, &found, 1, 10000, NULL))
DEFINE_POLL(wait_epoll_pwait2, epoll_pwait2(epoll_fd, &found, 1, NULL, NULL))

DEFINE_POLL_IN_VAIN(wait_poll_in_vain, poll(&polled, 1, HOLD_MS))
DEFINE_POLL_IN_VAIN(wait_ppoll_in_vain, ppoll(&polled, 1, &timeout, NULL))
DEFINE_POLL_IN_VAIN(wait_select_in_vain,
                    select(fds[0] + 1, &readable, NULL, NULL,
                           &(struct timeval){.tv_usec = timeout.tv_nsec / 1000}))
DEFINE_POLL_IN_VAIN(wait_pselect_in_vain,
                    pselect(fds[0] + 1, &readable, NULL, NULL, &timeout, NULL))
DEFINE_POLL_IN_VAIN(wait_epoll_wait_in_vain, epoll_wait(epoll_fd, &found, 1, HOLD_MS))
DEFINE_POLL_IN_VAIN(wait_epoll_pwait2_in_vain, epoll_pwait2(epoll_fd, &found, 1, &timeout, NULL))

/* --- Sleeps ----------------------------------------------------------------------------------- */

#define DEFINE_SLEEP(name, call)                                                                   \
    DEFINE_WAIT_AS(name, "sleep", TRUTH_OTHER, NULL,                                               \
                   struct timespec time = {.tv_nsec = (long)path_hold_ns};                         \
                   (void)time, call, 0, (void)0)

DEFINE_SLEEP(wait_usleep, usleep((useconds_t)(path_hold_ns / 1000)))
DEFINE_SLEEP(wait_nanosleep, nanosleep(&time, NULL))
DEFINE_SLEEP(wait_clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL))
DEFINE_SLEEP(wait_thrd_sleep, thrd_sleep(&time, NULL))

/* A second is too long here: a signal ends it, and nearly all of the time is left. */
DEFINE_WAIT(wait_sleep, "sleep", sleep(100) > 90, 1)

static void
handle(int number)
{
    (void)number;
}

static void
interrupt(void)
{
    PATH_NEED(syscall(SYS_tgkill, getpid(), path_waiter_tid, SIGUSR1) == 0, 0);
}

static const struct path paths[] = {
    {wait_poll, path_do_nothing, supply, PATH_RELEASED},
    {wait_poll_chk, path_do_nothing, supply, PATH_RELEASED},
    {wait_ppoll, path_do_nothing, supply, PATH_RELEASED},
    {wait_ppoll_chk, path_do_nothing, supply, PATH_RELEASED},
    {wait_select, path_do_nothing, supply, PATH_RELEASED},
    {wait_pselect, path_do_nothing, supply, PATH_RELEASED},
    {wait_epoll_wait, path_do_nothing, supply, PATH_RELEASED},
    {wait_epoll_pwait, path_do_nothing, supply, PATH_RELEASED},
    {wait_epoll_pwait2, path_do_nothing, supply, PATH_RELEASED},
    {wait_poll_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_ppoll_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_select_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_pselect_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_epoll_wait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_epoll_pwait2_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_usleep, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_nanosleep, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_clock_nanosleep, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_thrd_sleep, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_sleep, path_do_nothing, interrupt, PATH_RELEASED},
};

int
main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = handle};
    struct epoll_event wanted = {.events = EPOLLIN};

    PATH_NEED(pipe(fds) == 0 && sigaction(SIGUSR1, &action, NULL) == 0, 0);
    polled = (struct pollfd){.fd = fds[0], .events = POLLIN};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    PATH_NEED(epoll_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[0], &wanted) == 0, 0);
    return paths_run(paths, sizeof paths / sizeof paths[0], argc, argv);
}
