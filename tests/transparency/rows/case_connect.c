/*
 * accept, accept4 and connect. ECONNABORTED, EPROTO, EHOSTUNREACH, ENETUNREACH and ETIMEDOUT, of a
 * network that is not there or not well, are left out, as are ENFILE, ENOMEM and ENOBUFS.
 */
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "../expect.h"
#include "row_wait.h"

struct row_connect {
    int (*accept)(int fd, struct sockaddr *address, socklen_t *size, int flags);
    row_type_connect connect;
    struct sockaddr_un address;
    int listener;
    int clients; /* connect: how many wait to be accepted already */
};

static int
row_stream_socket(int flags)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    EXPECT(fd >= 0);
    return fd;
}

/* connect(2) and accept(2) without a wrapper. */
static int
row_raw_connect(const struct row_connect *c)
{
    int error = errno;
    int fd = row_stream_socket(0);

    EXPECT_EQ(syscall(SYS_connect, fd, &c->address, sizeof(c->address)), 0);
    errno = error;
    return fd;
}

static void
row_raw_accept(const struct row_connect *c)
{
    int error = errno;
    int fd = (int)syscall(SYS_accept4, c->listener, NULL, NULL, SOCK_CLOEXEC);

    EXPECT(fd >= 0);
    close(fd);
    errno = error;
}

/* With a queue of one connection, the shortest that there is. */
static void
row_listen(struct row_connect *c)
{
    c->address.sun_family = AF_UNIX;
    strcpy(c->address.sun_path, row_path("listener"));
    c->listener = row_stream_socket(0);
    EXPECT_EQ(bind(c->listener, (struct sockaddr *)&c->address, sizeof(c->address)), 0);
    EXPECT_EQ(listen(c->listener, 0), 0);
}

/* --- accept, accept4 ------------------------------------------------------------------------- */

static long
row_accept_call(void *object)
{
    const struct row_connect *c = object;
    int fd = c->accept(c->listener, NULL, NULL, 0);

    return fd < 0 ? -1 : close(fd);
}

static void
row_accept_release(void *object)
{
    close(row_raw_connect(object));
}

static void
row_accept_errors(const struct row_connect *c)
{
    struct sockaddr_storage address;
    struct rlimit all;
    struct rlimit few;
    socklen_t size = sizeof(address);
    int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int not_listening = row_stream_socket(0);
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(c->accept(-1, NULL, NULL, 0), EBADF);
    EXPECT_FAILS(c->accept(fds[0], NULL, NULL, 0), ENOTSOCK);
    EXPECT_FAILS(c->accept(datagram, NULL, NULL, 0), EOPNOTSUPP);
    EXPECT_FAILS(c->accept(not_listening, NULL, NULL, 0), EINVAL);
    close(row_raw_connect(c));
    EXPECT_FAILS(c->accept(c->listener, (struct sockaddr *)&address, (socklen_t *)16, 0), EFAULT);
    close(row_raw_connect(c));
    size = (socklen_t)-1;
    EXPECT_FAILS(c->accept(c->listener, (struct sockaddr *)&address, &size, 0), EINVAL);

    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
    few = (struct rlimit){0, all.rlim_max};
    close(row_raw_connect(c));
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_FAILS(c->accept(c->listener, NULL, NULL, 0), EMFILE);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
    row_raw_accept(c);
    close(datagram);
    close(not_listening);
    close(fds[0]);
    close(fds[1]);
}

static void
row_accept_times_out(const struct row_connect *c)
{
    const struct timeval limit = {0, 20000};
    const struct timeval none = {0, 0};
    int64_t start_ns;

    EXPECT_EQ(setsockopt(c->listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    start_ns = expect_now_ns(CLOCK_MONOTONIC);
    EXPECT_FAILS(c->accept(c->listener, NULL, NULL, 0), EAGAIN);
    /* The kernel counts it in ticks of some milliseconds. */
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= 15000000);
    EXPECT_EQ(setsockopt(c->listener, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)), 0);
    row_waited();
}

