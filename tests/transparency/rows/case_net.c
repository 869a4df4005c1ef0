/*
 * recv and its kin, send and its kin. recv_results.c has the rest of what the first answer. ENOMEM
 * and ENOBUFS, of a system without memory, are left out.
 */
#include <arpa/inet.h>
#include <sys/un.h>

#include "row_transfer.h"

/* --- Sockets --------------------------------------------------------------------------------- */

static void
row_socket_pair(int type, int fds[2])
{
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
}

static void
row_close_both(const int fds[2])
{
    EXPECT_EQ(close(fds[0]), 0);
    EXPECT_EQ(close(fds[1]), 0);
}

/* A datagram socket on the loopback interface, and its address. */
static int
row_datagram_socket(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT(fd >= 0);
    memset(address, 0, sizeof(*address));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd, (struct sockaddr *)address, size), 0);
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

/* A datagram socket connected to a port that was closed, and got word of it. */
static int
row_refused_socket(void)
{
    struct sockaddr_in from;
    struct sockaddr_in to;
    int closed = row_datagram_socket(&to);
    int fd = row_datagram_socket(&from);

    EXPECT_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    close(closed);
    row_put(fd, "x", 1);
    return fd;
}

static void
row_set_timeout(int fd, int option, int ms)
{
    const struct timeval limit = {0, ms * 1000};

    EXPECT_EQ(setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit)), 0);
}

/* The call gives up after the socket's 20 ms, says EAGAIN, and has waited. */
static void
row_expect_timeout(struct row_transfer *t, int fd, int option, char *buffer)
{
    int64_t start_ns;

    row_set_timeout(fd, option, 20);
    start_ns = expect_now_ns(CLOCK_MONOTONIC);
    EXPECT_FAILS(row_transfer(t, fd, buffer, 1), EAGAIN);
    /* The kernel counts it in ticks of some milliseconds. */
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= 15000000);
    row_waited();
}

/* A socket with a timeout is not asked again after a signal, whatever its handler's flags. */
static void
row_expect_no_restart(const struct row_call *call, int fd, int option)
{
    struct row_outcome outcome;

    row_set_timeout(fd, option, 900);
    outcome = row_interrupt(call, SA_RESTART);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    row_set_timeout(fd, option, 0);
}

/* What holds of both directions. */
static void
row_socket_errors(struct row_transfer *t)
{
    char buffer[8] = "1234567";
    int fds[2];
    int refused = row_refused_socket();

    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(row_transfer(t, -1, buffer, 8), EBADF);
    EXPECT_FAILS(row_transfer(t, 987654, buffer, 8), EBADF);
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 8), ENOTSOCK);
    EXPECT_FAILS(row_transfer(t, refused, buffer, 8), ECONNREFUSED);
    row_close_both(fds);
    close(refused);
    row_socket_pair(SOCK_DGRAM, fds);
    t->flags = MSG_OOB;
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 8), EOPNOTSUPP);
    t->flags = 0;
    row_close_both(fds);
}

/* --- recv and its kin ------------------------------------------------------------------------ */

static void
row_recv_put(void *object)
{
    const struct row_transfer *t = object;

    row_put(t->other_end, "x", 1);
}

static void
row_recv_errors(struct row_transfer *t)
{
    char buffer[8] = "";
    int unconnected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fds[2];

    row_socket_errors(t);
    EXPECT_FAILS(row_transfer(t, unconnected, buffer, 8), ENOTCONN);
    close(unconnected);
    row_socket_pair(SOCK_STREAM, fds);
    row_put(fds[1], "hello", 5);
    EXPECT_FAILS(row_transfer(t, fds[0], (char *)16, 8), EFAULT);
    row_close_both(fds);
    row_socket_pair(SOCK_STREAM, fds);
    row_put(fds[0], "unread", 6);
    close(fds[1]);
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 8), ECONNRESET);
    close(fds[0]);
}

