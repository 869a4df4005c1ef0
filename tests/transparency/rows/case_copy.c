/*
 * splice, tee, vmsplice, copy_file_range and sendfile. EIO, ENOMEM, EOVERFLOW and EPERM, of broken
 * disks, of a system without memory, of systems with short offsets and of sealed files, are left
 * out.
 */
#include <sys/uio.h>

#include "../expect.h"
#include "row_wait.h"

#define ROW_FAR_OFFSET ((off_t)5 << 30) /* more than 32 bits hold */

/* From a pipe that is empty, or to one that is full. */
struct row_copy {
    row_type_splice splice;
    row_type_tee tee;
    row_type_vmsplice vmsplice;
    row_type_sendfile sendfile;
    int in[2];
    int out[2];
    int file;
    struct row_page page;
    off_t *offset; /* in the page */
};

static void
row_copy_pipes(struct row_copy *c)
{
    row_small_pipe(c->in);
    row_small_pipe(c->out);
}

static void
row_copy_put(void *object)
{
    const struct row_copy *c = object;

    row_put(c->in[1], "x", 1);
}

static void
row_copy_empty_out(void *object)
{
    const struct row_copy *c = object;

    row_pipe_empty(c->out[0]);
}

/* What is in `out` is `text`. */
static void
row_copy_expect(const struct row_copy *c, const char *text)
{
    char bytes[16];

    EXPECT(strlen(text) <= sizeof(bytes));
    row_get(c->out[0], bytes, strlen(text));
    EXPECT_EQ(memcmp(bytes, text, strlen(text)), 0);
}

/* --- splice ---------------------------------------------------------------------------------- */

static long
row_splice_call(void *object)
{
    const struct row_copy *c = object;

    row_pipe_empty(c->in[0]);
    row_pipe_empty(c->out[0]);
    return c->splice(c->in[0], NULL, c->out[1], NULL, 8, 0);
}

