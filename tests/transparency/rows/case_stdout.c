/*
 * Streams that are written. A writer stands for each function in the checks: it writes more than a
 * pipe holds, or flushes so much.
 */
#include <signal.h>

#include "../expect.h"
#include "stream.h"

#define STDOUT_MUCH ((size_t)1 << 20)

/* Returns 0, or -1 if not all went out. */
typedef long (*stdout_writer)(FILE *file);

static char stdout_much[STDOUT_MUCH + 1];

static void
stdout_expect_error(stdout_writer write_much, FILE *file, int error)
{
    errno = EXPECT_ERRNO_MARK;
    EXPECT_EQ(write_much(file), -1);
    EXPECT_EQ(errno, error);
}

/* Error, and the descriptor below the stream is gone. */
static void
stdout_error_of_closed(stdout_writer write_much)
{
    FILE *file = stream_of_file("/dev/null", "w");

    close(fileno(file));
    stdout_expect_error(write_much, file, EBADF);
}

static void
stdout_errors(stdout_writer write_much)
{
    FILE *full = stream_of_file("/dev/full", "w");
    struct stream broken = stream_open(NULL, true);
    struct stream refusing = stream_open(NULL, true);
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    EXPECT_EQ(sigaction(SIGPIPE, &ignore, NULL), 0);
    stdout_expect_error(write_much, full, ENOSPC);
    close(broken.far);
    stdout_expect_error(write_much, broken.file, EPIPE);
    EXPECT_EQ(fcntl(refusing.near, F_SETFL, O_NONBLOCK), 0);
    stdout_expect_error(write_much, refusing.file, EAGAIN);
    stdout_error_of_closed(write_much);
}

static void
stdout_waits(stdout_writer write_much)
{
    struct stream stream = stream_open(write_much, true);
    struct row_call call = stream_call(&stream);
    struct row_outcome outcome = row_release(&call);

    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    close(stream.far); /* what is left in a stream fails at exit, and does not wait */
    stream = stream_open(write_much, true);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.handled, 1);
    close(stream.far);
    stream = stream_open(write_much, true);
    EXPECT(row_cancel(&call).cancelled);
    close(stream.far);
}

/* A signal without SA_RESTART. The pipe is filled beforehand: a write that has got rid of something
 * returns that. */
static void
stdout_interrupted(stdout_writer write_much)
{
    struct stream stream = stream_open(write_much, true);
    struct row_call call = stream_call(&stream);
    struct row_outcome outcome;

    EXPECT_EQ(fcntl(stream.near, F_SETFL, O_NONBLOCK), 0);
    while (write(stream.near, stdout_much, 4096) > 0)
        continue;
    EXPECT_EQ(fcntl(stream.near, F_SETFL, 0), 0);
    outcome = row_interrupt(&call, 0);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    close(stream.far);
}

static void
stdout_check(stdout_writer write_much)
{
    memset(stdout_much, 'm', STDOUT_MUCH);
    stdout_errors(write_much);
    stdout_waits(write_much);
    stdout_interrupted(write_much);
}

