/*
 * syscall(SYS_io_uring_enter).
 */
#include "syscall_parts.h"

#include <linux/io_uring.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "../expect.h"
#include "row_wait.h"

/* A ring of a few entries; the kernel writes its indices. */
struct io_uring {
    row_type_syscall function;
    int fd;
    uint32_t *submitted; /* tail of the submission ring */
    uint32_t *consumed;  /* head of the completion ring */
    uint32_t features;
};

static void *
io_uring_map(int fd, size_t size, off_t offset)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

    EXPECT(mapped != MAP_FAILED);
    return mapped;
}

/* False: this kernel has none, or none for us. The entries stay zero: they are operations that do
 * nothing. */
static bool
io_uring_make(struct io_uring *ring, row_type_syscall function)
{
    struct io_uring_params parameters = {0};
    char *submissions;
    char *completions;

    ring->function = function;
    ring->fd = (int)function(SYS_io_uring_setup, 4, syscall_pointer(&parameters), 0, 0, 0, 0);
    if (ring->fd < 0) {
        EXPECT(errno == ENOSYS || errno == EPERM);
        return false;
    }
    submissions =
        io_uring_map(ring->fd, parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t),
                     IORING_OFF_SQ_RING);
    completions = io_uring_map(
        ring->fd, parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe),
        IORING_OFF_CQ_RING);
    ring->submitted = (uint32_t *)(void *)(submissions + parameters.sq_off.tail);
    ring->consumed = (uint32_t *)(void *)(completions + parameters.cq_off.head);
    ring->features = parameters.features;
    return true;
}

static long
io_uring_enter(const struct io_uring *ring, long submit, long wait, long flags)
{
    return ring->function(SYS_io_uring_enter, ring->fd, submit, wait, flags, 0, 0);
}

static long
io_uring_wait(void *argument)
{
    return io_uring_enter(argument, 0, 1, IORING_ENTER_GETEVENTS);
}

static void
io_uring_submit(void *argument)
{
    struct io_uring *ring = argument;

    __atomic_fetch_add(ring->submitted, 1, __ATOMIC_RELEASE);
    EXPECT_RETURNS(io_uring_enter(ring, 1, 0, 0), 1);
}

static void
io_uring_consume(struct io_uring *ring)
{
    __atomic_fetch_add(ring->consumed, 1, __ATOMIC_RELEASE);
}

/* The sixth argument is the size of the fifth, which has the time-out. */
static void
io_uring_times_out(const struct io_uring *ring)
{
    struct timespec time = {0, 30000000};
    struct io_uring_getevents_arg argument = {.ts = (uintptr_t)&time};
    const long flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    uint64_t samples = row_samples();

    EXPECT_FAILS(ring->function(SYS_io_uring_enter, ring->fd, 0, 1, flags,
                                syscall_pointer(&argument), sizeof(argument)),
                 ETIME);
    if (expect_is_preloaded())
        EXPECT_EQ(row_samples(), samples + 1);
    EXPECT_FAILS(ring->function(SYS_io_uring_enter, ring->fd, 0, 1, flags,
                                syscall_pointer(&argument), sizeof(argument) + 1),
                 EINVAL);
}

const char *
syscall_check_io_uring(row_type_syscall function)
{
    struct io_uring ring;
    const struct row_call call = {io_uring_wait, &ring, io_uring_submit};
    uint64_t samples = row_samples();

    if (!io_uring_make(&ring, function))
        return "io_uring";

    /* Nothing to wait for. */
    io_uring_submit(&ring);
    io_uring_consume(&ring);
    EXPECT_RETURNS(io_uring_enter(&ring, 0, 0, IORING_ENTER_GETEVENTS), 0);
    EXPECT_EQ(row_samples(), samples);

    row_expect_released(&call, 0);
    io_uring_consume(&ring);
    EXPECT_EQ(row_interrupt(&call, 0).error, EINTR);
    EXPECT(!row_cancel(&call).cancelled);
    io_uring_consume(&ring);
    if ((ring.features & IORING_FEAT_EXT_ARG) != 0)
        io_uring_times_out(&ring);

    EXPECT_FAILS(io_uring_enter(&ring, 0, 1, 1 << 30), EINVAL);
    EXPECT_EQ(close(ring.fd), 0);
    EXPECT_FAILS(io_uring_wait(&ring), EBADF);
    return NULL;
}
