/*
 * write and its kin. EDQUOT, EIO and EPERM, of quotas, broken disks and sealed memory, are left
 * out.
 */
#include <sys/resource.h>

#include "row_transfer.h"

#define ROW_FAR_OFFSET ((off_t)5 << 30) /* more than 32 bits hold */

static void
row_write_errors(struct row_transfer *t)
{
    int read_only = open("/dev/null", O_RDONLY);
    int full = open("/dev/full", O_WRONLY);
    int fd = row_file("");

    EXPECT_FAILS(row_transfer(t, -1, "12345678", 8), EBADF);
    EXPECT_FAILS(row_transfer(t, 987654, "12345678", 8), EBADF);
    EXPECT_FAILS(row_transfer(t, read_only, "12345678", 8), EBADF);
    EXPECT_FAILS(row_transfer(t, full, "12345678", 8), ENOSPC);
    EXPECT_FAILS(row_transfer(t, fd, (char *)16, 8), EFAULT);
    EXPECT_RETURNS(row_transfer(t, fd, "12345678", 0), 0);
    close(read_only);
    close(full);
    close(fd);
}

/* A file that must not grow as far: what fits is written, then there is a signal. */
static void
row_write_beyond_the_limit(struct row_transfer *t)
{
    struct rlimit all;
    struct rlimit few;
    int fd = row_file("");

    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &all), 0);
    few = (struct rlimit){4, all.rlim_max};
    row_count_signal(SIGXFSZ);
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &few), 0);
    EXPECT_RETURNS(row_transfer(t, fd, "12345678", 8), 4);
    t->offset += t->offset >= 0 ? 4 : 0;
    EXPECT_FAILS(row_transfer(t, fd, "5678", 4), EFBIG);
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &all), 0);
    EXPECT_EQ(row_count_signal(SIGXFSZ), 1);
    close(fd);
}

static void
row_write_to_no_reader(struct row_transfer *t)
{
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    close(fds[0]);
    row_count_signal(SIGPIPE);
    EXPECT_FAILS(row_transfer(t, fds[1], "12345678", 8), EPIPE);
    EXPECT_EQ(row_count_signal(SIGPIPE), 1);
    EXPECT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    EXPECT_FAILS(row_transfer(t, fds[1], "12345678", 8), EPIPE);
    EXPECT_EQ(row_count_signal(SIGPIPE), 0);
    close(fds[1]);
}

struct row_full_pipe {
    struct row_transfer *t;
    int fds[2];
};

static long
row_write_to_full_pipe(void *object)
{
    struct row_full_pipe *full = object;

    row_pipe_fill(full->fds);
    return row_transfer_call(full->t);
}

static void
row_write_release(void *object)
{
    const struct row_full_pipe *full = object;

    row_pipe_empty(full->fds[0]);
}

/* At the descriptor's position. */
static void
row_write_stream(struct row_transfer *t)
{
    struct row_full_pipe full = {.t = t};
    const struct row_call call = {row_write_to_full_pipe, &full, row_write_release};
    char buffer[8] = "........";

    row_write_errors(t);
    row_write_beyond_the_limit(t);
    row_write_to_no_reader(t);
    row_small_pipe(full.fds);
    EXPECT_RETURNS(row_transfer(t, full.fds[1], "hello", 5), 5);
    row_get(full.fds[0], buffer, 5);
    EXPECT_EQ(memcmp(buffer, "hello...", 8), 0);
    row_pipe_fill(full.fds);
    EXPECT_EQ(fcntl(full.fds[1], F_SETFL, O_NONBLOCK), 0);
    EXPECT_FAILS(row_transfer(t, full.fds[1], "hello", 5), EAGAIN);
    EXPECT_EQ(fcntl(full.fds[1], F_SETFL, 0), 0);
    row_expect_wait(&call, 5, ROW_RESTARTS | ROW_CANCELS);
}

static void
row_write_expect_at(int fd, const char *text, off_t offset)
{
    char buffer[16];

    EXPECT_EQ(lseek(fd, offset, SEEK_SET), offset);
    row_get(fd, buffer, strlen(text));
    EXPECT_EQ(memcmp(buffer, text, strlen(text)), 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
}

/* At an offset of its own. A file does not wait long enough to be sure: the memory does. */
static void
row_write_positioned(struct row_transfer *t)
{
    const struct row_call call = {row_transfer_call, t, NULL};
    int fd = row_file("0123456789");
    int fds[2];

    t->offset = 0;
    row_write_errors(t);
    row_write_beyond_the_limit(t);
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(row_transfer(t, fds[1], "hello", 5), ESPIPE);
    EXPECT_FAILS(row_transfer_at(t, fd, "hello", 5, -7), EINVAL);
    EXPECT_RETURNS(row_transfer_at(t, fd, "hello", 3, 5), 3);
    EXPECT_RETURNS(row_transfer_at(t, fd, "far away", 8, ROW_FAR_OFFSET), 8);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    row_write_expect_at(fd, "01234hel89", 0);
    row_write_expect_at(fd, "far away", ROW_FAR_OFFSET);
    row_expect_cancelled_at_entry(&call);
    t->offset = 2;
    row_transfer_waits_for_memory(t, fd);
    row_write_expect_at(fd, "01absent89", 0);
}

static void
row_writev(struct row_transfer *t)
{
    row_transfer_vectors(t, row_file(""));
    row_write_stream(t);
}

static void
row_pwritev(struct row_transfer *t)
{
    row_transfer_vectors(t, row_file(""));
    row_write_positioned(t);
}

/* Offset -1 is the descriptor's position. */
static void
row_pwritev2(struct row_transfer *t)
{
    int fd = row_file("0123456789");
    int fds[2];

    row_small_pipe(fds);
    row_pipe_fill(fds);
    row_transfer_flags(t, fd, fds[1]);
    t->flags = RWF_APPEND;
    EXPECT_RETURNS(row_transfer_at(t, fd, "hello", 5, 2), 5);
    row_write_expect_at(fd, "0123456789hello", 0);
    t->flags = 0;
    t->offset = -1;
    row_write_stream(t);
    t->offset = 0;
    row_pwritev(t);
}

ROW_TRANSFER_CASE(write, function(t->fd, t->buffer, t->count), row_write_stream)
ROW_TRANSFER_CASE(writev, function(t->fd, halves, t->vectors), row_writev)
ROW_TRANSFER_CASE(pwrite, function(t->fd, t->buffer, t->count, t->offset), row_write_positioned)
ROW_TRANSFER_CASE(pwritev, function(t->fd, halves, t->vectors, t->offset), row_pwritev)
ROW_TRANSFER_CASE(pwritev2, function(t->fd, halves, t->vectors, t->offset, t->flags), row_pwritev2)
