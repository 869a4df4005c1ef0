/* Every function of the recv family: results, errno, flags, addresses, timeouts, signals. */
#include "expect.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Exported by libc, declared by no header. */
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags,
                       struct sockaddr *address, socklen_t *address_size);

typedef ssize_t receiver_function(int fd, void *buffer, size_t size, int flags);

static ssize_t
by_recvfrom(int fd, void *buffer, size_t size, int flags)
{
    return recvfrom(fd, buffer, size, flags, NULL, NULL);
}

static ssize_t
by_recvmsg(int fd, void *buffer, size_t size, int flags)
{
    struct iovec vector = {buffer, size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    return recvmsg(fd, &message, flags);
}

static ssize_t
by_recvmmsg(int fd, void *buffer, size_t size, int flags)
{
    struct iovec vector = {buffer, size};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};
    int received = recvmmsg(fd, &message, 1, flags, NULL);

    return received == 1 ? (ssize_t)message.msg_len : received;
}

static ssize_t
by_recv_chk(int fd, void *buffer, size_t size, int flags)
{
    return __recv_chk(fd, buffer, size, size, flags);
}

static ssize_t
by_recvfrom_chk(int fd, void *buffer, size_t size, int flags)
{
    return __recvfrom_chk(fd, buffer, size, size, flags, NULL, NULL);
}

static const struct {
    receiver_function *call;
    long system_call;
} receivers[] = {
    {recv, SYS_recvfrom},        {by_recvfrom, SYS_recvfrom}, {by_recvmsg, SYS_recvmsg},
    {by_recvmmsg, SYS_recvmmsg}, {by_recv_chk, SYS_recvfrom}, {by_recvfrom_chk, SYS_recvfrom},
};
#define RECEIVER_COUNT (sizeof(receivers) / sizeof(receivers[0]))

static void
on_signal(int number)
{
    (void)number;
}

static void
handle_user_signal(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

static void
flags_mean_what_they_mean(receiver_function *receiver)
{
    char buffer[8] = "........";
    int fds[2];

    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    EXPECT_FAILS(receiver(fds[0], buffer, 8, MSG_DONTWAIT), EAGAIN);
    EXPECT_EQ(write(fds[1], "hello", 5), 5);
    EXPECT_RETURNS(receiver(fds[0], buffer, 8, MSG_PEEK), 5);
    EXPECT_RETURNS(receiver(fds[0], buffer, 3, 0), 3);
    EXPECT_EQ(memcmp(buffer, "hello...", 8), 0);
    EXPECT_RETURNS(receiver(fds[0], buffer, 8, 0), 2);
    EXPECT_EQ(memcmp(buffer, "lollo...", 8), 0);
    close(fds[1]);
    EXPECT_RETURNS(receiver(fds[0], buffer, 8, 0), 0);
    close(fds[0]);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    EXPECT_EQ(write(fds[1], "hello", 5), 5);
    if (receiver != by_recvmmsg)
        EXPECT_RETURNS(receiver(fds[0], buffer, 2, MSG_TRUNC), 5);
    close(fds[0]);
    close(fds[1]);
}

static void
bad_arguments_are_told(receiver_function *receiver)
{
    char buffer[4096];
    int fds[2];
    int unconnected = socket(AF_INET, SOCK_STREAM, 0);

    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    EXPECT_EQ(write(fds[1], "hello", 5), 5);
    EXPECT_FAILS(receiver(-1, buffer, 8, 0), EBADF);
    EXPECT_FAILS(receiver(STDIN_FILENO, buffer, 8, 0), ENOTSOCK);
    EXPECT_FAILS(receiver(unconnected, buffer, 8, 0), ENOTCONN);
    EXPECT_FAILS(receiver(fds[0], (void *)16, 8, 0), EFAULT);
    close(unconnected);
    close(fds[0]);
    close(fds[1]);
}

static void
a_receive_timeout_says_eagain_and_not_early(receiver_function *receiver)
{
    const struct timeval limit = {0, 20000};
    char byte;
    int fds[2];

    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    EXPECT_EQ(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);
    EXPECT_FAILS(receiver(fds[0], &byte, 1, 0), EAGAIN);
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= 15000000);
    close(fds[0]);
    close(fds[1]);
}

struct blocked_call {
    receiver_function *call;
    int fd;
    bool interrupted;
};

static int
receive_blocked(void *argument)
{
    struct blocked_call *blocked = argument;
    char bytes[2] = "";

    if (blocked->interrupted)
        EXPECT_FAILS(blocked->call(blocked->fd, bytes, 2, MSG_WAITALL), EINTR);
    else
        EXPECT_RETURNS(blocked->call(blocked->fd, bytes, 2, MSG_WAITALL), 2);
    return bytes[1];
}

