/*
 * Waits for any of many descriptors. Each is a cancellation point, and over after any handler,
 * whatever its flags. ENOMEM, of a system without memory, is left out.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "../expect.h"
#include "row_wait.h"

#define ROW_FOREVER (-1)

/* A wait for a pipe to have something to read, in one form for all of them. */
struct row_poll {
    int (*call)(struct row_poll *p);
    int fds[2];
    int epoll;
    int timeout_ms;
    const sigset_t *mask;
    size_t size;      /* what a fortified twin is told */
    void *objects_at; /* in place of the descriptors or events; NULL: none */

    /* The timeout as it was passed, in either form. */
    struct timespec time;
    struct timeval time_us;
    struct pollfd descriptor;
    struct epoll_event event;
    fd_set readable;
    fd_set writable;
    fd_set exceptional;
};

static struct timespec *
row_poll_time(struct row_poll *p)
{
    p->time = (struct timespec){p->timeout_ms / 1000, p->timeout_ms % 1000 * 1000000L};
    return p->timeout_ms == ROW_FOREVER ? NULL : &p->time;
}

static struct timeval *
row_poll_time_us(struct row_poll *p)
{
    p->time_us = (struct timeval){p->timeout_ms / 1000, p->timeout_ms % 1000 * 1000L};
    return p->timeout_ms == ROW_FOREVER ? NULL : &p->time_us;
}

static struct pollfd *
row_poll_descriptor(struct row_poll *p)
{
    p->descriptor = (struct pollfd){p->fds[0], POLLIN, 0x7777};
    return p->objects_at != NULL ? p->objects_at : &p->descriptor;
}

static struct epoll_event *
row_poll_event(struct row_poll *p)
{
    memset(&p->event, 0, sizeof(p->event));
    return p->objects_at != NULL ? p->objects_at : &p->event;
}

/* The exceptional set has the reading end too: nothing of the kind will happen. */
static fd_set *
row_poll_sets(struct row_poll *p)
{
    FD_ZERO(&p->readable);
    FD_ZERO(&p->writable);
    FD_ZERO(&p->exceptional);
    FD_SET(p->fds[0], &p->readable);
    FD_SET(p->fds[0], &p->exceptional);
    return p->objects_at != NULL ? p->objects_at : &p->readable;
}

#define ROW_POLL(id, expression)                                                                   \
    static row_type_##id row_function_##id;                                                        \
                                                                                                   \
    static int row_by_##id(struct row_poll *p)                                                     \
    {                                                                                              \
        row_type_##id function = row_function_##id;                                                \
                                                                                                   \
        return expression;                                                                         \
    }

/* --- What holds of them all ------------------------------------------------------------------ */

static long
row_poll_call(void *object)
{
    struct row_poll *p = object;
    long result;
    int error;

    row_pipe_empty(p->fds[0]);
    result = p->call(p);
    error = errno;
    row_pipe_empty(p->fds[0]);
    errno = error;
    return result;
}

static void
row_poll_release(void *object)
{
    const struct row_poll *p = object;

    row_put(p->fds[1], "x", 1);
}

/* Each form's answer says that the pipe is ready, and nothing else. */
static void
row_poll_ready(struct row_poll *p)
{
    bool by_poll;
    bool by_epoll;
    bool by_select;

    row_put(p->fds[1], "x", 1);
    memset(&p->descriptor, 0, sizeof(p->descriptor));
    memset(&p->event, 0, sizeof(p->event));
    FD_ZERO(&p->readable);
    EXPECT_RETURNS(p->call(p), 1);
    by_poll = p->descriptor.revents == POLLIN;
    by_epoll = p->event.events == EPOLLIN && p->event.data.u64 == 77;
    by_select = FD_ISSET(p->fds[0], &p->readable) && !FD_ISSET(p->fds[0], &p->exceptional);
    EXPECT_EQ(by_poll + by_epoll + by_select, 1);
    row_pipe_empty(p->fds[0]);
}

