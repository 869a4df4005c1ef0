/* Every function of the read family: results, errno, buffers, offsets, signals. */
#include "expect.h"

#include <signal.h>
#include <sys/uio.h>

/* Exported by libc, declared by no header. */
ssize_t __read(int fd, void *buffer, size_t size);
ssize_t __pread64(int fd, void *buffer, size_t size, off_t offset);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t buffer_size);
ssize_t __pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t buffer_size);
ssize_t __pread64_chk(int fd, void *buffer, size_t size, off_t offset, size_t buffer_size);

typedef ssize_t reader_function(int fd, void *buffer, size_t size, off_t offset);

#define READER(name, call)                                                                         \
    static ssize_t by_##name(int fd, void *buffer, size_t size, off_t offset)                      \
    {                                                                                              \
        struct iovec vector = {buffer, size};                                                      \
        (void)offset;                                                                              \
        (void)vector;                                                                              \
        return call;                                                                               \
    }
READER(read, read(fd, buffer, size))
READER(read_alias, __read(fd, buffer, size))
READER(readv, readv(fd, &vector, 1))
READER(read_chk, __read_chk(fd, buffer, size, size))
READER(preadv2_at_position, preadv2(fd, &vector, 1, -1, 0))
READER(preadv64v2_at_position, preadv64v2(fd, &vector, 1, -1, 0))
READER(pread, pread(fd, buffer, size, offset))
READER(pread64, pread64(fd, buffer, size, offset))
READER(pread64_alias, __pread64(fd, buffer, size, offset))
READER(pread_chk, __pread_chk(fd, buffer, size, offset, size))
READER(pread64_chk, __pread64_chk(fd, buffer, size, offset, size))
READER(preadv, preadv(fd, &vector, 1, offset))
READER(preadv64, preadv64(fd, &vector, 1, offset))
READER(preadv2, preadv2(fd, &vector, 1, offset, 0))
READER(preadv64v2, preadv64v2(fd, &vector, 1, offset, 0))

static reader_function *const stream_readers[] = {
    by_read,     by_read_alias,          by_readv,
    by_read_chk, by_preadv2_at_position, by_preadv64v2_at_position,
};
static reader_function *const positioned_readers[] = {
    by_pread,  by_pread64,  by_pread64_alias, by_pread_chk,  by_pread64_chk,
    by_preadv, by_preadv64, by_preadv2,       by_preadv64v2,
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static atomic_int signals_seen;

static void
count_signal(int number)
{
    (void)number;
    signals_seen++;
}

static void
handle_user_signal(int flags)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};

    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

static void
a_pipe_gives_its_bytes_and_then_its_end(reader_function *reader)
{
    char buffer[8] = "........";
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    EXPECT_EQ(write(fds[1], "hello", 5), 5);
    EXPECT_RETURNS(reader(fds[0], buffer, 3, 0), 3);
    EXPECT_EQ(memcmp(buffer, "hel.....", 8), 0);
    EXPECT_RETURNS(reader(fds[0], buffer, 8, 0), 2);
    EXPECT_EQ(memcmp(buffer, "lol.....", 8), 0);
    EXPECT_RETURNS(reader(fds[0], buffer, 0, 0), 0);
    EXPECT_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    EXPECT_FAILS(reader(fds[0], buffer, 8, 0), EAGAIN);
    close(fds[1]);
    EXPECT_RETURNS(reader(fds[0], buffer, 8, 0), 0);
    EXPECT_EQ(memcmp(buffer, "lol.....", 8), 0);
    close(fds[0]);
}

static void
bad_arguments_are_told(reader_function *reader)
{
    char buffer[4096];
    int fds[2];
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    int write_only = open("/dev/null", O_WRONLY);
    int zero = open("/dev/zero", O_RDONLY);

    EXPECT_FAILS(reader(-1, buffer, 8, 0), EBADF);
    EXPECT_FAILS(reader(987654, buffer, 8, 0), EBADF);
    EXPECT_FAILS(reader(write_only, buffer, 8, 0), EBADF);
    EXPECT_FAILS(reader(directory, buffer, 8, 0), EISDIR);
    EXPECT_FAILS(reader(zero, (void *)16, 8, 0), EFAULT);
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_EQ(write(fds[1], "hello", 5), 5);
    for (size_t i = 0; i < COUNT(positioned_readers); i++)
        if (reader == positioned_readers[i])
            EXPECT_FAILS(reader(fds[0], buffer, 8, 0), ESPIPE);
    close(fds[0]);
    close(fds[1]);
    close(directory);
    close(write_only);
    close(zero);
}

