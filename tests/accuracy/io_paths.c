/*
 * Waits for data to read and for room to write, in every way (paths.h), and prints the truth about
 * it (truth.h).
 *
 *   io_paths ROUNDS HOLD_NS
 *
 * pread, pwrite and copy_file_range, which do not take pipes, wait for disks alone.
 */
#include <aio.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "paths.h"

#define PIPE_BYTES 4096

/* What <bits/unistd.h> makes of a read into an array of known size, when fortified. */
ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);

static int empty[2]; /* a pipe with nothing to read, until the helper writes */
static int full[2];  /* one without room to write, until the helper reads */
static int sink;     /* /dev/null */
static int file;     /* with something to send */
static int events;   /* an eventfd */
static FILE *empty_stream;
static FILE *full_stream;
static FILE *full_line_stream; /* the same pipe, written at each line */
static char page[PIPE_BYTES];
static struct iovec one_byte = {.iov_base = page, .iov_len = 1};

/* --- What the helper does. Its own calls go past libc ----------------------------------------- */

static void
drain(void)
{
    PATH_NEED(syscall(SYS_read, full[0], page, sizeof page) > 0, 0);
}

static void
make_room(void)
{
    int held = 0;

    PATH_NEED(ioctl(full[0], FIONREAD, &held) == 0, 0);
    if (held > 0)
        drain();
}

/* Whatever the wait before has left in it. */
static void
fill(void)
{
    make_room();
    PATH_NEED(syscall(SYS_write, full[1], page, sizeof page) == sizeof page, 0);
}

static void
supply(void)
{
    PATH_NEED(syscall(SYS_write, empty[1], "\n", 1) == 1, 0);
}

static void
discard(void)
{
    char byte;

    PATH_NEED(syscall(SYS_read, empty[0], &byte, 1) == 1, 0);
}

/* --- Reading ---------------------------------------------------------------------------------- */

DEFINE_WAIT(wait_read, "read", read(empty[0], page, 1), 1)
DEFINE_WAIT(wait_readv, "read", readv(empty[0], &one_byte, 1), 1)
DEFINE_WAIT(wait_preadv2, "read", preadv2(empty[0], &one_byte, 1, -1, 0), 1)
DEFINE_WAIT(wait_read_chk, "read", __read_chk(empty[0], page, 1, sizeof page), 1)

static void
drain_events(void)
{
    eventfd_t value;

    PATH_NEED(syscall(SYS_read, events, &value, sizeof value) == sizeof value, 0);
}

static void
fill_events(void)
{
    eventfd_t most = UINT64_MAX - 1;

    PATH_NEED(syscall(SYS_write, events, &most, sizeof most) == sizeof most, 0);
}

static void
supply_event(void)
{
    eventfd_t one = 1;

    PATH_NEED(syscall(SYS_write, events, &one, sizeof one) == sizeof one, 0);
}

static eventfd_t event_value;

DEFINE_WAIT(wait_eventfd_read, "read", eventfd_read(events, &event_value), 0)
DEFINE_WAIT_AS(wait_eventfd_write, "write", TRUTH_OTHER, NULL, (void)0, eventfd_write(events, 1), 0,
               drain_events())

/* --- Writing ---------------------------------------------------------------------------------- */

DEFINE_WAIT(wait_write, "write", write(full[1], page, 1), 1)
DEFINE_WAIT(wait_writev, "write", writev(full[1], &one_byte, 1), 1)
DEFINE_WAIT(wait_pwritev2, "write", pwritev2(full[1], &one_byte, 1, -1, 0), 1)

/* --- From descriptor to descriptor ------------------------------------------------------------ */

DEFINE_WAIT(wait_splice, "copy", splice(empty[0], NULL, sink, NULL, 1, 0), 1)
DEFINE_WAIT_AS(wait_tee, "copy", TRUTH_OTHER, NULL, (void)0, tee(empty[0], full[1], 1, 0), 1,
               discard())
DEFINE_WAIT(wait_vmsplice, "copy", vmsplice(full[1], &one_byte, 1, 0), 1)
DEFINE_WAIT_AS(wait_sendfile, "copy", TRUTH_OTHER, NULL, off_t offset = 0,
               sendfile(full[1], file, &offset, 1), 1, (void)0)

/* --- Asynchronous I/O ------------------------------------------------------------------------- */

static char aio_byte;
static struct aiocb request;
static const struct aiocb *const requests[] = {&request};
static struct aiocb *const requests_to_make[] = {&request};

DEFINE_WAIT_AS(wait_aio_suspend, "aio", TRUTH_OTHER, NULL, (void)0, aio_suspend(requests, 1, NULL),
               0, PATH_NEED(aio_return(&request) == 1, 0))
DEFINE_WAIT_AS(wait_aio_suspend_in_vain, "aio", TRUTH_OTHER, NULL,
               struct timespec timeout = {.tv_nsec = (long)path_hold_ns},
               PATH_ERROR_OF(aio_suspend(requests, 1, &timeout)), EAGAIN, (void)0)
DEFINE_WAIT_AS(wait_lio_listio, "aio", TRUTH_OTHER, NULL, (void)0,
               lio_listio(LIO_WAIT, requests_to_make, 1, NULL), 0,
               PATH_NEED(aio_return(&request) == 1, 0))

static void
describe_request(void)
{
    request = (struct aiocb){
        .aio_fildes = empty[0],
        .aio_buf = &aio_byte,
        .aio_nbytes = 1,
        .aio_lio_opcode = LIO_READ,
        .aio_sigevent = {.sigev_notify = SIGEV_NONE},
    };
}