/* Nothing is ready: after the timeout, and not earlier, the answer is 0. */
static void
row_poll_times_out(struct row_poll *p)
{
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);

    p->timeout_ms = 20;
    EXPECT_RETURNS(p->call(p), 0);
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= 19000000);
    EXPECT(p->descriptor.revents == 0 || p->descriptor.revents == 0x7777);
    EXPECT(!FD_ISSET(p->fds[0], &p->readable));
    row_waited();
}

static void
row_poll_create(struct row_poll *p)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};

    row_small_pipe(p->fds);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    EXPECT(p->epoll >= 0);
    EXPECT_EQ(epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->fds[0], &event), 0);
}

static void
row_poll_all(struct row_poll *p)
{
    const struct row_call call = {row_poll_call, p, row_poll_release};

    row_poll_create(p);
    p->timeout_ms = 0;
    EXPECT_RETURNS(p->call(p), 0);
    row_poll_ready(p);
    row_expect_no_sample();
    row_expect_cancelled_at_entry(&call);
    row_poll_times_out(p);
    p->timeout_ms = 30000;
    row_poll_ready(p);
    row_expect_wait(&call, 1, ROW_CANCELS);
    p->timeout_ms = ROW_FOREVER;
    row_poll_ready(p);
    row_expect_wait(&call, 1, ROW_CANCELS);
}

/* The mask holds during the call alone: a signal that it lets through interrupts, one that waits
 * before the call too, and one that it keeps out does not. */
static void
row_poll_masks(struct row_poll *p)
{
    sigset_t none;
    sigset_t usual;
    sigset_t blocked;
    sigset_t after;

    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    row_count_signal(SIGUSR1);
    EXPECT_EQ(pthread_sigmask(SIG_BLOCK, &blocked, &usual), 0);
    EXPECT_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
    p->mask = &none;
    p->timeout_ms = 30000;
    EXPECT_FAILS(p->call(p), EINTR);
    EXPECT_EQ(row_count_signal(SIGUSR1), 1);
    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    EXPECT(sigismember(&after, SIGUSR1));

    EXPECT_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
    p->mask = &blocked;
    p->timeout_ms = 20;
    EXPECT_RETURNS(p->call(p), 0);
    EXPECT_EQ(row_count_signal(SIGUSR1), 0);
    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, &usual, NULL), 0);
    EXPECT_EQ(row_count_signal(SIGUSR1), 1);
    p->mask = (const sigset_t *)16;
    EXPECT_FAILS(p->call(p), EFAULT);
    p->mask = NULL;
}

/* --- poll and ppoll -------------------------------------------------------------------------- */