static void
row_accepts(struct row_connect *c)
{
    const struct row_call call = {row_accept_call, c, row_accept_release};
    struct sockaddr_un peer;
    socklen_t size = sizeof(peer);
    int client = row_stream_socket(0);
    int fd;

    row_listen(c);
    strcpy(peer.sun_path, row_path("client"));
    peer.sun_family = AF_UNIX;
    EXPECT_EQ(bind(client, (struct sockaddr *)&peer, sizeof(peer)), 0);
    EXPECT_EQ(syscall(SYS_connect, client, &c->address, sizeof(c->address)), 0);
    memset(&peer, 0, sizeof(peer));
    errno = EXPECT_ERRNO_MARK;
    fd = c->accept(c->listener, (struct sockaddr *)&peer, &size, 0);
    EXPECT(fd >= 0 && errno == EXPECT_ERRNO_MARK);
    EXPECT(strcmp(peer.sun_path, row_path("client")) == 0 && size > 2 && size <= sizeof(peer));
    EXPECT_EQ(fcntl(fd, F_GETFD), 0);
    EXPECT_EQ(fcntl(fd, F_GETFL), O_RDWR);
    close(fd);
    close(client);
    row_accept_errors(c);
    EXPECT_EQ(fcntl(c->listener, F_SETFL, O_NONBLOCK), 0);
    EXPECT_FAILS(c->accept(c->listener, NULL, NULL, 0), EAGAIN);
    EXPECT_EQ(fcntl(c->listener, F_SETFL, 0), 0);
    row_accept_times_out(c);
    row_expect_wait(&call, 0, ROW_RESTARTS | ROW_CANCELS);
}

static row_type_accept row_accept_function;

static int
row_accept_plain(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    (void)flags;
    return row_accept_function(fd, address, size);
}

ROW_CASE(accept)
{
    struct row_connect c = {.accept = row_accept_plain};

    row_accept_function = function;
    row_accepts(&c);
}

static row_type_accept4 row_accept4_function;

static int
row_accept_with_flags(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return row_accept4_function(fd, address, size, flags);
}

