#include "row_wait.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../expect.h"

#define ROW_PAGE_BYTES 4096

/* --- Calls that sleep ------------------------------------------------------------------------ */

static void
row_expect_answer(struct row_outcome outcome, long result)
{
    EXPECT(!outcome.cancelled);
    EXPECT_EQ(outcome.result, result);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
}

static void
row_expect_interrupted(struct row_outcome outcome)
{
    EXPECT(!outcome.cancelled);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
}

/* Since there were `before` samples the function has waited once. */
static void
row_expect_one_sample(uint64_t before)
{
    if (expect_is_preloaded())
        EXPECT_EQ(row_samples(), before + 1);
}

void
row_expect_released(const struct row_call *call, long result)
{
    uint64_t samples = row_samples();

    row_expect_answer(row_release(call), result);
    row_expect_one_sample(samples);
}

void
row_expect_cancelled_at_entry(const struct row_call *call)
{
    EXPECT(row_cancel_before(call).cancelled);
}

void
row_expect_no_cancellation(const struct row_call *call, long result)
{
    row_expect_answer(row_cancel_before(call), result);
}

static struct row_outcome
row_expect_handled(const struct row_call *call, int flags)
{
    uint64_t samples = row_samples();
    struct row_outcome outcome = row_interrupt(call, flags);

    EXPECT_EQ(outcome.handled, 1);
    row_expect_one_sample(samples);
    return outcome;
}

void
row_expect_wait(const struct row_call *call, long result, unsigned properties)
{
    struct row_outcome outcome;

    row_expect_released(call, result);
    row_expect_interrupted(row_expect_handled(call, 0));
    outcome = row_expect_handled(call, SA_RESTART);
    if ((properties & ROW_RESTARTS) != 0)
        row_expect_answer(outcome, result);
    else
        row_expect_interrupted(outcome);
    if ((properties & ROW_CANCELS) != 0) {
        EXPECT(row_cancel(call).cancelled);
        row_expect_cancelled_at_entry(call);
    } else {
        row_expect_answer(row_cancel(call), result);
        row_expect_no_cancellation(call, result);
    }
}

/* --- Signals --------------------------------------------------------------------------------- */

static atomic_int row_signal_count;

static void
row_count(int number)
{
    (void)number;
    atomic_fetch_add(&row_signal_count, 1);
}

int
row_count_signal(int number)
{
    struct sigaction action = {.sa_handler = row_count};

    sigemptyset(&action.sa_mask);
    EXPECT_EQ(sigaction(number, &action, NULL), 0);
    return atomic_exchange(&row_signal_count, 0);
}

/* --- Files and pipes ------------------------------------------------------------------------- */

void
row_put(int fd, const void *bytes, size_t count)
{
    int error = errno;

    EXPECT_EQ(syscall(SYS_write, fd, bytes, count), (long)count);
    errno = error;
}

void
row_get(int fd, void *bytes, size_t count)
{
    int error = errno;

    EXPECT_EQ(syscall(SYS_read, fd, bytes, count), (long)count);
    errno = error;
}

int
row_file(const char *text)
{
    const char *path = row_path("file");
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    EXPECT(fd >= 0);
    EXPECT_EQ(unlink(path), 0);
    row_put(fd, text, strlen(text));
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

void
row_small_pipe(int fds[2])
{
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_EQ(fcntl(fds[1], F_SETPIPE_SZ, ROW_PIPE_BYTES), ROW_PIPE_BYTES);
}

void
row_pipe_empty(int read_end)
{
    char bytes[ROW_PIPE_BYTES];
    int error = errno;
    int left;

    while (syscall(SYS_ioctl, read_end, FIONREAD, &left) == 0 && left > 0)
        row_get(read_end, bytes, (size_t)left < sizeof(bytes) ? (size_t)left : sizeof(bytes));
    errno = error;
}

void
row_pipe_fill(const int fds[2])
{
    static const char bytes[ROW_PIPE_BYTES];

    row_pipe_empty(fds[0]);
    row_put(fds[1], bytes, sizeof(bytes));
}

/* --- Memory that is not there ---------------------------------------------------------------- */

void
row_page_create(struct row_page *page)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

    page->fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (page->fault_fd < 0 && (errno == EPERM || errno == ENOSYS))
        row_skip("userfaultfd is refused: run as root, or set vm.unprivileged_userfaultfd to 1");
    EXPECT(page->fault_fd >= 0);
    EXPECT_EQ(syscall(SYS_ioctl, page->fault_fd, UFFDIO_API, &api), 0);
    page->bytes =
        mmap(NULL, ROW_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page->bytes != MAP_FAILED);
    range.range.start = (uintptr_t)page->bytes;
    range.range.len = ROW_PAGE_BYTES;
    EXPECT_EQ(syscall(SYS_ioctl, page->fault_fd, UFFDIO_REGISTER, &range), 0);
}

void
row_page_provide(struct row_page *page, const void *contents, size_t size)
{
    static _Alignas(ROW_PAGE_BYTES) char source[ROW_PAGE_BYTES];
    struct uffdio_copy copy = {.len = ROW_PAGE_BYTES};

    memset(source, 0, sizeof(source));
    memcpy(source, contents, size);
    copy.src = (uintptr_t)source;
    copy.dst = (uintptr_t)page->bytes;
    EXPECT_EQ(syscall(SYS_ioctl, page->fault_fd, UFFDIO_COPY, &copy), 0);
}

void
row_page_withdraw(struct row_page *page)
{
    EXPECT_EQ(madvise(page->bytes, ROW_PAGE_BYTES, MADV_DONTNEED), 0);
}