static int
make_file(const char *text)
{
    char path[] = "/tmp/transparency-read-XXXXXX";
    int fd = mkstemp(path);

    EXPECT(fd >= 0);
    unlink(path);
    EXPECT_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static void
positioned_reads_leave_the_position_alone(reader_function *reader)
{
    char buffer[8] = "........";
    int fd = make_file("0123456789");

    EXPECT_EQ(lseek(fd, 2, SEEK_SET), 2);
    EXPECT_RETURNS(reader(fd, buffer, 3, 5), 3);
    EXPECT_EQ(memcmp(buffer, "567.....", 8), 0);
    EXPECT_RETURNS(reader(fd, buffer, 8, 8), 2);
    EXPECT_RETURNS(reader(fd, buffer, 8, 100), 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 2);
    EXPECT_FAILS(reader(fd, buffer, 8, -7), EINVAL);
    close(fd);
}

static void
vectors_are_filled_in_order(void)
{
    char first[4] = "....";
    char second[4] = "....";
    const struct iovec vector[] = {{first, 3}, {second, 4}};
    volatile int negative = -1; /* volatile: the compiler would refuse the constants */
    volatile int too_many = 1025;
    int fd = make_file("0123456789");

    EXPECT_RETURNS(preadv(fd, vector, 2, 1), 7);
    EXPECT_EQ(memcmp(first, "123.", 4) | memcmp(second, "4567", 4), 0);
    EXPECT_RETURNS(preadv2(fd, vector, 2, 8, RWF_HIPRI), 2);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_RETURNS(readv(fd, vector, 2), 7);
    EXPECT_EQ(memcmp(first, "012.", 4) | memcmp(second, "3456", 4), 0);
    EXPECT_RETURNS(readv(fd, vector, 0), 0);
    EXPECT_FAILS(readv(fd, vector, negative), EINVAL);
    EXPECT_FAILS(readv(fd, vector, too_many), EINVAL);
    EXPECT_FAILS(preadv(fd, vector, negative, 0), EINVAL);
    EXPECT_FAILS(preadv2(fd, vector, 2, 0, 0x40000000), EOPNOTSUPP);
    close(fd);
}

struct blocked_read {
    reader_function *reader;
    int fd;
    ssize_t expected;
    int error;
};

static int
read_blocked(void *argument)
{
    struct blocked_read *call = argument;
    char byte = 0;

    if (call->expected < 0)
        EXPECT_FAILS(call->reader(call->fd, &byte, 1, 0), call->error);
    else
        EXPECT_RETURNS(call->reader(call->fd, &byte, 1, 0), call->expected);
    return byte;
}

static long
system_call_of(reader_function *reader)
{
    if (reader == by_readv)
        return SYS_readv;
    if (reader == by_preadv2_at_position || reader == by_preadv64v2_at_position)
        return SYS_preadv2;
    return SYS_read;
}

static void
a_signal_interrupts_a_blocked_read_unless_it_restarts(reader_function *reader)
{
    struct actor other;
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    actor_start(&other);
    struct blocked_read interrupted = {reader, fds[0], -1, EINTR};
    handle_user_signal(0);
    signals_seen = 0;
    actor_begin(&other, read_blocked, &interrupted);
    expect_blocked_in(other.tid, system_call_of(reader));
    EXPECT_EQ(pthread_kill(other.thread, SIGUSR1), 0);
    EXPECT_EQ(actor_end(&other), 0);
    EXPECT_EQ(signals_seen, 1);

    struct blocked_read restarted = {reader, fds[0], 1, 0};
    handle_user_signal(SA_RESTART);
    actor_begin(&other, read_blocked, &restarted);
    expect_blocked_in(other.tid, system_call_of(reader));
    EXPECT_EQ(pthread_kill(other.thread, SIGUSR1), 0);
    expect_pause_ms(2);
    EXPECT_EQ(write(fds[1], "y", 1), 1);
    EXPECT_EQ(actor_end(&other), 'y');
    EXPECT_EQ(signals_seen, 2);

    struct blocked_read ended = {reader, fds[0], 0, 0};
    actor_begin(&other, read_blocked, &ended);
    expect_blocked_in(other.tid, system_call_of(reader));
    close(fds[1]);
    EXPECT_EQ(actor_end(&other), 0);
    actor_stop(&other);
    close(fds[0]);
}

int
main(void)
{
    for (size_t i = 0; i < COUNT(stream_readers); i++) {
        a_pipe_gives_its_bytes_and_then_its_end(stream_readers[i]);
        bad_arguments_are_told(stream_readers[i]);
        a_signal_interrupts_a_blocked_read_unless_it_restarts(stream_readers[i]);
    }
    for (size_t i = 0; i < COUNT(positioned_readers); i++) {
        bad_arguments_are_told(positioned_readers[i]);
        positioned_reads_leave_the_position_alone(positioned_readers[i]);
    }
    vectors_are_filled_in_order();
    return 0;
}