static void
row_recv(struct row_transfer *t)
{
    const struct row_call call = {row_transfer_call, t, row_recv_put};
    char buffer[8] = "........";
    int fds[2];

    row_socket_pair(SOCK_STREAM, fds);
    t->flags = MSG_DONTWAIT;
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 8), EAGAIN);
    row_expect_no_sample();
    row_put(fds[1], "hello", 5);
    t->flags = MSG_PEEK;
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer, 2), 2);
    t->flags = 0;
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer, 8), 5);
    EXPECT_EQ(memcmp(buffer, "hello...", 8), 0);
    row_recv_errors(t);
    t->other_end = fds[1];
    row_expect_timeout(t, fds[0], SO_RCVTIMEO, buffer);
    row_expect_no_restart(&call, fds[0], SO_RCVTIMEO);
    row_expect_wait(&call, 1, ROW_RESTARTS | ROW_CANCELS);
    close(fds[1]);
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer, 8), 0);
    close(fds[0]);
}

static void
row_recv_fortified(struct row_transfer *t)
{
    row_transfer_expect_overflow_abort(t);
    t->buffer_bytes = 0;
    row_recv(t);
}

/* The bytes of a message, of a call that answers how many messages there were. */
static ssize_t
row_message_bytes(int count, const struct mmsghdr *one)
{
    return count == 1 ? (ssize_t)one->msg_len : count;
}

static struct timespec *row_receive_time;

/* The time is looked at between messages, and what is left of it is told. */
static void
row_recvmmsg(struct row_transfer *t)
{
    struct timespec time = {5, 0};
    char buffer[4];
    int fds[2];

    row_recv(t);
    row_socket_pair(SOCK_DGRAM, fds);
    row_put(fds[1], "x", 1);
    row_receive_time = &time;
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer, 4), 1);
    EXPECT(time.tv_sec == 4 && time.tv_nsec > 0);
    time = (struct timespec){0, -1};
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 4), EINVAL);
    row_receive_time = (struct timespec *)16;
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 4), EFAULT);
    row_receive_time = NULL;
    row_close_both(fds);
}

/* The sender's address, as much of it as fits. */
static void
row_recv_address(struct row_transfer *t, struct sockaddr_in *got, socklen_t *got_size)
{
    struct sockaddr_in from;
    struct sockaddr_in to;
    char buffer[4];
    int receiver = row_datagram_socket(&to);
    int sender = row_datagram_socket(&from);

    EXPECT_EQ(connect(sender, (struct sockaddr *)&to, sizeof(to)), 0);
    row_put(sender, "12345678", 8);
    row_put(sender, "12345678", 8);
    memset(got, 0, sizeof(*got));
    *got_size = 4;
    EXPECT_RETURNS(row_transfer(t, receiver, buffer, 4), 4);
    EXPECT_EQ(*got_size, sizeof(from));
    EXPECT(got->sin_port == from.sin_port && got->sin_addr.s_addr == 0);
    *got_size = sizeof(*got);
    t->flags = MSG_TRUNC;
    EXPECT_RETURNS(row_transfer(t, receiver, buffer, 4), 8);
    EXPECT_EQ(*got_size, sizeof(from));
    EXPECT(memcmp(got, &from, sizeof(from)) == 0);
    t->flags = MSG_DONTWAIT;
    *got_size = (socklen_t)-1;
    row_put(sender, "12345678", 8);
    EXPECT_FAILS(row_transfer(t, receiver, buffer, 4), EINVAL);
    t->flags = 0;
    close(receiver);
    close(sender);
}

static struct sockaddr_in row_from;
static socklen_t row_from_size;

static void
row_recvfrom(struct row_transfer *t)
{
    row_recv(t);
    row_recv_address(t, &row_from, &row_from_size);
}

static void
row_recvfrom_fortified(struct row_transfer *t)
{
    row_recv_fortified(t);
    row_recv_address(t, &row_from, &row_from_size);
}

ROW_TRANSFER_CASE(recv, function(t->fd, t->buffer, t->count, t->flags), row_recv)
ROW_TRANSFER_CASE(recvfrom,
                  function(t->fd, t->buffer, t->count, t->flags, (struct sockaddr *)&row_from,
                           &row_from_size),
                  row_recvfrom)
ROW_TRANSFER_CASE(recvmsg, function(t->fd, &one.msg_hdr, t->flags), row_recv)
ROW_TRANSFER_CASE(recvmmsg,
                  row_message_bytes(function(t->fd, &one, 1, t->flags, row_receive_time), &one),
                  row_recvmmsg)
