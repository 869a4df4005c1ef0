/* Cancellation, deferred and asynchronous, in every call that is a cancellation point: the thread
 * ends there, its cleanup runs in order, and a cancelled condition wait holds its mutex. */
#include "expect.h"

#include <sys/socket.h>
#include <sys/uio.h>

static pthread_mutex_t mutex;
static pthread_cond_t cond;
static int pipe_fds[2];
static int socket_fds[2];
static pthread_key_t key;
static atomic_int tid;
static char order[16];
static atomic_int order_length;
static bool holds_mutex;

static void
note(char what)
{
    order[order_length++] = what;
}

static void
block_in_cond_wait(void)
{
    for (;;)
        pthread_cond_wait(&cond, &mutex);
}

static void
block_in_cond_timedwait(void)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    for (;;)
        pthread_cond_timedwait(&cond, &mutex, &deadline);
}

static void
block_in_cond_clockwait(void)
{
    struct timespec deadline = expect_deadline(CLOCK_MONOTONIC, 20000);

    for (;;)
        pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &deadline);
}

static char byte;
static struct iovec vector = {&byte, 1};

static void
block_in_read(void)
{
    EXPECT_EQ(read(pipe_fds[0], &byte, 1), 1);
}

static void
block_in_readv(void)
{
    EXPECT_EQ(readv(pipe_fds[0], &vector, 1), 1);
}

static void
block_in_preadv2(void)
{
    EXPECT_EQ(preadv2(pipe_fds[0], &vector, 1, -1, 0), 1);
}

static void
block_in_recv(void)
{
    EXPECT_EQ(recv(socket_fds[0], &byte, 1, 0), 1);
}

static void
block_in_recvfrom(void)
{
    EXPECT_EQ(recvfrom(socket_fds[0], &byte, 1, 0, NULL, NULL), 1);
}

static void
block_in_recvmsg(void)
{
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    EXPECT_EQ(recvmsg(socket_fds[0], &message, 0), 1);
}

static void
block_in_recvmmsg(void)
{
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};

    EXPECT_EQ(recvmmsg(socket_fds[0], &message, 1, 0, NULL), 1);
}

struct point {
    const char *name;
    void (*block)(void);
    long system_call;
    bool is_cond;
};

static const struct point points[] = {
    {"pthread_cond_wait", block_in_cond_wait, SYS_futex, true},
    {"pthread_cond_timedwait", block_in_cond_timedwait, SYS_futex, true},
    {"pthread_cond_clockwait", block_in_cond_clockwait, SYS_futex, true},
    {"read", block_in_read, SYS_read, false},
    {"readv", block_in_readv, SYS_readv, false},
    {"preadv2", block_in_preadv2, SYS_preadv2, false},
    {"recv", block_in_recv, SYS_recvfrom, false},
    {"recvfrom", block_in_recvfrom, SYS_recvfrom, false},
    {"recvmsg", block_in_recvmsg, SYS_recvmsg, false},
    {"recvmmsg", block_in_recvmmsg, SYS_recvmmsg, false},
};
#define POINT_COUNT (sizeof(points) / sizeof(points[0]))

struct run {
    const struct point *point;
    int cancel_type;
    bool cancel_oneself; /* the request is pending when the call begins */
};

static void
inner_cleanup(void *unused)
{
    (void)unused;
    note('i');
    if (holds_mutex) {
        EXPECT_RETURNS(pthread_mutex_lock(&mutex), EDEADLK);
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    }
}

static void
outer_cleanup(void *unused)
{
    (void)unused;
    note('o');
}

static void
key_destructor(void *value)
{
    (void)value;
    note('k');
}

__attribute__((noinline)) static void
block_with_inner_cleanup(const struct run *run)
{
    pthread_cleanup_push(inner_cleanup, NULL);
    if (holds_mutex)
        EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    tid = expect_tid();
    if (run->cancel_oneself)
        pthread_cancel(pthread_self());
    pthread_setcanceltype(run->cancel_type, NULL);
    run->point->block();
    expect_fail(__FILE__, __LINE__, "%s returned", run->point->name);
    pthread_cleanup_pop(0);
}

static void *
thread_to_be_cancelled(void *argument)
{
    EXPECT_EQ(pthread_setspecific(key, &key), 0);
    pthread_cleanup_push(outer_cleanup, NULL);
    block_with_inner_cleanup(argument);
    pthread_cleanup_pop(0);
    return NULL;
}