static void
make_request(void)
{
    describe_request();
    PATH_NEED(aio_read(&request) == 0, 0);
}

static void
finish_request(void)
{
    supply();
    while (aio_error(&request) == EINPROGRESS)
        truth_sleep_ns(100000);
    PATH_NEED(aio_return(&request) == 1, 0);
}

/* --- Streams ---------------------------------------------------------------------------------- */

static char *line;
static size_t line_bytes;

DEFINE_WAIT(wait_fgets, "stdio", fgets(page, 2, empty_stream) == page, 1)
DEFINE_WAIT(wait_fread, "stdio", fread(page, 1, 1, empty_stream), 1)
DEFINE_WAIT(wait_getline, "stdio", getline(&line, &line_bytes, empty_stream), 1)
DEFINE_WAIT(wait_getdelim, "stdio", getdelim(&line, &line_bytes, '\n', empty_stream), 1)

/* More than the stream has room for: it is written at once. */
DEFINE_WAIT(wait_fwrite, "stdio", fwrite(page, 1, sizeof page, full_stream), sizeof page)

/* Nothing of this waits but the flush. */
DEFINE_WAIT_AS(wait_fflush, "stdio", TRUTH_OTHER, NULL, PATH_NEED(fputs("x", full_stream) >= 0, 0),
               fflush(full_stream), 0, (void)0)
DEFINE_WAIT(wait_fputs, "stdio", fputs("x\n", full_line_stream) >= 0, 1)

static FILE *closing;

DEFINE_WAIT(wait_fclose, "stdio", fclose(closing), 0)
DEFINE_WAIT_AS(wait_flockfile, "stdio", TRUTH_OTHER, NULL, (void)0, (flockfile(empty_stream), 0), 0,
               funlockfile(empty_stream))

static void
fill_and_open(void)
{
    closing = fdopen(dup(full[1]), "w");
    PATH_NEED(closing != NULL && fputs("x", closing) >= 0, 0);
    fill();
}

static void
hold_stream(void)
{
    flockfile(empty_stream);
}

static void
release_stream(void)
{
    funlockfile(empty_stream);
}

static const struct path paths[] = {
    {wait_read, path_do_nothing, supply, PATH_RELEASED},
    {wait_readv, path_do_nothing, supply, PATH_RELEASED},
    {wait_preadv2, path_do_nothing, supply, PATH_RELEASED},
    {wait_read_chk, path_do_nothing, supply, PATH_RELEASED},
    {wait_eventfd_read, path_do_nothing, supply_event, PATH_RELEASED},
    {wait_eventfd_write, fill_events, drain_events, PATH_RELEASED},
    {wait_write, fill, drain, PATH_RELEASED},
    {wait_writev, fill, drain, PATH_RELEASED},
    {wait_pwritev2, fill, drain, PATH_RELEASED},
    {wait_splice, path_do_nothing, supply, PATH_RELEASED},
    {wait_tee, make_room, supply, PATH_RELEASED},
    {wait_vmsplice, fill, drain, PATH_RELEASED},
    {wait_sendfile, fill, drain, PATH_RELEASED},
    {wait_aio_suspend, make_request, supply, PATH_RELEASED},
    {wait_aio_suspend_in_vain, make_request, finish_request, PATH_ALONE},
    {wait_lio_listio, describe_request, supply, PATH_RELEASED},
    {wait_fgets, path_do_nothing, supply, PATH_RELEASED},
    {wait_fread, path_do_nothing, supply, PATH_RELEASED},
    {wait_getline, path_do_nothing, supply, PATH_RELEASED},
    {wait_getdelim, path_do_nothing, supply, PATH_RELEASED},
    {wait_fwrite, fill, drain, PATH_RELEASED},
    {wait_fflush, fill, drain, PATH_RELEASED},
    {wait_fputs, fill, drain, PATH_RELEASED},
    {wait_fclose, fill_and_open, drain, PATH_RELEASED},
    {wait_flockfile, hold_stream, release_stream, PATH_RELEASED},
};

/* With a buffer of less than what wait_fwrite writes. */
static FILE *
open_stream(int fd, const char *mode, int buffering)
{
    FILE *stream = fdopen(dup(fd), mode);
    char *buffer = malloc(PIPE_BYTES / 4);

    PATH_NEED(stream != NULL && buffer != NULL, 0);
    PATH_NEED(setvbuf(stream, buffer, buffering, PIPE_BYTES / 4) == 0, 0);
    return stream;
}

int
main(int argc, char **argv)
{
    char name[] = "/tmp/io_paths.XXXXXX";

    PATH_NEED(pipe(empty) == 0 && pipe(full) == 0, 0);
    PATH_NEED(fcntl(full[1], F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES, 0);
    sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    file = mkstemp(name);
    events = eventfd(0, 0);
    PATH_NEED(sink >= 0 && file >= 0 && events >= 0, 0);
    PATH_NEED(unlink(name) == 0 && syscall(SYS_write, file, page, sizeof page) == sizeof page, 0);
    empty_stream = open_stream(empty[0], "r", _IOFBF);
    full_stream = open_stream(full[1], "w", _IOFBF);
    full_line_stream = open_stream(full[1], "w", _IOLBF);
    return paths_run(paths, sizeof paths / sizeof paths[0], argc, argv);
}
