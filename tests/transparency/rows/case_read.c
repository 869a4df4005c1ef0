/*
 * read and its kin. read_results.c has the rest of what these answer. EIO, of a terminal of another
 * session and of broken disks, is left out.
 */
#include "row_transfer.h"

#define ROW_FAR_OFFSET ((off_t)5 << 30) /* more than 32 bits hold */

static void
row_read_errors(struct row_transfer *t)
{
    char buffer[8] = "";
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    int write_only = open("/dev/null", O_WRONLY);
    int zero = open("/dev/zero", O_RDONLY);

    EXPECT_FAILS(row_transfer(t, -1, buffer, 8), EBADF);
    EXPECT_FAILS(row_transfer(t, 987654, buffer, 8), EBADF);
    EXPECT_FAILS(row_transfer(t, write_only, buffer, 8), EBADF);
    EXPECT_FAILS(row_transfer(t, directory, buffer, 8), EISDIR);
    EXPECT_FAILS(row_transfer(t, zero, (char *)16, 8), EFAULT);
    EXPECT_RETURNS(row_transfer(t, zero, buffer, 8), 8);
    EXPECT_RETURNS(row_transfer(t, zero, buffer, 0), 0);
    close(directory);
    close(write_only);
    close(zero);
}

/* The call takes what is put here, so that the next one sleeps again. */
static void
row_read_put(void *object)
{
    const struct row_transfer *t = object;

    row_put(t->other_end, "x", 1);
}

/* At the descriptor's position. */
static void
row_read_stream(struct row_transfer *t)
{
    const struct row_call call = {row_transfer_call, t, row_read_put};
    char buffer[8] = "........";
    int fds[2];

    row_read_errors(t);
    EXPECT_EQ(pipe(fds), 0);
    row_put(fds[1], "hello", 5);
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer, 3), 3);
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer + 3, 4), 2);
    EXPECT_EQ(memcmp(buffer, "hello...", 8), 0);
    EXPECT_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 8), EAGAIN);
    EXPECT_EQ(fcntl(fds[0], F_SETFL, 0), 0);
    t->other_end = fds[1];
    t->count = 1;
    row_expect_wait(&call, 1, ROW_RESTARTS | ROW_CANCELS);
    close(fds[1]);
    EXPECT_RETURNS(row_transfer(t, fds[0], buffer, 8), 0);
    close(fds[0]);
}

/* At an offset of its own. A file does not wait long enough to be sure: the memory does. */
static void
row_read_positioned(struct row_transfer *t)
{
    const struct row_call call = {row_transfer_call, t, NULL};
    char buffer[8] = "........";
    int fd = row_file("0123456789");
    int fds[2];

    t->offset = 0;
    row_read_errors(t);
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(row_transfer(t, fds[0], buffer, 8), ESPIPE);
    EXPECT_RETURNS(row_transfer_at(t, fd, buffer, 3, 5), 3);
    EXPECT_EQ(memcmp(buffer, "567.....", 8), 0);
    EXPECT_RETURNS(row_transfer_at(t, fd, buffer, 8, 8), 2);
    EXPECT_RETURNS(row_transfer_at(t, fd, buffer, 8, 100), 0);
    EXPECT_FAILS(row_transfer_at(t, fd, buffer, 8, -7), EINVAL);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    EXPECT_EQ(lseek(fd, ROW_FAR_OFFSET, SEEK_SET), ROW_FAR_OFFSET);
    row_put(fd, "far away", 8);
    EXPECT_RETURNS(row_transfer_at(t, fd, buffer, 8, ROW_FAR_OFFSET + 4), 4);
    EXPECT_EQ(memcmp(buffer, "away", 4), 0);
    row_expect_cancelled_at_entry(&call);
    t->offset = 2;
    row_transfer_waits_for_memory(t, fd);
    EXPECT_EQ(memcmp(t->buffer, "234567", 6), 0);
}

static void
row_read_fortified(struct row_transfer *t)
{
    row_transfer_expect_overflow_abort(t);
    t->buffer_bytes = 0;
    row_read_stream(t);
}

static void
row_pread_fortified(struct row_transfer *t)
{
    row_transfer_expect_overflow_abort(t);
    t->buffer_bytes = 0;
    row_read_positioned(t);
}

static void
row_readv(struct row_transfer *t)
{
    row_transfer_vectors(t, row_file("0123456789"));
    row_read_stream(t);
}

static void
row_preadv(struct row_transfer *t)
{
    row_transfer_vectors(t, row_file("0123456789"));
    row_read_positioned(t);
}

/* Offset -1 is the descriptor's position. */
static void
row_preadv2(struct row_transfer *t)
{
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    row_transfer_flags(t, row_file("0123456789"), fds[0]);
    t->offset = -1;
    row_read_stream(t);
    t->offset = 0;
    row_preadv(t);
}

ROW_TRANSFER_CASE(read, function(t->fd, t->buffer, t->count), row_read_stream)
ROW_TRANSFER_CASE(readv, function(t->fd, halves, t->vectors), row_readv)
ROW_TRANSFER_CASE(pread, function(t->fd, t->buffer, t->count, t->offset), row_read_positioned)
ROW_TRANSFER_CASE(preadv, function(t->fd, halves, t->vectors, t->offset), row_preadv)
ROW_TRANSFER_CASE(preadv2, function(t->fd, halves, t->vectors, t->offset, t->flags), row_preadv2)
ROW_TRANSFER_CASE(__read_chk, function(t->fd, t->buffer, t->count, row_transfer_limit(t)),
                  row_read_fortified)
ROW_TRANSFER_CASE(__pread_chk,
                  function(t->fd, t->buffer, t->count, t->offset, row_transfer_limit(t)),
                  row_pread_fortified)