static void
the_thread_ends_in_the_call(const struct run *run)
{
    order_length = 0;
    tid = 0;
    holds_mutex = run->point->is_cond;
    pthread_t thread = expect_thread(thread_to_be_cancelled, (void *)run);
    if (!run->cancel_oneself) {
        while (tid == 0)
            expect_pause_ms(1);
        expect_blocked_in(tid, run->point->system_call);
        EXPECT_EQ(pthread_cancel(thread), 0);
    }
    EXPECT(expect_join(thread) == PTHREAD_CANCELED);
    order[order_length] = '\0';
    if (strcmp(order, "iok") != 0)
        expect_fail(__FILE__, __LINE__, "%s: cleanup ran as %s", run->point->name, order);
    EXPECT_RETURNS(pthread_mutex_trylock(&mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
}

static int
read_uncancellable(void *unused)
{
    int old;

    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    block_in_read();
    block_in_recv();
    return 0;
}

static void *
call_uncancellable(void *unused)
{
    tid = expect_tid();
    EXPECT_EQ(read_uncancellable(unused), 0);
    return &tid;
}

static void
a_disabled_request_leaves_the_call_alone(void)
{
    tid = 0;
    pthread_t thread = expect_thread(call_uncancellable, NULL);
    while (tid == 0)
        expect_pause_ms(1);
    expect_blocked_in(tid, SYS_read);
    EXPECT_EQ(pthread_cancel(thread), 0);
    expect_pause_ms(3);
    EXPECT_EQ(write(pipe_fds[1], "x", 1), 1);
    EXPECT_EQ(send(socket_fds[1], "x", 1, 0), 1);
    EXPECT(expect_join(thread) == &tid);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void *
lock_with_a_request_pending(void *reached)
{
    pthread_cancel(pthread_self());
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    EXPECT_RETURNS(pthread_rwlock_wrlock(&rwlock), 0);
    EXPECT_RETURNS(pthread_rwlock_unlock(&rwlock), 0);
    EXPECT_RETURNS(pthread_cond_broadcast(&cond), 0);
    *(bool *)reached = true;
    pthread_testcancel();
    return NULL;
}

static void
locks_are_no_cancellation_points(void)
{
    bool reached = false;

    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    EXPECT_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    pthread_t thread = expect_thread(lock_with_a_request_pending, &reached);
    expect_pause_ms(10);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    expect_pause_ms(10);
    EXPECT_EQ(pthread_rwlock_unlock(&rwlock), 0);
    EXPECT(expect_join(thread) == PTHREAD_CANCELED);
    EXPECT(reached);
}

static void *
read_until_cancelled(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;)
        block_in_read();
    return unused;
}

/* At any instruction of the wrapper, recording included. */
static void
asynchronous_requests_at_random_moments_harm_nobody(void)
{
    for (int i = 0; i < 300; i++) {
        pthread_t thread = expect_thread(read_until_cancelled, NULL);

        for (int j = 0; j < i % 40; j++)
            EXPECT_EQ(write(pipe_fds[1], "xx", 2), 2);
        EXPECT_EQ(pthread_cancel(thread), 0);
        EXPECT(expect_join(thread) == PTHREAD_CANCELED);
    }
    EXPECT_EQ(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
    while (read(pipe_fds[0], &byte, 1) == 1)
        continue;
    EXPECT_EQ(fcntl(pipe_fds[0], F_SETFL, 0), 0);
}

int
main(void)
{
    const pthread_mutex_t fresh_mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

    mutex = fresh_mutex;
    EXPECT_EQ(pthread_key_create(&key, key_destructor), 0);
    EXPECT_EQ(pthread_cond_init(&cond, NULL), 0);
    EXPECT_EQ(pipe(pipe_fds), 0);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), 0);
    for (size_t i = 0; i < POINT_COUNT; i++) {
        the_thread_ends_in_the_call(&(struct run){&points[i], PTHREAD_CANCEL_DEFERRED, false});
        the_thread_ends_in_the_call(&(struct run){&points[i], PTHREAD_CANCEL_DEFERRED, true});
        the_thread_ends_in_the_call(&(struct run){&points[i], PTHREAD_CANCEL_ASYNCHRONOUS, false});
    }
    a_disabled_request_leaves_the_call_alone();
    locks_are_no_cancellation_points();
    asynchronous_requests_at_random_moments_harm_nobody();
    a_disabled_request_leaves_the_call_alone();
    return 0;
}
