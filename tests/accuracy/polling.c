/*
 * Threads that ask again and again for data, and never wait for it, more of them than processors.
 *
 *   polling DURATION_NS
 *
 * poll_by_flag says so with each call, poll_by_descriptor once for the descriptor. For comparison,
 * two waits that are some: wait_for_data, and wait_until_timeout, which ends with EAGAIN as well.
 * Prints `polled PATH CALLS`.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "accuracy/truth.h"

#define THREADS 4u
#define WAIT_NS 50000000

static uint64_t end_ns;
static uint64_t call_count; /* atomic */

static void
make_sockets(int sockets[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
        truth_fail("socketpair", 0);
}

static void
expect_nothing_yet(ssize_t result)
{
    if (result != -1 || errno != EAGAIN)
        truth_fail("data where there is none", 0);
}

static void *
poll_by_flag(void *unused)
{
    int sockets[2];
    uint64_t count = 0;
    char byte;

    make_sockets(sockets);
    for (; truth_now_ns() < end_ns; count++)
        expect_nothing_yet(recv(sockets[0], &byte, 1, MSG_DONTWAIT));
    __atomic_fetch_add(&call_count, count, __ATOMIC_RELAXED);
    return unused;
}

static void *
poll_by_descriptor(void *unused)
{
    int fds[2];
    uint64_t count = 0;
    char byte;

    if (pipe2(fds, O_NONBLOCK) != 0)
        truth_fail("pipe2", 0);
    for (; truth_now_ns() < end_ns; count++)
        expect_nothing_yet(read(fds[0], &byte, 1));
    __atomic_fetch_add(&call_count, count, __ATOMIC_RELAXED);
    return unused;
}

static void
poll_by(const char *path, void *(*poll)(void *), uint64_t duration_ns)
{
    pthread_t threads[THREADS];

    end_ns = truth_now_ns() + duration_ns;
    call_count = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        int error = pthread_create(&threads[i], NULL, poll, NULL);

        if (error != 0)
            truth_fail("pthread_create", error);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("polled %s %" PRIu64 "\n", path, call_count);
}

__attribute__((noinline)) static void
wait_until_timeout(void)
{
    struct timeval timeout = {.tv_usec = WAIT_NS / 1000};
    int sockets[2];
    char byte;

    make_sockets(sockets);
    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    expect_nothing_yet(recv(sockets[0], &byte, 1, 0));
}

static void *
send_late(void *socket)
{
    truth_sleep_ns(WAIT_NS);
    if (send(*(int *)socket, "x", 1, 0) != 1)
        truth_fail("send", 0);
    return NULL;
}

__attribute__((noinline)) static void
wait_for_data(void)
{
    int sockets[2];
    pthread_t sender;
    char byte;

    make_sockets(sockets);
    if (pthread_create(&sender, NULL, send_late, &sockets[1]) != 0)
        truth_fail("pthread_create", EAGAIN);
    if (recv(sockets[0], &byte, 1, 0) != 1)
        truth_fail("recv", 0);
    pthread_join(sender, NULL);
}

int
main(int argc, char **argv)
{
    uint64_t duration_ns;

    if (argc != 2) {
        fprintf(stderr, "usage: polling DURATION_NS\n");
        return 2;
    }
    duration_ns = strtoull(argv[1], NULL, 10);
    poll_by("poll_by_flag", poll_by_flag, duration_ns);
    poll_by("poll_by_descriptor", poll_by_descriptor, duration_ns);
    wait_for_data();
    wait_until_timeout();
    return 0;
}