ROW_TRANSFER_CASE(__recv_chk, function(t->fd, t->buffer, t->count, row_transfer_limit(t), t->flags),
                  row_recv_fortified)
ROW_TRANSFER_CASE(__recvfrom_chk,
                  function(t->fd, t->buffer, t->count, row_transfer_limit(t), t->flags,
                           (struct sockaddr *)&row_from, &row_from_size),
                  row_recvfrom_fortified)

/* --- send and its kin ------------------------------------------------------------------------ */

/* Where sendto and sendmsg send; NULL: where the socket is connected to. */
static const void *row_to;
static socklen_t row_to_size;

static void
row_send_errors(struct row_transfer *t)
{
    static const char large[70000];
    struct sockaddr_in own;
    char buffer[8] = "1234567";
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int datagram = row_datagram_socket(&own);
    int fds[2];

    row_socket_errors(t);
    EXPECT_FAILS(row_transfer(t, local, buffer, 8), ENOTCONN);
    EXPECT_FAILS(row_transfer(t, datagram, buffer, 8), EDESTADDRREQ);
    EXPECT_EQ(connect(datagram, (struct sockaddr *)&own, sizeof(own)), 0);
    EXPECT_FAILS(row_transfer(t, datagram, large, sizeof(large)), EMSGSIZE);
    row_count_signal(SIGPIPE);
    EXPECT_FAILS(row_transfer(t, stream, buffer, 8), EPIPE);
    EXPECT_EQ(row_count_signal(SIGPIPE), 1);
    t->flags = MSG_NOSIGNAL;
    EXPECT_FAILS(row_transfer(t, stream, buffer, 8), EPIPE);
    EXPECT_EQ(row_count_signal(SIGPIPE), 0);
    t->flags = 0;
    row_socket_pair(SOCK_STREAM, fds);
    EXPECT_FAILS(row_transfer(t, fds[0], (char *)16, 8), EFAULT);
    row_close_both(fds);
    close(stream);
    close(local);
    close(datagram);
}

/* A pair of sockets whose queue for datagrams is filled before each call. */
struct row_full_socket {
    struct row_transfer *t;
    int fds[2];
};

static void
row_socket_fill(const struct row_full_socket *full)
{
    int error = errno;

    while (syscall(SYS_sendto, full->fds[0], "x", 1, MSG_DONTWAIT, NULL, 0) == 1)
        continue;
    EXPECT_EQ(errno, EAGAIN);
    errno = error;
}

static long
row_send_to_full_socket(void *object)
{
    struct row_full_socket *full = object;

    row_socket_fill(full);
    return row_transfer_call(full->t);
}

/* All of it: a sender sleeps on until most of its queue is free. */
static void
row_send_release(void *object)
{
    const struct row_full_socket *full = object;
    char byte;

    while (syscall(SYS_recvfrom, full->fds[1], &byte, 1, MSG_DONTWAIT, NULL, NULL) == 1)
        continue;
}

static void
row_send(struct row_transfer *t)
{
    struct row_full_socket full = {.t = t};
    const struct row_call call = {row_send_to_full_socket, &full, row_send_release};
    char buffer[8] = "hello";

    row_socket_pair(SOCK_DGRAM, full.fds);
    row_socket_fill(&full);
    t->flags = MSG_DONTWAIT;
    EXPECT_FAILS(row_transfer(t, full.fds[0], buffer, 8), EAGAIN);
    row_expect_no_sample();
    row_close_both(full.fds);

    row_socket_pair(SOCK_DGRAM, full.fds);
    t->flags = 0;
    EXPECT_RETURNS(row_transfer(t, full.fds[0], buffer, 5), 5);
    memset(buffer, '.', sizeof(buffer));
    row_get(full.fds[1], buffer, 5);
    EXPECT_EQ(memcmp(buffer, "hello...", 8), 0);
    row_send_errors(t);
    row_socket_fill(&full);
    row_expect_timeout(t, full.fds[0], SO_SNDTIMEO, buffer);
    row_expect_no_restart(&call, full.fds[0], SO_SNDTIMEO);
    row_expect_wait(&call, 1, ROW_RESTARTS | ROW_CANCELS);
    row_close_both(full.fds);
}

