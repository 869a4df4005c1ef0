/*
 * Asynchronous I/O, waited for.
 */
#include <aio.h>

#include "../expect.h"
#include "row_wait.h"

/* A read of one byte of an empty pipe; a thread of libc's own waits for it. */
struct row_aio {
    row_type_aio_suspend suspend;
    row_type_lio_listio list;
    struct aiocb *request;
    int fds[2];
    bool begun;
    char byte;
    int timeout_s; /* 0: none */
};

static void
row_aio_create(struct row_aio *aio)
{
    EXPECT_EQ(pipe(aio->fds), 0);
    aio->request = calloc(1, sizeof(*aio->request));
    EXPECT(aio->request != NULL);
    aio->request->aio_fildes = aio->fds[0];
    aio->request->aio_buf = &aio->byte;
    aio->request->aio_nbytes = 1;
    aio->request->aio_lio_opcode = LIO_READ;
    aio->request->aio_sigevent.sigev_notify = SIGEV_NONE;
}

static void
row_aio_put(void *object)
{
    const struct row_aio *aio = object;

    row_put(aio->fds[1], "x", 1);
}

/* Waits for the end of the request and takes its result. */
static void
row_aio_end(struct row_aio *aio)
{
    int error = errno;

    for (int i = 0; aio_error(aio->request) == EINPROGRESS; i++) {
        EXPECT(i < 10000);
        expect_pause_ms(1);
    }
    EXPECT_EQ(aio_return(aio->request), 1);
    errno = error;
}

/* --- aio_suspend ----------------------------------------------------------------------------- */

/* The request is under way, from the last call on if that one did not see its end. */
static long
row_aio_suspend_call(void *object)
{
    struct row_aio *aio = object;
    const struct aiocb *list[] = {NULL, aio->request};
    const struct timespec limit = {aio->timeout_s, 0};
    int result;

    if (!aio->begun)
        EXPECT_EQ(aio_read(aio->request), 0);
    aio->begun = true;
    errno = EXPECT_ERRNO_MARK;
    result = aio->suspend(list, 2, aio->timeout_s != 0 ? &limit : NULL);
    if (result == 0) {
        row_aio_end(aio);
        aio->begun = false;
    }
    return result;
}

ROW_CASE(aio_suspend)
{
    struct row_aio aio = {.suspend = function};
    const struct row_call call = {row_aio_suspend_call, &aio, row_aio_put};
    const struct aiocb *list[2] = {NULL};
    const struct timespec short_time = {0, 20000000};
    const struct timespec no_time = {0, 0};
    int64_t start_ns;

    row_aio_create(&aio);
    list[1] = aio.request;
    EXPECT_EQ(aio_read(aio.request), 0);
    EXPECT_FAILS(function(list, 2, &no_time), EAGAIN);
    start_ns = expect_now_ns(CLOCK_MONOTONIC);
    EXPECT_FAILS(function(list, 2, &short_time), EAGAIN);
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= 19000000);
    row_aio_put(&aio);
    row_aio_end(&aio);
    EXPECT_RETURNS(function(list, 2, NULL), 0);
    EXPECT_RETURNS(function(list, 2, &no_time), 0);
    EXPECT_FAILS(function(list, -1, NULL), EINVAL);
    row_expect_wait(&call, 0, ROW_RESTARTS | ROW_CANCELS);
    aio.timeout_s = 30;
    row_expect_wait(&call, 0, ROW_CANCELS);
}

/* --- lio_listio ------------------------------------------------------------------------------ */

/* A request that an interrupted call leaves behind writes to that call's stack when it ends. So it
 * does not end: the next call has another request and pipe. */
static long
row_aio_list_call(void *object)
{
    struct row_aio *aio = object;
    struct aiocb *list[] = {NULL, aio->request};
    int result = aio->list(LIO_WAIT, list, 2, NULL);
    int error = errno;

    if (result == 0)
        row_aio_end(aio);
    else
        row_aio_create(aio);
    errno = error;
    return result;
}

/* A list of which one fails. */
static void
row_aio_list_fails(row_type_lio_listio function)
{
    char byte;
    struct aiocb good = {.aio_fildes = row_file("x"), .aio_buf = &byte, .aio_nbytes = 1};
    struct aiocb bad = {.aio_fildes = -1, .aio_buf = &byte, .aio_nbytes = 1};
    struct aiocb nothing = {.aio_fildes = -1, .aio_lio_opcode = LIO_NOP};
    struct aiocb *list[] = {&good, &nothing, &bad};

    good.aio_sigevent.sigev_notify = SIGEV_NONE;
    bad.aio_sigevent.sigev_notify = SIGEV_NONE;
    EXPECT_FAILS(function(LIO_WAIT, list, 3, NULL), EIO);
    EXPECT_EQ(aio_error(&bad), EBADF);
    EXPECT_EQ(aio_error(&good), 0);
    EXPECT_EQ(aio_return(&good), 1);
    close(good.aio_fildes);
}

/* A list that is not waited for tells by a signal. */
static void
row_aio_list_tells(struct row_aio *aio, int mode)
{
    struct aiocb *list[] = {NULL, aio->request};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

    row_count_signal(SIGUSR1);
    EXPECT_RETURNS(aio->list(mode, list, 2, &event), 0);
    EXPECT_EQ(aio_error(aio->request), EINPROGRESS);
    EXPECT_EQ(row_count_signal(SIGUSR1), 0);
    row_aio_put(aio);
    row_aio_end(aio);
    for (int i = 0; row_count_signal(SIGUSR1) == 0; i++) {
        EXPECT(i < 10000);
        expect_pause_ms(1);
    }
    EXPECT_EQ(aio->byte, 'x');
}

static void
row_aio_list_of_none(row_type_lio_listio function)
{
    struct aiocb nothing = {.aio_fildes = -1, .aio_lio_opcode = LIO_NOP};
    struct aiocb *list[] = {NULL, &nothing};

    EXPECT_RETURNS(function(LIO_WAIT, list, 2, NULL), 0);
    EXPECT_RETURNS(function(LIO_WAIT, list, 0, NULL), 0);
    EXPECT_FAILS(function(77, list, 2, NULL), EINVAL);
}

static void
row_aio_list(row_type_lio_listio function)
{
    struct row_aio aio = {.list = function};
    const struct row_call call = {row_aio_list_call, &aio, row_aio_put};

    row_aio_create(&aio);
    row_aio_list_tells(&aio, LIO_NOWAIT);
    row_expect_no_sample();
    row_aio_list_of_none(function);
    row_aio_list_fails(function);
    row_expect_wait(&call, 0, ROW_RESTARTS);
}

ROW_CASE(lio_listio)
{
    row_aio_list(function);
}

ROW_CASE(lio_listio64)
{
    row_aio_list(function);
}
