/*
 * Streams that are read. The functions differ in their parameters alone, so a reader stands for
 * each of them in the checks.
 */
#include <signal.h>

#include "../expect.h"
#include "stream.h"

static char stdio_buffer[4096];

/* Bytes that the call read: those of STREAM_LINE, or 0. */
typedef long (*stdio_reader)(FILE *file);

static void
stdio_expect_read_error(stdio_reader read_some, FILE *file, int error)
{
    errno = EXPECT_ERRNO_MARK;
    EXPECT(read_some(file) <= 0);
    EXPECT_EQ(errno, error);
    EXPECT(ferror(file) != 0);
    EXPECT(feof(file) == 0);
}

static void
stdio_read_errors(stdio_reader read_some)
{
    FILE *directory = stream_of_file("/", "r");
    FILE *for_writing = stream_of_file("/dev/null", "w");
    struct stream empty = stream_open(read_some, false);
    FILE *closed = stream_of_file("/dev/null", "r");

    stdio_expect_read_error(read_some, directory, EISDIR);
    stdio_expect_read_error(read_some, for_writing, EBADF);
    EXPECT_EQ(fcntl(empty.near, F_SETFL, O_NONBLOCK), 0);
    stdio_expect_read_error(read_some, empty.file, EAGAIN);
    close(fileno(closed));
    stdio_expect_read_error(read_some, closed, EBADF);
    fclose(directory);
    fclose(for_writing);
    stream_shut(&empty);
}

static void
stdio_read_success(stdio_reader read_some)
{
    struct stream stream = stream_open(read_some, false);

    stream_feed(&stream, STREAM_LINE STREAM_LINE);
    for (int i = 0; i < 2; i++) {
        memset(stdio_buffer, 0, sizeof(STREAM_LINE));
        EXPECT_RETURNS(read_some(stream.file), (long)strlen(STREAM_LINE));
        EXPECT(strcmp(stdio_buffer, STREAM_LINE) == 0);
    }
    close(stream.far);
    errno = EXPECT_ERRNO_MARK;
    EXPECT(read_some(stream.file) <= 0);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    EXPECT(feof(stream.file) != 0);
    fclose(stream.file);
}

static void
stdio_read_waits(stdio_reader read_some)
{
    struct stream stream = stream_open(read_some, false);
    struct row_call call = stream_call(&stream);
    struct row_outcome outcome = row_release(&call);

    EXPECT_EQ(outcome.result, (long)strlen(STREAM_LINE));
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, (long)strlen(STREAM_LINE));
    EXPECT_EQ(outcome.handled, 1);
    outcome = row_interrupt(&call, 0);
    EXPECT(outcome.result <= 0);
    EXPECT_EQ(outcome.error, EINTR);
    EXPECT(ferror(stream.file) != 0);
    clearerr(stream.file);
    outcome = row_cancel(&call);
    EXPECT(outcome.cancelled);
    /* The cancelled thread gave the stream's lock back. */
    EXPECT_EQ(ftrylockfile(stream.file), 0);
    funlockfile(stream.file);
    stream_feed(&stream, STREAM_LINE);
    EXPECT_EQ(read_some(stream.file), (long)strlen(STREAM_LINE));
    stream_shut(&stream);
}

static void
stdio_check_reader(stdio_reader read_some)
{
    stdio_read_success(read_some);
    stdio_read_errors(read_some);
    stdio_read_waits(read_some);
}

/* What is in the buffer already is no wait, nor is a read of nothing. */
static void
stdio_check_held(size_t (*read_one)(FILE *file))
{
    FILE *file = fmemopen((char[]){"12345678"}, 8, "r");

    EXPECT(file != NULL);
    EXPECT_EQ(getc_unlocked(file), '1');
    for (char byte = '2'; byte <= '8'; byte++) {
        EXPECT_RETURNS((long)read_one(file), 1);
        EXPECT_EQ(stdio_buffer[0], byte);
    }
    row_expect_no_sample();
    fclose(file);
}