/* Sends that name their receiver. */
static void
row_send_address(struct row_transfer *t)
{
    struct sockaddr_in to;
    struct sockaddr_in from;
    struct sockaddr_in everyone = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
    char buffer[8] = "hello";
    int receiver = row_datagram_socket(&to);
    int sender = row_datagram_socket(&from);
    int local = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int fds[2];

    row_to = &to;
    row_to_size = sizeof(to);
    EXPECT_RETURNS(row_transfer(t, sender, buffer, 5), 5);
    memset(buffer, '.', sizeof(buffer));
    row_get(receiver, buffer, 5);
    EXPECT_EQ(memcmp(buffer, "hello...", 8), 0);
    row_to_size = 4;
    EXPECT_FAILS(row_transfer(t, sender, buffer, 5), EINVAL);
    row_to_size = sizeof(to);
    to.sin_family = AF_APPLETALK;
    EXPECT_FAILS(row_transfer(t, sender, buffer, 5), EAFNOSUPPORT);
    everyone.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    row_to = &everyone;
    EXPECT(row_transfer(t, sender, buffer, 5) == -1 && (errno == EACCES || errno == ENETUNREACH));
    row_to = (void *)16;
    EXPECT_FAILS(row_transfer(t, sender, buffer, 5), EFAULT);
    row_to = &nowhere;
    row_to_size = sizeof(nowhere);
    strcpy(nowhere.sun_path, row_path("nowhere"));
    EXPECT_FAILS(row_transfer(t, local, buffer, 5), ENOENT);
    row_socket_pair(SOCK_STREAM, fds);
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 5), EISCONN);
    row_to = NULL;
    row_to_size = 0;
    row_close_both(fds);
    close(local);
    close(receiver);
    close(sender);
}

static void
row_sendto(struct row_transfer *t)
{
    row_send(t);
    row_send_address(t);
}

static ssize_t
row_sendmsg_to(row_type_sendmsg function, const struct row_transfer *t, struct msghdr *message)
{
    message->msg_name = (void *)(uintptr_t)row_to;
    message->msg_namelen = row_to_size;
    return function(t->fd, message, t->flags);
}

ROW_TRANSFER_CASE(send, function(t->fd, t->buffer, t->count, t->flags), row_send)
ROW_TRANSFER_CASE(sendto,
                  function(t->fd, t->buffer, t->count, t->flags, (const struct sockaddr *)row_to,
                           row_to_size),
                  row_sendto)
ROW_TRANSFER_CASE(sendmsg, row_sendmsg_to(function, t, &one.msg_hdr), row_sendto)

/* Each message has its length afterwards; the first that fails ends the call. */
static void row_sendmmsg(struct row_transfer *t);

ROW_TRANSFER_CASE(sendmmsg, row_message_bytes(function(t->fd, &one, 1, t->flags), &one),
                  row_sendmmsg)

static void
row_sendmmsg(struct row_transfer *t)
{
    struct iovec good = {(void *)(uintptr_t) "hello", 5};
    struct iovec bad = {(void *)16, 5};
    struct mmsghdr messages[3] = {{.msg_hdr = {.msg_iov = &good, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &good, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &bad, .msg_iovlen = 1}}};
    int fds[2];

    row_send(t);
    row_socket_pair(SOCK_DGRAM, fds);
    EXPECT_RETURNS(row_function_sendmmsg(fds[0], messages, 2, 0), 2);
    EXPECT(messages[0].msg_len == 5 && messages[1].msg_len == 5);
    messages[1].msg_len = 0;
    errno = EXPECT_ERRNO_MARK;
    EXPECT_EQ(row_function_sendmmsg(fds[0], messages, 3, 0), 2);
    EXPECT_EQ(messages[1].msg_len, 5);
    EXPECT_RETURNS(row_function_sendmmsg(fds[0], messages, 0, 0), 0);
    EXPECT_FAILS(row_function_sendmmsg(fds[0], messages + 2, 1, 0), EFAULT);
    EXPECT_FAILS(row_function_sendmmsg(fds[0], (struct mmsghdr *)16, 1, 0), EFAULT);
    row_close_both(fds);
}