static void
row_splice_errors(const struct row_copy *c)
{
    int append = open(row_path("append"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    off_t offset = 0;

    EXPECT_FAILS(c->splice(-1, NULL, c->out[1], NULL, 8, 0), EBADF);
    EXPECT_FAILS(c->splice(c->in[0], NULL, -1, NULL, 8, 0), EBADF);
    EXPECT_FAILS(c->splice(c->in[1], NULL, c->out[1], NULL, 8, 0), EBADF);
    EXPECT_FAILS(c->splice(c->in[0], NULL, c->out[1], NULL, 8, 0x40000000), EINVAL);
    EXPECT_FAILS(c->splice(c->file, NULL, c->file, NULL, 8, 0), EINVAL);
    EXPECT_FAILS(c->splice(c->in[0], NULL, c->in[1], NULL, 8, 0), EINVAL);
    EXPECT_FAILS(c->splice(c->in[0], &offset, c->out[1], NULL, 8, 0), ESPIPE);
    EXPECT_FAILS(c->splice(c->in[0], NULL, c->out[1], &offset, 8, 0), ESPIPE);
    EXPECT_FAILS(c->splice(c->in[0], NULL, c->file, (off_t *)16, 8, 0), EFAULT);
    row_put(c->in[1], "x", 1);
    EXPECT_FAILS(c->splice(c->in[0], NULL, append, NULL, 8, 0), EINVAL);
    row_pipe_empty(c->in[0]);
    EXPECT_RETURNS(c->splice(c->in[0], NULL, c->out[1], NULL, 0, 0), 0);
    close(append);
}

ROW_CASE(splice)
{
    struct row_copy c = {.splice = function, .file = row_file("0123456789")};
    const struct row_call call = {row_splice_call, &c, row_copy_put};
    off_t offset = 3;

    row_copy_pipes(&c);
    EXPECT_FAILS(function(c.in[0], NULL, c.out[1], NULL, 8, SPLICE_F_NONBLOCK), EAGAIN);
    row_expect_no_sample();
    EXPECT_RETURNS(function(c.file, &offset, c.out[1], NULL, 4, 0), 4);
    EXPECT_EQ(offset, 7);
    row_copy_expect(&c, "3456");
    EXPECT_EQ(lseek(c.file, 0, SEEK_CUR), 0);
    offset = ROW_FAR_OFFSET;
    row_put(c.in[1], "far", 3);
    EXPECT_RETURNS(function(c.in[0], NULL, c.file, &offset, 8, 0), 3);
    EXPECT_EQ(offset, ROW_FAR_OFFSET + 3);
    offset = ROW_FAR_OFFSET + 1;
    EXPECT_RETURNS(function(c.file, &offset, c.out[1], NULL, 8, 0), 2);
    row_copy_expect(&c, "ar");
    row_splice_errors(&c);
    row_expect_wait(&call, 1, ROW_RESTARTS | ROW_CANCELS);
    close(c.in[1]);
    EXPECT_RETURNS(function(c.in[0], NULL, c.out[1], NULL, 8, 0), 0);
}

/* --- tee ------------------------------------------------------------------------------------- */

static long
row_tee_call(void *object)
{
    const struct row_copy *c = object;

    row_pipe_empty(c->in[0]);
    row_pipe_empty(c->out[0]);
    return c->tee(c->in[0], c->out[1], 8, 0);
}

ROW_CASE(tee)
{
    struct row_copy c = {.tee = function, .file = row_file("")};
    const struct row_call call = {row_tee_call, &c, row_copy_put};

    row_copy_pipes(&c);
    EXPECT_FAILS(function(c.in[0], c.out[1], 8, SPLICE_F_NONBLOCK), EAGAIN);
    row_expect_no_sample();
    row_put(c.in[1], "hello", 5);
    EXPECT_RETURNS(function(c.in[0], c.out[1], 4, 0), 4);
    row_copy_expect(&c, "hell");
    EXPECT_RETURNS(function(c.in[0], c.out[1], 8, 0), 5);
    row_copy_expect(&c, "hello");
    EXPECT_FAILS(function(-1, c.out[1], 8, 0), EBADF);
    EXPECT_FAILS(function(c.in[0], c.out[0], 8, 0), EBADF);
    EXPECT_FAILS(function(c.file, c.out[1], 8, 0), EINVAL);
    EXPECT_FAILS(function(c.in[0], c.in[1], 8, 0), EINVAL);
    EXPECT_FAILS(function(c.in[0], c.out[1], 8, 0x40000000), EINVAL);
    EXPECT_RETURNS(function(c.in[0], c.out[1], 0, 0), 0);
    row_expect_wait(&call, 1, ROW_RESTARTS | ROW_CANCELS);
}

/* --- vmsplice -------------------------------------------------------------------------------- */

static long
row_vmsplice_call(void *object)
{
    struct row_copy *c = object;
    struct iovec text = {(void *)(uintptr_t) "hello", 5};

    row_pipe_fill(c->out);
    return c->vmsplice(c->out[1], &text, 1, 0);
}

ROW_CASE(vmsplice)
{
    struct row_copy c = {.vmsplice = function, .file = row_file("")};
    const struct row_call call = {row_vmsplice_call, &c, row_copy_empty_out};
    char buffer[4] = "....";
    struct iovec vector[2] = {{(void *)(uintptr_t) "hello", 5}, {(void *)(uintptr_t) "you", 3}};
    struct iovec into = {buffer, 3};
    struct iovec bad = {(void *)16, 5};

    row_copy_pipes(&c);
    row_pipe_fill(c.out);
    EXPECT_FAILS(function(c.out[1], vector, 2, SPLICE_F_NONBLOCK), EAGAIN);
    row_expect_no_sample();
    row_pipe_empty(c.out[0]);
    EXPECT_EQ(fcntl(c.out[1], F_SETPIPE_SZ, 2 * ROW_PIPE_BYTES), 2 * ROW_PIPE_BYTES);
    EXPECT_RETURNS(function(c.out[1], vector, 2, 0), 8);
    EXPECT_RETURNS(function(c.out[0], &into, 1, 0), 3);
    EXPECT_EQ(memcmp(buffer, "hel.", 4), 0);
    row_copy_expect(&c, "loyou");
    EXPECT_EQ(fcntl(c.out[1], F_SETPIPE_SZ, ROW_PIPE_BYTES), ROW_PIPE_BYTES);
    EXPECT_FAILS(function(-1, vector, 2, 0), EBADF);
    EXPECT_FAILS(function(c.file, vector, 2, 0), EBADF);
    EXPECT_FAILS(function(c.out[1], vector, 1025, 0), EINVAL);
    EXPECT_FAILS(function(c.out[1], vector, 2, 0x40000000), EINVAL);
    EXPECT_FAILS(function(c.out[1], (struct iovec *)16, 1, 0), EFAULT);
    EXPECT_FAILS(function(c.out[1], &bad, 1, 0), EFAULT);
    EXPECT_RETURNS(function(c.out[1], vector, 0, 0), 0);
    row_expect_wait(&call, 5, ROW_RESTARTS | ROW_CANCELS);
    close(c.out[0]);
    row_count_signal(SIGPIPE);
    EXPECT_FAILS(function(c.out[1], vector, 2, 0), EPIPE);
    EXPECT_EQ(row_count_signal(SIGPIPE), 1);
}

/* --- from file to file: only the offset can be waited for for sure --------------------------- */

static void
row_copy_provide_offset(void *object)
{
    struct row_copy *c = object;
    off_t offset = 4;

    row_page_provide(&c->page, &offset, sizeof(offset));
}

struct row_range {
    row_type_copy_file_range function;
    struct row_copy *c;
    int to;
};

static void
row_range_provide(void *object)
{
    const struct row_range *range = object;

    row_copy_provide_offset(range->c);
}

static long
row_range_call(void *object)
{
    const struct row_range *range = object;
    off_t to = 0;

    return range->function(range->c->file, range->c->offset, range->to, &to, 8, 0);
}

static void
row_range_errors(const struct row_range *range)
{
    int from = range->c->file;
    int directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int append = open(row_path("append"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int fds[2];
    off_t offset = 0;

    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(range->function(-1, NULL, range->to, NULL, 8, 0), EBADF);
    EXPECT_FAILS(range->function(from, NULL, -1, NULL, 8, 0), EBADF);
    EXPECT_FAILS(range->function(from, NULL, append, NULL, 8, 0), EBADF);
    EXPECT_FAILS(range->function(from, NULL, directory, NULL, 8, 0), EISDIR);
    EXPECT_FAILS(range->function(from, NULL, fds[1], NULL, 8, 0), EINVAL);
    EXPECT_FAILS(range->function(from, NULL, range->to, NULL, 8, 1), EINVAL);
    EXPECT_FAILS(range->function(from, NULL, from, NULL, 8, 0), EINVAL); /* they overlap */
    EXPECT_FAILS(range->function(from, (off_t *)16, range->to, NULL, 8, 0), EFAULT);
    EXPECT_RETURNS(range->function(from, NULL, range->to, NULL, 0, 0), 0);
    offset = 100;
    EXPECT_RETURNS(range->function(from, &offset, range->to, NULL, 8, 0), 0);
    close(directory);
    close(append);
    close(fds[0]);
    close(fds[1]);
}

ROW_CASE(copy_file_range)
{
    struct row_copy c = {.file = row_file("0123456789")};
    struct row_range range = {function, &c, row_file("")};
    const struct row_call call = {row_range_call, &range, row_range_provide};
    char buffer[8] = "........";
    off_t from = 2;
    off_t to = ROW_FAR_OFFSET;

    EXPECT_RETURNS(function(c.file, &from, range.to, &to, 5, 0), 5);
    EXPECT_EQ(from, 7);
    EXPECT_EQ(to, ROW_FAR_OFFSET + 5);
    EXPECT_EQ(lseek(range.to, ROW_FAR_OFFSET, SEEK_SET), ROW_FAR_OFFSET);
    row_get(range.to, buffer, 5);
    EXPECT_EQ(memcmp(buffer, "23456...", 8), 0);
    EXPECT_RETURNS(function(c.file, NULL, range.to, NULL, 4, 0), 4);
    EXPECT_EQ(lseek(c.file, 0, SEEK_CUR), 4);
    EXPECT_EQ(lseek(range.to, 0, SEEK_CUR), ROW_FAR_OFFSET + 9);
    EXPECT_EQ(lseek(c.file, 0, SEEK_SET), 0);
    EXPECT_EQ(lseek(range.to, 0, SEEK_SET), 0);
    row_range_errors(&range);
    c.offset = &from;
    row_expect_cancelled_at_entry(&call);
    row_page_create(&c.page);
    c.offset = (off_t *)(void *)c.page.bytes;
    row_expect_released(&call, 6);
    EXPECT_EQ(*c.offset, 10);
}

/* --- sendfile: no cancellation point --------------------------------------------------------- */

static long
row_sendfile_call(void *object)
{
    const struct row_copy *c = object;
    off_t offset = 4;

    row_pipe_fill(c->out);
    return c->sendfile(c->out[1], c->file, &offset, 2);
}

ROW_CASE(sendfile)
{
    struct row_copy c = {.sendfile = function, .file = row_file("0123456789")};
    const struct row_call call = {row_sendfile_call, &c, row_copy_empty_out};
    off_t offset = 3;

    row_copy_pipes(&c);
    EXPECT_RETURNS(function(c.out[1], c.file, &offset, 4), 4);
    EXPECT_EQ(offset, 7);
    row_copy_expect(&c, "3456");
    EXPECT_EQ(lseek(c.file, 0, SEEK_CUR), 0);
    EXPECT_RETURNS(function(c.out[1], c.file, NULL, 4), 4);
    row_copy_expect(&c, "0123");
    EXPECT_EQ(lseek(c.file, ROW_FAR_OFFSET, SEEK_SET), ROW_FAR_OFFSET);
    row_put(c.file, "far", 3);
    offset = ROW_FAR_OFFSET + 1;
    EXPECT_RETURNS(function(c.out[1], c.file, &offset, 8), 2);
    row_copy_expect(&c, "ar");
    EXPECT_RETURNS(function(c.out[1], c.file, &offset, 8), 0);
    EXPECT_FAILS(function(-1, c.file, NULL, 8), EBADF);
    EXPECT_FAILS(function(c.out[1], -1, NULL, 8), EBADF);
    EXPECT_FAILS(function(c.out[0], c.file, NULL, 8), EBADF);
    EXPECT_FAILS(function(c.out[1], c.file, (off_t *)16, 8), EFAULT);
    offset = 0;
    EXPECT_FAILS(function(c.out[1], c.in[0], &offset, 8), ESPIPE);
    offset = -7;
    EXPECT_FAILS(function(c.out[1], c.file, &offset, 8), EINVAL);
    offset = 0;
    row_pipe_fill(c.out);
    EXPECT_EQ(fcntl(c.out[1], F_SETFL, O_NONBLOCK), 0);
    EXPECT_FAILS(function(c.out[1], c.file, &offset, 8), EAGAIN);
    EXPECT_EQ(fcntl(c.out[1], F_SETFL, 0), 0);
    row_expect_wait(&call, 2, ROW_RESTARTS);
    close(c.out[0]);
    row_count_signal(SIGPIPE);
    EXPECT_FAILS(function(c.out[1], c.file, &offset, 8), EPIPE);
    EXPECT_EQ(row_count_signal(SIGPIPE), 1);
}