/* Too many descriptors, ones that are nowhere, one that is none, one whose other end is gone. */
static void
row_poll_descriptors(struct row_poll *p)
{
    struct pollfd descriptors[] = {{-1, POLLIN, 7}, {987654, POLLIN, 7}};
    struct rlimit all;
    struct rlimit none;
    int alone[2];

    p->timeout_ms = 100;
    p->objects_at = (void *)16;
    EXPECT_FAILS(p->call(p), EFAULT);
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
    none = (struct rlimit){0, all.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_FAILS(p->call(p), EINVAL);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
    p->objects_at = &descriptors[1];
    EXPECT_RETURNS(p->call(p), 1);
    EXPECT_EQ(descriptors[1].revents, POLLNVAL);
    p->objects_at = &descriptors[0];
    EXPECT_RETURNS(p->call(p), 0);
    EXPECT_EQ(descriptors[0].revents, 0);
    EXPECT_EQ(pipe(alone), 0);
    close(alone[1]);
    descriptors[0].fd = alone[0];
    EXPECT_RETURNS(p->call(p), 1);
    EXPECT_EQ(descriptors[0].revents, POLLHUP);
    p->objects_at = NULL;
    close(alone[0]);
}

/* The caller's timeout is only read; one that is none is refused. */
static void
row_poll_timeouts(struct row_poll *p)
{
    p->timeout_ms = 20;
    EXPECT_RETURNS(p->call(p), 0);
    EXPECT(p->time.tv_sec == 0 && p->time.tv_nsec == 20000000);
    p->timeout_ms = -2; /* { 0, -2000000 } */
    EXPECT_FAILS(p->call(p), EINVAL);
    p->timeout_ms = -2000;
    EXPECT_FAILS(p->call(p), EINVAL);
}

static void
row_poll_overflow(void *object)
{
    struct row_poll *p = object;

    p->size = sizeof(struct pollfd) - 1;
    p->call(p);
}

static void
row_poll_fortified(struct row_poll *p)
{
    p->fds[0] = -1;
    for (p->timeout_ms = 0; p->timeout_ms < 2; p->timeout_ms++)
        row_expect_abort(row_poll_overflow, p, "buffer overflow detected");
    p->size = sizeof(struct pollfd);
}

ROW_POLL(poll, function(row_poll_descriptor(p), 1, p->timeout_ms))
ROW_POLL(__poll_chk, function(row_poll_descriptor(p), 1, p->timeout_ms, p->size))
ROW_POLL(ppoll, function(row_poll_descriptor(p), 1, row_poll_time(p), p->mask))
ROW_POLL(__ppoll_chk, function(row_poll_descriptor(p), 1, row_poll_time(p), p->mask, p->size))

ROW_CASE(poll)
{
    struct row_poll p = {.call = row_by_poll};

    row_function_poll = function;
    row_poll_all(&p);
    row_poll_descriptors(&p);
    EXPECT_RETURNS(function(NULL, 0, 1), 0);
}

ROW_CASE(__poll_chk)
{
    struct row_poll p = {.call = row_by___poll_chk};

    row_function___poll_chk = function;
    row_poll_fortified(&p);
    row_poll_all(&p);
    row_poll_descriptors(&p);
}

ROW_CASE(ppoll)
{
    struct row_poll p = {.call = row_by_ppoll};

    row_function_ppoll = function;
    row_poll_all(&p);
    row_poll_descriptors(&p);
    row_poll_timeouts(&p);
    row_poll_masks(&p);
}

ROW_CASE(__ppoll_chk)
{
    struct row_poll p = {.call = row_by___ppoll_chk};

    row_function___ppoll_chk = function;
    row_poll_fortified(&p);
    row_poll_all(&p);
    row_poll_descriptors(&p);
    row_poll_timeouts(&p);
    row_poll_masks(&p);
}

/* --- select and pselect ---------------------------------------------------------------------- */

ROW_POLL(select, function(p->fds[0] + 1, row_poll_sets(p), &p->writable, &p->exceptional,
                          row_poll_time_us(p)))
ROW_POLL(pselect, function(p->fds[0] + 1, row_poll_sets(p), &p->writable, &p->exceptional,
                           row_poll_time(p), p->mask))

static void
row_select_sets(struct row_poll *p)
{
    p->timeout_ms = 100;
    p->objects_at = (void *)16;
    EXPECT_FAILS(p->call(p), EFAULT);
    p->objects_at = NULL;
    close(p->fds[0]);
    EXPECT_FAILS(p->call(p), EBADF);
}

/* All three sets tell, the second of the other end. */
static void
row_select_writable(row_type_select function, const struct row_poll *p)
{
    struct timeval limit = {5, 1700000}; /* more than a second of microseconds is allowed */
    fd_set writable;

    FD_ZERO(&writable);
    FD_SET(p->fds[1], &writable);
    EXPECT_RETURNS(function(p->fds[1] + 1, NULL, &writable, NULL, &limit), 1);
    EXPECT(FD_ISSET(p->fds[1], &writable));
    EXPECT(limit.tv_sec == 6 && limit.tv_usec <= 700000 && limit.tv_usec > 0);
}

/* An interrupted call tells what is left of the timeout as well. */
static void
row_select_interrupted(struct row_poll *p)
{
    const struct row_call call = {row_poll_call, p, row_poll_release};

    p->timeout_ms = 30000;
    EXPECT_EQ(row_interrupt(&call, SA_RESTART).error, EINTR);
    EXPECT(p->time_us.tv_sec < 30 && p->time_us.tv_sec >= 10);
}

ROW_CASE(select)
{
    struct row_poll p = {.call = row_by_select};
    struct timeval limit = {0, 20000};

    row_function_select = function;
    row_poll_all(&p);
    EXPECT_RETURNS(function(0, NULL, NULL, NULL, &limit), 0);
    EXPECT(limit.tv_sec == 0 && limit.tv_usec == 0);
    limit.tv_sec = -1;
    EXPECT_FAILS(function(0, NULL, NULL, NULL, &limit), EINVAL);
    limit = (struct timeval){0, -1};
    EXPECT_FAILS(function(0, NULL, NULL, NULL, &limit), EINVAL);
    EXPECT(limit.tv_sec == 0 && limit.tv_usec == -1);
    limit.tv_usec = 1000;
    EXPECT_FAILS(function(-1, NULL, NULL, NULL, &limit), EINVAL);
    row_select_writable(function, &p);
    row_select_interrupted(&p);
    row_select_sets(&p);
}

ROW_CASE(pselect)
{
    struct row_poll p = {.call = row_by_pselect};
    const struct timespec limit = {0, 20000000};

    row_function_pselect = function;
    row_poll_all(&p);
    row_poll_timeouts(&p);
    row_poll_masks(&p);
    EXPECT_RETURNS(function(0, NULL, NULL, NULL, &limit, NULL), 0);
    EXPECT_FAILS(function(-1, NULL, NULL, NULL, &limit, NULL), EINVAL);
    row_select_sets(&p);
}

/* --- epoll ----------------------------------------------------------------------------------- */

static int row_event_count = 1; /* how many events there is room for */

ROW_POLL(epoll_wait, function(p->epoll, row_poll_event(p), row_event_count, p->timeout_ms))
ROW_POLL(epoll_pwait,
         function(p->epoll, row_poll_event(p), row_event_count, p->timeout_ms, p->mask))
ROW_POLL(epoll_pwait2,
         function(p->epoll, row_poll_event(p), row_event_count, row_poll_time(p), p->mask))

static void
row_epoll_errors(struct row_poll *p)
{
    int epoll = p->epoll;

    p->timeout_ms = 100;
    p->epoll = -1;
    EXPECT_FAILS(p->call(p), EBADF);
    p->epoll = p->fds[0];
    EXPECT_FAILS(p->call(p), EINVAL);
    p->epoll = epoll;
    row_event_count = 0;
    EXPECT_FAILS(p->call(p), EINVAL);
    row_event_count = -1;
    EXPECT_FAILS(p->call(p), EINVAL);
    row_event_count = 1;
    row_put(p->fds[1], "x", 1);
    p->objects_at = (void *)16;
    EXPECT_FAILS(p->call(p), EFAULT);
    p->objects_at = NULL;
    row_pipe_empty(p->fds[0]);
}

ROW_CASE(epoll_wait)
{
    struct row_poll p = {.call = row_by_epoll_wait};

    row_function_epoll_wait = function;
    row_poll_all(&p);
    row_epoll_errors(&p);
}

ROW_CASE(epoll_pwait)
{
    struct row_poll p = {.call = row_by_epoll_pwait};

    row_function_epoll_pwait = function;
    row_poll_all(&p);
    row_epoll_errors(&p);
    row_poll_masks(&p);
}

ROW_CASE(epoll_pwait2)
{
    struct row_poll p = {.call = row_by_epoll_pwait2};

    row_function_epoll_pwait2 = function;
    row_poll_all(&p);
    row_epoll_errors(&p);
    row_poll_timeouts(&p);
    row_poll_masks(&p);
    EXPECT_FAILS(function(p.epoll, &p.event, 1, (struct timespec *)16, NULL), EFAULT);
}
