/*
 * Waits for the other side of a socket, in every way (paths.h), and prints the truth about it
 * (truth.h).
 *
 *   net_paths ROUNDS HOLD_NS
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "paths.h"

#define CHUNK_BYTES 4096

/* What <bits/socket2.h> makes of a receive into an array of known size, when fortified. */
ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
                       struct sockaddr *from, socklen_t *from_size);

static int sockets[2]; /* the waiter's, and the helper's */
static char chunk[CHUNK_BYTES];
static struct iovec chunk_vector = {.iov_base = chunk, .iov_len = sizeof chunk};
static struct mmsghdr message = {.msg_hdr = {.msg_iov = &chunk_vector, .msg_iovlen = 1}};

/* --- What the helper does. Its own calls go past libc ----------------------------------------- */

static void
supply(void)
{
    PATH_NEED(syscall(SYS_write, sockets[1], "x", 1) == 1, 0);
}

static void
drain(void)
{
    int held = 0;

    for (;;) {
        PATH_NEED(ioctl(sockets[1], FIONREAD, &held) == 0, 0);
        if (held == 0)
            return;
        PATH_NEED(syscall(SYS_read, sockets[1], chunk, sizeof chunk) > 0, 0);
    }
}

static void
fill(void)
{
    drain();
    while (syscall(SYS_sendto, sockets[0], chunk, sizeof chunk, MSG_DONTWAIT, NULL, 0) > 0) {
    }
    PATH_NEED(errno == EAGAIN, 0);
}

/* --- Receiving and sending -------------------------------------------------------------------- */

DEFINE_WAIT(wait_recv, "recv", recv(sockets[0], chunk, sizeof chunk, 0), 1)
DEFINE_WAIT(wait_recvfrom, "recv", recvfrom(sockets[0], chunk, sizeof chunk, 0, NULL, NULL), 1)
DEFINE_WAIT(wait_recvmsg, "recv", recvmsg(sockets[0], &message.msg_hdr, 0), 1)
DEFINE_WAIT(wait_recvmmsg, "recv", recvmmsg(sockets[0], &message, 1, 0, NULL), 1)
DEFINE_WAIT(wait_recv_chk, "recv", __recv_chk(sockets[0], chunk, 1, sizeof chunk, 0), 1)
DEFINE_WAIT(wait_recvfrom_chk, "recv",
            __recvfrom_chk(sockets[0], chunk, 1, sizeof chunk, 0, NULL, NULL), 1)
DEFINE_WAIT(wait_read_socket, "read", read(sockets[0], chunk, sizeof chunk), 1)

DEFINE_WAIT(wait_send, "send", send(sockets[0], chunk, sizeof chunk, 0), sizeof chunk)
DEFINE_WAIT(wait_sendto, "send", sendto(sockets[0], chunk, sizeof chunk, 0, NULL, 0), sizeof chunk)
DEFINE_WAIT(wait_sendmsg, "send", sendmsg(sockets[0], &message.msg_hdr, 0), sizeof chunk)
DEFINE_WAIT(wait_sendmmsg, "send", sendmmsg(sockets[0], &message, 1, 0), 1)
DEFINE_WAIT(wait_write_socket, "write", write(sockets[0], chunk, sizeof chunk), sizeof chunk)

/* --- Connections: to a listener whose queue has room for one ---------------------------------- */

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_bytes;
static int listener;
static int waiting_connection = -1;
static int connecting = -1;
static int accepted = -1;

static int
make_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    PATH_NEED(fd >= 0, 0);
    return fd;
}

/* Closes what the wait before has left open: outside of it, where it adds nothing to its path. */
static void
make_connecting(void)
{
    close(connecting);
    close(accepted);
    connecting = make_socket();
    accepted = -1;
}

/* Connects, past libc. */
static void
connect_to_listener(int fd)
{
    PATH_NEED(syscall(SYS_connect, fd, &address, address_bytes) == 0, 0);
}

static void
connect_now(void)
{
    connect_to_listener(connecting);
}

static void
fill_queue(void)
{
    make_connecting();
    close(waiting_connection);
    waiting_connection = make_socket();
    connect_to_listener(waiting_connection);
}