static row_type_fread stdio_fread;
static row_type___fread_chk stdio_fread_chk;

static long
stdio_by_fread(FILE *file)
{
    return (long)stdio_fread(stdio_buffer, 1, strlen(STREAM_LINE), file);
}

static size_t
stdio_one_by_fread(FILE *file)
{
    return stdio_fread(stdio_buffer, 1, 1, file);
}

static long
stdio_by_fread_chk(FILE *file)
{
    return (long)stdio_fread_chk(stdio_buffer, strlen(STREAM_LINE), 2, 2, file) * 2;
}

static size_t
stdio_one_by_fread_chk(FILE *file)
{
    return stdio_fread_chk(stdio_buffer, 1, 1, 1, file);
}

static void
stdio_overflow_fread(void *stream)
{
    stdio_fread_chk(stdio_buffer, 7, 2, 4, stream);
}

/* Items are counted, not bytes; part of an item is no item. */
static void
stdio_count_items(void)
{
    struct stream stream = stream_open(NULL, false);

    stream_feed(&stream, "1234567");
    close(stream.far);
    EXPECT_RETURNS((long)stdio_fread(stdio_buffer, 0, 5, stream.file), 0);
    EXPECT_RETURNS((long)stdio_fread(stdio_buffer, 5, 0, stream.file), 0);
    EXPECT_RETURNS((long)stdio_fread(stdio_buffer, 2, 5, stream.file), 3);
    EXPECT(memcmp(stdio_buffer, "1234567", 7) == 0);
    fclose(stream.file);
}

static void
stdio_check_fread(row_type_fread function)
{
    stdio_fread = function;
    stdio_check_held(stdio_one_by_fread);
    stdio_count_items();
    stdio_check_reader(stdio_by_fread);
}

static void
stdio_check_fread_chk(row_type___fread_chk function)
{
    struct stream stream = stream_open(NULL, false);

    stdio_fread_chk = function;
    stdio_check_held(stdio_one_by_fread_chk);
    row_expect_abort(stdio_overflow_fread, stream.file, "buffer overflow detected");
    stream_shut(&stream);
    stdio_check_reader(stdio_by_fread_chk);
}

ROW_CASE(fread)
{
    stdio_check_fread(function);
}

ROW_CASE(fread_unlocked)
{
    stdio_check_fread(function);
}

ROW_CASE(__fread_chk)
{
    stdio_check_fread_chk(function);
}

ROW_CASE(__fread_unlocked_chk)
{
    stdio_check_fread_chk(function);
}

static row_type_fgets stdio_fgets;
static row_type___fgets_chk stdio_fgets_chk;

static long
stdio_line_length(const char *line)
{
    EXPECT(line == NULL || line == stdio_buffer);
    return line != NULL ? (long)strlen(line) : 0;
}

static long
stdio_by_fgets(FILE *file)
{
    return stdio_line_length(stdio_fgets(stdio_buffer, 64, file));
}

static long
stdio_by_fgets_chk(FILE *file)
{
    return stdio_line_length(stdio_fgets_chk(stdio_buffer, 64, 64, file));
}

static void
stdio_overflow_fgets(void *stream)
{
    stdio_fgets_chk(stdio_buffer, 8, 9, stream);
}

/* A line longer than the buffer comes in pieces. A buffer of one byte gets the empty string, and
 * from the fortified twins nothing. */
static void
stdio_check_pieces(row_type_fgets gets, bool fortified)
{
    struct stream stream = stream_open(NULL, false);

    stream_feed(&stream, "123456\nrest");
    close(stream.far);
    EXPECT(gets(stdio_buffer, 5, stream.file) == stdio_buffer);
    EXPECT(strcmp(stdio_buffer, "1234") == 0);
    EXPECT(gets(stdio_buffer, 1, stream.file) == (fortified ? NULL : stdio_buffer));
    EXPECT(fortified || stdio_buffer[0] == '\0');
    EXPECT(gets(stdio_buffer, 0, stream.file) == NULL);
    EXPECT(gets(stdio_buffer, 64, stream.file) == stdio_buffer);
    EXPECT(strcmp(stdio_buffer, "56\n") == 0);
    EXPECT(gets(stdio_buffer, 64, stream.file) == stdio_buffer);
    EXPECT(strcmp(stdio_buffer, "rest") == 0);
    fclose(stream.file);
}