ROW_CASE(accept4)
{
    struct row_connect c = {.accept = row_accept_with_flags};
    int client;
    int fd;

    row_accept4_function = function;
    row_accepts(&c);
    client = row_raw_connect(&c);
    EXPECT_FAILS(function(c.listener, NULL, NULL, 1), EINVAL);
    fd = function(c.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    EXPECT(fd >= 0);
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    close(fd);
    close(client);
}

/* --- connect --------------------------------------------------------------------------------- */

/* The queue is full before the call, and again after it. */
static long
row_connect_call(void *object)
{
    struct row_connect *c = object;
    int fd = row_stream_socket(0);
    int result;
    int error;

    for (; c->clients < 1; c->clients++)
        row_raw_connect(c);
    errno = EXPECT_ERRNO_MARK;
    result = c->connect(fd, (struct sockaddr *)&c->address, sizeof(c->address));
    error = errno;
    close(fd);
    errno = error;
    return result;
}

static void
row_connect_release(void *object)
{
    row_raw_accept(object);
}

static void
row_connect_local_errors(const struct row_connect *c)
{
    const struct sockaddr *address = (const struct sockaddr *)&c->address;
    struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
    int fd = row_stream_socket(SOCK_NONBLOCK);
    int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int first = row_raw_connect(c);

    EXPECT_FAILS(c->connect(fd, address, sizeof(c->address)), EAGAIN);
    row_raw_accept(c);
    close(first);
    EXPECT_RETURNS(c->connect(fd, address, sizeof(c->address)), 0);
    row_raw_accept(c);
    EXPECT_FAILS(c->connect(fd, address, sizeof(c->address)), EISCONN);
    EXPECT_FAILS(c->connect(datagram, address, sizeof(c->address)), EPROTOTYPE);
    strcpy(nowhere.sun_path, row_path("nowhere"));
    EXPECT_FAILS(c->connect(datagram, (struct sockaddr *)&nowhere, sizeof(nowhere)), ENOENT);
    EXPECT_FAILS(c->connect(datagram, (struct sockaddr *)&nowhere, 1), EINVAL);
    EXPECT_FAILS(c->connect(datagram, (struct sockaddr *)16, sizeof(nowhere)), EFAULT);
    EXPECT_FAILS(c->connect(-1, address, sizeof(c->address)), EBADF);
    EXPECT_FAILS(c->connect(STDIN_FILENO, address, sizeof(c->address)), ENOTSOCK);
    close(fd);
    close(datagram);
}

static int
row_internet_socket(int type, struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    memset(address, 0, sizeof(*address));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT(fd >= 0);
    EXPECT_EQ(bind(fd, (struct sockaddr *)address, size), 0);
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

/* A connection that does not come about: the listener's queue is full. */
static void
row_connect_in_progress(row_type_connect function)
{
    struct sockaddr_in address;
    struct sockaddr_in own;
    int listener = row_internet_socket(SOCK_STREAM, &address);
    int first = row_internet_socket(SOCK_STREAM, &own);
    int second = row_internet_socket(SOCK_STREAM | SOCK_NONBLOCK, &own);

    EXPECT_EQ(listen(listener, 0), 0);
    EXPECT_EQ(syscall(SYS_connect, first, &address, sizeof(address)), 0);
    EXPECT_FAILS(function(second, (struct sockaddr *)&address, sizeof(address)), EINPROGRESS);
    row_expect_no_sample();
    EXPECT_FAILS(function(second, (struct sockaddr *)&address, sizeof(address)), EALREADY);
    close(second);
    close(first);
    close(listener);
}

static void
row_connect_internet_errors(row_type_connect function)
{
    struct sockaddr_in address;
    struct sockaddr_in own;
    struct sockaddr *to = (struct sockaddr *)&address;
    int listener = row_internet_socket(SOCK_STREAM, &address);
    int stream = row_internet_socket(SOCK_STREAM, &own);
    int other = row_internet_socket(SOCK_STREAM, &own);
    int datagram = row_internet_socket(SOCK_DGRAM, &own);

    EXPECT_EQ(listen(listener, 1), 0);
    EXPECT_RETURNS(function(other, to, sizeof(address)), 0);
    EXPECT_FAILS(function(other, to, sizeof(address)), EISCONN);
    close(other);
    close(listener);
    EXPECT_FAILS(function(stream, to, sizeof(address)), ECONNREFUSED);
    EXPECT_FAILS(function(stream, to, 4), EINVAL);
    EXPECT_RETURNS(function(datagram, to, sizeof(address)), 0);
    address.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    EXPECT(function(datagram, to, sizeof(address)) == -1 &&
           (errno == EACCES || errno == ENETUNREACH));
    address.sin_family = AF_APPLETALK;
    EXPECT_FAILS(function(datagram, to, sizeof(address)), EAFNOSUPPORT);
    address.sin_family = AF_UNSPEC;
    EXPECT_RETURNS(function(datagram, to, sizeof(address)), 0);
    close(stream);
    close(datagram);
}

ROW_CASE(connect)
{
    struct row_connect c = {.connect = function};
    const struct row_call call = {row_connect_call, &c, row_connect_release};

    EXPECT_EQ(close(STDIN_FILENO), 0);
    EXPECT_EQ(open("/dev/null", O_RDONLY), STDIN_FILENO);
    row_connect_in_progress(function);
    row_listen(&c);
    row_connect_local_errors(&c);
    row_connect_internet_errors(function);
    row_expect_wait(&call, 0, ROW_RESTARTS | ROW_CANCELS);
}
