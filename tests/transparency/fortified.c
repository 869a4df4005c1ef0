/* Built with _FORTIFY_SOURCE=3: the checked twins are counted once a call, and an overflow still
 * ends the program by abort. */
#include "expect.h"
#include "expect_region.h"

#include <signal.h>
#include <sys/socket.h>

#define ROUNDS 20

static int fds[2];

static void *
send_late(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        expect_pause_ms(1);
        EXPECT_EQ(send(fds[1], "x", 1, 0), 1);
    }
    return NULL;
}

/* `length` is unknown to the compiler, `buffer` is not: these become the checked twins. */
__attribute__((noinline)) static ssize_t
read_into_eight(size_t length)
{
    char buffer[8];
    return read(fds[0], buffer, length);
}

__attribute__((noinline)) static ssize_t
recv_into_eight(size_t length)
{
    char buffer[8];
    return recv(fds[0], buffer, length, 0);
}

__attribute__((noinline)) static ssize_t
recvfrom_into_eight(size_t length)
{
    char buffer[8];
    return recvfrom(fds[0], buffer, length, 0, NULL, NULL);
}

__attribute__((noinline)) static ssize_t
pread_into_eight(size_t length)
{
    char buffer[8];
    return pread(fds[0], buffer, length, 0);
}

static const struct {
    const char *checked;
    const char *unchecked;
    ssize_t (*call)(size_t length);
} twins[] = {{"__read_chk", "read", read_into_eight},
             {"__recv_chk", "recv", recv_into_eight},
             {"__recvfrom_chk", "recvfrom", recvfrom_into_eight}};

static void
a_blocked_call_is_counted_once(size_t which)
{
    pthread_t sender = expect_thread(send_late, NULL);
    volatile size_t length = 1;

    for (int i = 0; i < ROUNDS; i++)
        EXPECT_RETURNS(twins[which].call(length), 1);
    expect_join(sender);
    if (!expect_is_preloaded())
        return;
    struct wp_region_header *region = expect_own_region();
    uint64_t counted = expect_contentions(region, WP_PROFILE_BLOCK, twins[which].checked);
    EXPECT(counted <= ROUNDS && counted >= ROUNDS / 2);
    EXPECT_EQ(expect_contentions(region, WP_PROFILE_BLOCK, twins[which].unchecked), 0);
}

static void
an_overflow_aborts(ssize_t (*call)(size_t length))
{
    volatile size_t length = 9;
    pid_t child = fork();

    if (child == 0) {
        close(STDERR_FILENO);
        alarm(10); /* unchecked, the call would wait for data that never come */
        call(length);
        _exit(0);
    }
    int status = expect_wait_status(child);
    EXPECT(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
        a_blocked_call_is_counted_once(i);
        an_overflow_aborts(twins[i].call);
    }
    an_overflow_aborts(pread_into_eight);
    return 0;
}
