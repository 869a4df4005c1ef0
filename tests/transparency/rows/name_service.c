#include "name_service.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <net/if.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../expect.h"

static atomic_bool name_service_held;
static int name_service_socket;

static const struct {
    const char *path;
    const char *text;
} name_service_files[] = {
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n"
                           "initgroups: files\nprotocols: files\n"},
    {"/etc/resolv.conf", "nameserver 127.0.0.1\nsearch test\noptions timeout:30 attempts:1\n"},
    {"/etc/hosts", "127.0.0.1 localhost\n192.0.2.77 known.test known\n"},
    {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                    "user:x:4711:4712:A User:/home/user:/bin/false\n"},
    {"/etc/group", "root:x:0:\nusers:x:4712:\nextra:x:4713:root,user\nmore:x:4714:user\n"},
    {"/etc/services", "test-service 4711/tcp test-alias\n"},
    {"/etc/protocols", "tcp 6 TCP\nudp 17 UDP\n"},
};

/* --- the server ------------------------------------------------------------------------------ */

/* The name of the question at `name` as text; returns what follows it. */
static const unsigned char *
name_service_read_name(const unsigned char *name, char *text, size_t size)
{
    size_t length = 0;

    while (*name != 0) {
        for (unsigned i = 1; i <= *name && length + 2 < size; i++)
            text[length++] = (char)name[i];
        text[length++] = '.';
        name += *name + 1;
    }
    text[length] = '\0';
    return name + 1;
}

static bool
name_service_is(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

/* Appends the answer, a record of the type asked for, and returns its end. */
static unsigned char *
name_service_append(unsigned char *at, unsigned type)
{
    static const unsigned char ipv4[] = {192, 0, 2, 1};
    static const unsigned char ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const unsigned char host[] = "\4fast\4test";
    const unsigned char *data = type == ns_t_a ? ipv4 : type == ns_t_aaaa ? ipv6 : host;
    uint16_t size = type == ns_t_a ? sizeof(ipv4) : type == ns_t_aaaa ? sizeof(ipv6) : sizeof(host);
    /* The question's name, the type, class IN, a time to live of 60 s, the size of the data. */
    unsigned char head[] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0,
                            0,    60, 0, (unsigned char)size};

    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), data, size);
    return at + sizeof(head) + size;
}

/* Makes a query the answer to itself; returns its size. */
static size_t
name_service_reply(unsigned char *message)
{
    HEADER *header = (HEADER *)(void *)message;
    char name[256];
    const unsigned char *end =
        name_service_read_name(message + sizeof(*header), name, sizeof(name));
    unsigned type = end[1];
    unsigned char *last = message + (end + 4 - message);

    if (name_service_is(name, "slow") || name_service_is(name, "9.2.0.192"))
        while (atomic_load(&name_service_held))
            expect_pause_ms(1);
    header->qr = 1;
    header->ra = 1;
    header->arcount = 0;
    if (name_service_is(name, "missing"))
        header->rcode = ns_r_nxdomain;
    else if (name_service_is(name, "broken"))
        header->rcode = ns_r_servfail;
    else if (!name_service_is(name, "empty") &&
             (type == ns_t_a || type == ns_t_aaaa || type == ns_t_ptr)) {
        header->ancount = htons(1);
        last = name_service_append(last, type);
    }
    return (size_t)(last - message);
}

/* By system calls: what is under test shall be all that the case adds to the profile. */
static void *
name_service_serve(void *unused)
{
    for (;;) {
        _Alignas(HEADER) unsigned char message[1024];
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        long length = syscall(SYS_recvfrom, name_service_socket, message, 512, 0, &from, &size);

        if (length > (long)sizeof(HEADER))
            syscall(SYS_sendto, name_service_socket, message, name_service_reply(message), 0, &from,
                    size);
    }
    return unused;
}

/* --- surroundings ---------------------------------------------------------------------------- */

static void
name_service_open_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name_service_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(ioctl(name_service_socket, SIOCSIFFLAGS, &loopback), 0);
    EXPECT_EQ(bind(name_service_socket, (struct sockaddr *)&address, sizeof(address)), 0);
}

void
name_service_start(void)
{
    if (!row_unshare(CLONE_NEWNS | CLONE_NEWNET) || mount("none", "/etc", "tmpfs", 0, NULL) != 0)
        row_skip("rows: namespaces and a mount on /etc are refused (%s)", strerror(errno));
    for (size_t i = 0; i < sizeof(name_service_files) / sizeof(name_service_files[0]); i++)
        row_write_file(name_service_files[i].path, name_service_files[i].text);
    name_service_open_socket();
    pthread_detach(expect_thread(name_service_serve, NULL));
}

void
name_service_hold(void)
{
    atomic_store(&name_service_held, true);
}

void
name_service_answer(void *unused)
{
    (void)unused;
    atomic_store(&name_service_held, false);
}

void
name_service_leave(void)
{
    EXPECT_EQ(res_init(), 0);
    _res.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
}

/* --- waits ----------------------------------------------------------------------------------- */

void
name_service_check_waits(long (*make)(void *object), void *object, bool cancels)
{
    struct row_call call = {make, object, name_service_answer};
    struct row_outcome outcome;

    name_service_hold();
    EXPECT_EQ(row_release(&call).result, 0);
    for (int restart = 0; restart <= 1; restart++) {
        name_service_hold();
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, 0);
        EXPECT_EQ(outcome.handled, 1);
    }
    name_service_hold();
    EXPECT_EQ(row_cancel(&call).cancelled, cancels);
    name_service_answer(NULL);
}

/* A reader of the FIFO is there: it opened it. */
static void
name_service_end_stall(void *path)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_NONBLOCK);

    EXPECT(fd >= 0);
    syscall(SYS_close, fd);
}

struct row_call
name_service_stall(const char *name, long (*call)(void *object))
{
    static char path[64];

    snprintf(path, sizeof(path), "/etc/%s", name);
    unlink(path);
    EXPECT_EQ(mkfifo(path, 0644), 0);
    return (struct row_call){call, path, name_service_end_stall};
}