static void
a_signal_interrupts_a_blocked_receive_unless_it_restarts(size_t which)
{
    struct actor other;
    int fds[2];

    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    actor_start(&other);
    for (int restart = 0; restart < 2; restart++) {
        struct blocked_call blocked = {receivers[which].call, fds[0], !restart};

        handle_user_signal(restart ? SA_RESTART : 0);
        actor_begin(&other, receive_blocked, &blocked);
        expect_blocked_in(other.tid, receivers[which].system_call);
        EXPECT_EQ(pthread_kill(other.thread, SIGUSR1), 0);
        expect_pause_ms(2);
        if (restart) {
            EXPECT_EQ(write(fds[1], "a", 1), 1);
            expect_pause_ms(1);
            EXPECT_EQ(write(fds[1], "b", 1), 1);
        }
        EXPECT_EQ(actor_end(&other), restart ? 'b' : 0);
    }
    actor_stop(&other);
    close(fds[0]);
    close(fds[1]);
}

static int
bound_datagram_socket(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    memset(address, 0, sizeof(*address));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd, (struct sockaddr *)address, size), 0);
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static void
expect_sender(const struct sockaddr_storage *got, socklen_t got_size,
              const struct sockaddr_in *sender)
{
    EXPECT_EQ(got_size, sizeof(*sender));
    EXPECT_EQ(((const struct sockaddr_in *)got)->sin_port, sender->sin_port);
}

static void
the_sender_s_address_is_returned(void)
{
    struct sockaddr_in to;
    struct sockaddr_in from;
    struct sockaddr_storage got;
    socklen_t size = sizeof(got);
    char buffer[4];
    int receiver = bound_datagram_socket(&to);
    int sender = bound_datagram_socket(&from);

    EXPECT_EQ(connect(sender, (struct sockaddr *)&to, sizeof(to)), 0);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(send(sender, "abcdef", 6, 0), 6);
    EXPECT_RETURNS(recvfrom(receiver, buffer, 4, 0, (struct sockaddr *)&got, &size), 4);
    expect_sender(&got, size, &from);
    size = sizeof(got);
    EXPECT_RETURNS(
        __recvfrom_chk(receiver, buffer, 4, 4, MSG_TRUNC, (struct sockaddr *)&got, &size), 6);
    expect_sender(&got, size, &from);
    struct iovec vector = {buffer, 4};
    struct msghdr message = {
        .msg_name = &got, .msg_namelen = sizeof(got), .msg_iov = &vector, .msg_iovlen = 1};
    EXPECT_RETURNS(recvmsg(receiver, &message, 0), 4);
    expect_sender(&got, message.msg_namelen, &from);
    EXPECT_EQ(message.msg_flags, MSG_TRUNC);
    close(receiver);
    close(sender);
}

static void
recvmmsg_fills_each_message_and_the_timeout(void)
{
    struct sockaddr_in to;
    char buffers[4][4];
    struct iovec vectors[4];
    struct mmsghdr messages[4] = {0};
    struct timespec limit = {5, 0};
    int receiver = bound_datagram_socket(&to);
    int sender = socket(AF_INET, SOCK_DGRAM, 0);

    EXPECT_EQ(connect(sender, (struct sockaddr *)&to, sizeof(to)), 0);
    for (size_t i = 0; i < 4; i++) {
        EXPECT_EQ(send(sender, "abcdef", i, 0), i);
        vectors[i] = (struct iovec){buffers[i], 4};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    EXPECT_RETURNS(recvmmsg(receiver, messages, 4, 0, &limit), 4);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(messages[i].msg_len, i);
    EXPECT(limit.tv_sec < 5 && limit.tv_nsec > 0);
    EXPECT_RETURNS(recvmmsg(receiver, messages, 0, 0, NULL), 0);
    EXPECT_FAILS(recvmmsg(receiver, messages, 4, MSG_DONTWAIT, NULL), EAGAIN);
    limit = (struct timespec){0, -1};
    EXPECT_FAILS(recvmmsg(receiver, messages, 4, 0, &limit), EINVAL);
    close(receiver);
    close(sender);
}

static void
descriptors_come_through_recvmsg(void)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    char byte = 'd';
    struct iovec vector = {&byte, 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    int fds[2];
    int passed = open("/dev/null", O_RDONLY);

    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    EXPECT(header != NULL);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof(int));
    EXPECT_EQ(sendmsg(fds[1], &message, 0), 1);
    memset(&control, 0, sizeof(control));
    EXPECT_RETURNS(recvmsg(fds[0], &message, MSG_CMSG_CLOEXEC), 1);
    header = CMSG_FIRSTHDR(&message);
    EXPECT(header != NULL && header->cmsg_type == SCM_RIGHTS);
    memcpy(&passed, CMSG_DATA(header), sizeof(int));
    EXPECT_EQ(fcntl(passed, F_GETFD), FD_CLOEXEC);
    close(fds[0]);
    close(fds[1]);
}

int
main(void)
{
    if (open("/dev/null", O_RDONLY) == STDIN_FILENO)
        fputs("standard input was closed\n", stderr);
    for (size_t i = 0; i < RECEIVER_COUNT; i++) {
        flags_mean_what_they_mean(receivers[i].call);
        bad_arguments_are_told(receivers[i].call);
        a_receive_timeout_says_eagain_and_not_early(receivers[i].call);
        a_signal_interrupts_a_blocked_receive_unless_it_restarts(i);
    }
    the_sender_s_address_is_returned();
    recvmmsg_fills_each_message_and_the_timeout();
    descriptors_come_through_recvmsg();
    return 0;
}