static char *
stdio_fgets_of_chk(char *line, int size, FILE *file)
{
    return stdio_fgets_chk(line, sizeof(stdio_buffer), size, file);
}

static void
stdio_check_fgets(row_type_fgets function)
{
    stdio_fgets = function;
    stdio_check_pieces(function, false);
    stdio_check_reader(stdio_by_fgets);
}

static void
stdio_check_fgets_chk(row_type___fgets_chk function)
{
    struct stream stream = stream_open(NULL, false);

    stdio_fgets_chk = function;
    stream_feed(&stream, "12345678");
    row_expect_abort(stdio_overflow_fgets, stream.file, "buffer overflow detected");
    stream_shut(&stream);
    stdio_check_pieces(stdio_fgets_of_chk, true);
    stdio_check_reader(stdio_by_fgets_chk);
}

ROW_CASE(fgets)
{
    stdio_check_fgets(function);
}

ROW_CASE(fgets_unlocked)
{
    stdio_check_fgets(function);
}

ROW_CASE(__fgets_chk)
{
    stdio_check_fgets_chk(function);
}

ROW_CASE(__fgets_unlocked_chk)
{
    stdio_check_fgets_chk(function);
}

static row_type_getdelim stdio_getdelim;
static row_type_getline stdio_getline;
static char *stdio_line;
static size_t stdio_line_size;

static long
stdio_got_line(long length)
{
    if (length <= 0)
        return length;
    EXPECT(stdio_line_size > (size_t)length);
    EXPECT_EQ(stdio_line[length], 0);
    memcpy(stdio_buffer, stdio_line, (size_t)length + 1);
    return length;
}

static long
stdio_by_getdelim(FILE *file)
{
    return stdio_got_line(stdio_getdelim(&stdio_line, &stdio_line_size, '\n', file));
}

static long
stdio_by_getline(FILE *file)
{
    return stdio_got_line(stdio_getline(&stdio_line, &stdio_line_size, file));
}

/* libc's own check of the out-parameters, and a buffer that must grow. */
static void
stdio_check_line(stdio_reader read_some, ssize_t (*get)(char **, size_t *, FILE *))
{
    struct stream stream = stream_open(NULL, false);
    char *line = malloc(1);
    size_t size = 1;

    EXPECT_FAILS(get(NULL, &size, stream.file), EINVAL);
    EXPECT_FAILS(get(&line, NULL, stream.file), EINVAL);
    memset(stdio_buffer, 'x', 1000);
    stdio_buffer[1000] = '\n';
    EXPECT_EQ(write(stream.far, stdio_buffer, 1001), 1001);
    EXPECT_RETURNS(get(&line, &size, stream.file), 1001);
    EXPECT(size > 1001);
    EXPECT(memcmp(line, stdio_buffer, 1001) == 0);
    free(line);
    stream_shut(&stream);
    stdio_check_reader(read_some);
    free(stdio_line);
}

static ssize_t
stdio_get_to_newline(char **line, size_t *size, FILE *file)
{
    return stdio_getdelim(line, size, '\n', file);
}

ROW_CASE(getdelim)
{
    struct stream stream = stream_open(NULL, false);

    stdio_getdelim = function;
    stream_feed(&stream, "one:two:");
    EXPECT_RETURNS(function(&stdio_line, &stdio_line_size, ':', stream.file), 4);
    EXPECT(strcmp(stdio_line, "one:") == 0);
    stream_shut(&stream);
    stdio_check_line(stdio_by_getdelim, stdio_get_to_newline);
}

ROW_CASE(getline)
{
    stdio_getline = function;
    stdio_check_line(stdio_by_getline, function);
}
