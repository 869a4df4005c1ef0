/*
 * Cases of functions that move bytes between a descriptor and memory: what they are told, in one
 * form for all of them, and the checks that hold of them all.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_ROW_TRANSFER_H
#define WP_TESTS_TRANSPARENCY_ROWS_ROW_TRANSFER_H

#include <sys/uio.h>

#include "../expect.h"
#include "row_wait.h"

struct row_transfer {
    ssize_t (*call)(const struct row_transfer *t);
    int fd;
    char *buffer;
    size_t count;
    size_t buffer_bytes; /* what a fortified twin is told; 0: count */
    int vectors;         /* 2; or a number that is refused */
    off_t offset;
    int flags;
    int other_end;         /* of fd, where the call's wait is ended */
    struct row_page *page; /* or what ends it */
};

static inline size_t
row_transfer_limit(const struct row_transfer *t)
{
    return t->buffer_bytes != 0 ? t->buffer_bytes : t->count;
}

/*
 * The case of row `id`, in which `check` makes the call by `expression`, of `function`, `t`, the
 * two halves of its buffer and `one`, a message made of them.
 */
#define ROW_TRANSFER_CASE(id, expression, check)                                                   \
    static row_type_##id row_function_##id;                                                        \
                                                                                                   \
    static ssize_t row_by_##id(const struct row_transfer *t)                                       \
    {                                                                                              \
        row_type_##id function = row_function_##id;                                                \
        struct iovec halves[] = {{t->buffer, t->count / 2},                                        \
                                 {t->buffer + t->count / 2, t->count - t->count / 2}};             \
        struct mmsghdr one = {.msg_hdr = {.msg_iov = halves, .msg_iovlen = 2}};                    \
                                                                                                   \
        (void)one;                                                                                 \
        return expression;                                                                         \
    }                                                                                              \
                                                                                                   \
    ROW_CASE(id)                                                                                   \
    {                                                                                              \
        struct row_transfer t = {.call = row_by_##id, .vectors = 2};                               \
                                                                                                   \
        row_function_##id = function;                                                              \
        check(&t);                                                                                 \
    }

/* Makes the call with these instead, and leaves them in *t. */
static inline ssize_t
row_transfer(struct row_transfer *t, int fd, const char *buffer, size_t count)
{
    t->fd = fd;
    t->buffer = (char *)(uintptr_t)buffer;
    t->count = count;
    return t->call(t);
}

/* The same at an offset. */
static inline ssize_t
row_transfer_at(struct row_transfer *t, int fd, const char *buffer, size_t count, off_t offset)
{
    t->offset = offset;
    return row_transfer(t, fd, buffer, count);
}

/* Numbers of vectors that are refused, and none. The descriptor serves otherwise. */
static inline void
row_transfer_vectors(struct row_transfer *t, int fd)
{
    const char buffer[2] = "";

    t->vectors = -1;
    EXPECT_FAILS(row_transfer(t, fd, buffer, 2), EINVAL);
    t->vectors = 1025;
    EXPECT_FAILS(row_transfer(t, fd, buffer, 2), EINVAL);
    t->vectors = 0;
    EXPECT_RETURNS(row_transfer(t, fd, buffer, 2), 0);
    t->vectors = 2;
}

/* A flag that forbids to wait, in which case no sample is made; one that does not exist. The first
 * check of a case: a call that needs not wait may be slow, and leave a sample. */
static inline void
row_transfer_flags(struct row_transfer *t, int fd, int waiting_fd)
{
    const char buffer[2] = "";

    t->flags = RWF_NOWAIT;
    errno = 0;
    EXPECT_EQ(row_transfer_at(t, waiting_fd, buffer, 2, -1), -1);
    EXPECT(errno == EAGAIN || errno == EOPNOTSUPP); /* kernels before 6.5 have it not for pipes */
    row_expect_no_sample();
    t->flags = 0x40000000;
    EXPECT_FAILS(row_transfer_at(t, fd, buffer, 2, 0), EOPNOTSUPP);
    t->flags = 0;
}

/* --- As a row_call --- */

static inline long
row_transfer_call(void *object)
{
    const struct row_transfer *t = object;

    return t->call(t);
}

static inline void
row_transfer_provide(void *object)
{
    const struct row_transfer *t = object;

    row_page_provide(t->page, "absent", 6);
}

/* Transfers 6 bytes of memory that is not there: the call waits for it. "absent" is found in it, if
 * the call does not write it. The last check of a case. */
static inline void
row_transfer_waits_for_memory(struct row_transfer *t, int fd)
{
    const struct row_call call = {row_transfer_call, t, row_transfer_provide};
    struct row_page page;

    row_page_create(&page);
    t->fd = fd;
    t->buffer = page.bytes;
    t->count = 6;
    t->page = &page;
    row_expect_released(&call, 6);
}

/* A fortified twin whose buffer is too small by a byte. */
static inline void
row_transfer_overflow(void *object)
{
    struct row_transfer *t = object;

    t->buffer_bytes = t->count - 1;
    t->call(t);
}

static inline void
row_transfer_expect_overflow_abort(struct row_transfer *t)
{
    char buffer[8] = "";

    t->buffer = buffer;
    t->count = sizeof(buffer);
    row_expect_abort(row_transfer_overflow, t, "buffer overflow detected");
}

#endif