/* What came out of the other end, up to the end of the file. */
static const char *
stdout_arrived(struct stream *stream)
{
    static char text[128];
    ssize_t length;

    EXPECT_EQ(fcntl(stream->far, F_SETFL, O_NONBLOCK), 0);
    length = read(stream->far, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

/* --- fwrite ---------------------------------------------------------------------------------- */

static row_type_fwrite stdout_fwrite;

static long
stdout_by_fwrite(FILE *file)
{
    return stdout_fwrite(stdout_much, 1024, STDOUT_MUCH / 1024, file) == STDOUT_MUCH / 1024 ? 0
                                                                                            : -1;
}

static void
stdout_check_fwrite(row_type_fwrite function)
{
    struct stream stream = stream_open(NULL, true);
    FILE *for_reading = stream_of_file("/dev/null", "r");

    stdout_fwrite = function;
    putc('0', stream.file); /* so that there is a buffer */
    EXPECT_RETURNS((long)function("12345678", 2, 3, stream.file), 3);
    EXPECT_RETURNS((long)function("12345678", 0, 3, stream.file), 0);
    EXPECT_RETURNS((long)function("12345678", 3, 0, stream.file), 0);
    row_expect_no_sample();
    EXPECT(strcmp(stdout_arrived(&stream), "") == 0);
    EXPECT_EQ(fflush(stream.file), 0);
    EXPECT(strcmp(stdout_arrived(&stream), "0123456") == 0);
    errno = EXPECT_ERRNO_MARK;
    EXPECT_EQ((long)function("12345678", 2, 3, for_reading), 0);
    EXPECT_EQ(errno, EBADF);
    EXPECT(ferror(for_reading) != 0);
    /* A line that ends goes out at once in a stream that is flushed at each. */
    EXPECT_EQ(setvbuf(stream.file, NULL, _IOLBF, 0), 0);
    EXPECT_EQ((long)function("ab\ncd", 1, 5, stream.file), 5);
    EXPECT(strcmp(stdout_arrived(&stream), "ab\n") == 0);
    stream_shut(&stream);
    fclose(for_reading);
    stdout_check(stdout_by_fwrite);
}

ROW_CASE(fwrite)
{
    stdout_check_fwrite(function);
}

ROW_CASE(fwrite_unlocked)
{
    stdout_check_fwrite(function);
}

/* --- fputs and puts -------------------------------------------------------------------------- */

static row_type_fputs stdout_fputs;
static row_type_puts stdout_puts;

static long
stdout_by_fputs(FILE *file)
{
    return stdout_fputs(stdout_much, file) >= 0 ? 0 : -1;
}

/* puts writes to whatever stdout is. */
static long
stdout_by_puts(FILE *file)
{
    FILE *before = stdout;
    long result;

    stdout = file;
    result = stdout_puts(stdout_much) >= 0 ? 0 : -1;
    stdout = before;
    return result;
}

ROW_CASE(fputs)
{
    struct stream stream = stream_open(NULL, true);
    FILE *for_reading = stream_of_file("/dev/null", "r");

    stdout_fputs = function;
    setvbuf(stream.file, NULL, _IONBF, 0);
    EXPECT_RETURNS(function("text\n", stream.file), 1);
    EXPECT(strcmp(stdout_arrived(&stream), "text\n") == 0);
    EXPECT_RETURNS(function("", stream.file), 1);
    EXPECT_FAILS(function("text", for_reading), EBADF);
    stream_shut(&stream);
    fclose(for_reading);
    stdout_check(stdout_by_fputs);
}

ROW_CASE(puts)
{
    struct stream stream = stream_open(NULL, true);
    FILE *before = stdout;

    stdout_puts = function;
    setvbuf(stream.file, NULL, _IONBF, 0);
    stdout = stream.file;
    EXPECT_RETURNS(function("text"), 5);
    stdout = before;
    EXPECT(strcmp(stdout_arrived(&stream), "text\n") == 0);
    stream_shut(&stream);
    stdout_check(stdout_by_puts);
}

/* --- fflush and fclose ----------------------------------------------------------------------- */

static row_type_fflush stdout_fflush;

static char stdout_stream_buffer[STDOUT_MUCH];

/* Leaves much in the stream's buffer: what a flush has to write. */
static void
stdout_fill(FILE *file)
{
    if (file->_flags == 0 || ferror(file) != 0)
        return;
    EXPECT_EQ(setvbuf(file, stdout_stream_buffer, _IOFBF, sizeof(stdout_stream_buffer)), 0);
    EXPECT(fwrite_unlocked(stdout_much, 1, STDOUT_MUCH - 1, file) == STDOUT_MUCH - 1);
}

static long
stdout_by_fflush(FILE *file)
{
    stdout_fill(file);
    errno = EXPECT_ERRNO_MARK;
    return stdout_fflush(file);
}

static void
stdout_check_fflush(row_type_fflush function)
{
    struct stream stream = stream_open(NULL, true);
    FILE *input = stream_of_file("/proc/self/exe", "r");

    stdout_fflush = function;
    EXPECT_RETURNS(function(stream.file), 0);
    fputs("some", stream.file);
    EXPECT_RETURNS(function(stream.file), 0);
    EXPECT(strcmp(stdout_arrived(&stream), "some") == 0);
    fputs("all", stream.file);
    EXPECT_RETURNS(function(NULL), 0);
    EXPECT(strcmp(stdout_arrived(&stream), "all") == 0);
    /* What was read ahead is given back. */
    EXPECT_EQ(getc(input), 0x7f);
    EXPECT(lseek(fileno(input), 0, SEEK_CUR) > 1);
    EXPECT_RETURNS(function(input), 0);
    EXPECT_EQ(lseek(fileno(input), 0, SEEK_CUR), 1);
    fclose(input);
    stream_shut(&stream);
    stdout_check(stdout_by_fflush);
}

ROW_CASE(fflush)
{
    stdout_check_fflush(function);
}

ROW_CASE(fflush_unlocked)
{
    stdout_check_fflush(function);
}

static row_type_fclose stdout_fclose;

static long
stdout_by_fclose(FILE *file)
{
    stdout_fill(file);
    errno = EXPECT_ERRNO_MARK;
    return stdout_fclose(file);
}

ROW_CASE(fclose)
{
    struct stream stream = stream_open(NULL, true);
    FILE *memory = fmemopen(NULL, 8, "r+");

    stdout_fclose = function;
    fputs("some", stream.file);
    EXPECT_RETURNS(function(stream.file), 0);
    EXPECT(strcmp(stdout_arrived(&stream), "some") == 0);
    EXPECT_EQ(fcntl(stream.near, F_GETFD), -1);
    EXPECT_RETURNS(function(memory), 0);
    close(stream.far);
    stdout_check(stdout_by_fclose);
}