static int
accept_one(void)
{
    int fd = (int)syscall(SYS_accept, listener, NULL, NULL);

    PATH_NEED(fd >= 0, 0);
    return fd;
}

/* Makes room for the connection that waits. */
static void
accept_other(void)
{
    close(accept_one());
}

DEFINE_WAIT_AS(wait_accept, "accept", TRUTH_OTHER, NULL, (void)0,
               (accepted = accept(listener, NULL, NULL)) >= 0, 1, (void)0)
DEFINE_WAIT_AS(wait_accept4, "accept", TRUTH_OTHER, NULL, (void)0,
               (accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0, 1, (void)0)
/* The queue has one again, which is to be accepted. */
DEFINE_WAIT_AS(wait_connect, "connect", TRUTH_OTHER, NULL, (void)0,
               connect(connecting, (struct sockaddr *)&address, address_bytes), 0,
               accepted = accept_one())

/* --- A close that lingers until the peer has read all ----------------------------------------- */

static int lingering[2];

static void
make_lingering(void)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 10};
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof loopback;
    int tcp_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    lingering[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    PATH_NEED(tcp_listener >= 0 && lingering[0] >= 0, 0);
    PATH_NEED(bind(tcp_listener, (struct sockaddr *)&loopback, bytes) == 0, 0);
    PATH_NEED(getsockname(tcp_listener, (struct sockaddr *)&loopback, &bytes) == 0, 0);
    PATH_NEED(listen(tcp_listener, 1) == 0, 0);
    PATH_NEED(connect(lingering[0], (struct sockaddr *)&loopback, bytes) == 0, 0);
    lingering[1] = accept(tcp_listener, NULL, NULL);
    PATH_NEED(lingering[1] >= 0, 0);
    PATH_NEED(setsockopt(lingering[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0, 0);
    while (send(lingering[0], chunk, sizeof chunk, MSG_DONTWAIT) > 0) {
    }
    PATH_NEED(errno == EAGAIN, 0);
    close(tcp_listener);
}

static void
read_all(void)
{
    while (syscall(SYS_read, lingering[1], chunk, sizeof chunk) > 0) {
    }
    close(lingering[1]);
}

DEFINE_WAIT(wait_close, "close", close(lingering[0]), 0)

static const struct path paths[] = {
    {wait_recv, path_do_nothing, supply, PATH_RELEASED},
    {wait_recvfrom, path_do_nothing, supply, PATH_RELEASED},
    {wait_recvmsg, path_do_nothing, supply, PATH_RELEASED},
    {wait_recvmmsg, path_do_nothing, supply, PATH_RELEASED},
    {wait_recv_chk, path_do_nothing, supply, PATH_RELEASED},
    {wait_recvfrom_chk, path_do_nothing, supply, PATH_RELEASED},
    {wait_read_socket, path_do_nothing, supply, PATH_RELEASED},
    {wait_send, fill, drain, PATH_RELEASED},
    {wait_sendto, fill, drain, PATH_RELEASED},
    {wait_sendmsg, fill, drain, PATH_RELEASED},
    {wait_sendmmsg, fill, drain, PATH_RELEASED},
    {wait_write_socket, fill, drain, PATH_RELEASED},
    {wait_accept, make_connecting, connect_now, PATH_RELEASED},
    {wait_accept4, make_connecting, connect_now, PATH_RELEASED},
    {wait_connect, fill_queue, accept_other, PATH_RELEASED},
    {wait_close, make_lingering, read_all, PATH_RELEASED},
};

int
main(int argc, char **argv)
{
    PATH_NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, 0);
    listener = make_socket();
    /* An abstract name, which leaves nothing behind. */
    address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                (size_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                                 "waitprof-net_paths-%d", (int)getpid()));
    PATH_NEED(bind(listener, (struct sockaddr *)&address, address_bytes) == 0, 0);
    PATH_NEED(listen(listener, 0) == 0, 0);
    return paths_run(paths, sizeof paths / sizeof paths[0], argc, argv);
}
