/*
 * What waits for the disk, as long as that takes: nobody can be made to hold it up, but truncate
 * has to wait for a lease. Errors that only a failing or a full disk gives (EIO, ENOSPC, EDQUOT)
 * are left out, and EINTR: these calls are not interrupted, or not for long enough to hit.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../expect.h"
#include "lease.h"
#include "row.h"

#define FILE_BYTES ((size_t)8 << 20)

/* A file with bytes that are not on the disk yet. */
static int
file_dirty(const char *name)
{
    static char bytes[1 << 16];
    int fd = open(row_path(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

    EXPECT(fd >= 0);
    memset(bytes, 'd', sizeof(bytes));
    for (size_t written = 0; written < FILE_BYTES; written += sizeof(bytes))
        EXPECT_EQ(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    return fd;
}

/* A call that took so long had to wait: then there must be a sample. */
static void
file_expect_sample(int64_t start_ns)
{
    if (expect_now_ns(CLOCK_MONOTONIC) - start_ns > 5000000)
        row_waited();
}

static long
file_cancel_me(void *call)
{
    int (*on_file)(int fd);
    /* Not by open, which is a cancellation point. */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, row_path("cancelled"), O_RDWR | O_CREAT, 0600);

    memcpy(&on_file, call, sizeof(on_file));
    return on_file(fd);
}

/* Does the call act on a cancellation that is pending? */
static void
file_check_cancellation(int (*on_file)(int fd), bool acts)
{
    struct row_call call = {file_cancel_me, &on_file, NULL};

    EXPECT_EQ(row_cancel_before(&call).cancelled, acts);
}

/* --- fsync and its kin ----------------------------------------------------------------------- */

static void
file_check_sync(int (*sync_it)(int fd), int error_of_pipe, bool cancels)
{
    int fd = file_dirty("dirty");
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);
    int fds[2];

    EXPECT_RETURNS(sync_it(fd), 0);
    file_expect_sample(start_ns);
    close(fd);
    EXPECT_FAILS(sync_it(fd), EBADF);
    EXPECT_FAILS(sync_it(-1), EBADF);
    EXPECT_EQ(pipe(fds), 0);
    if (error_of_pipe != 0)
        EXPECT_FAILS(sync_it(fds[0]), error_of_pipe);
    else
        EXPECT_RETURNS(sync_it(fds[0]), 0);
    file_check_cancellation(sync_it, cancels);
}

ROW_CASE(fsync)
{
    file_check_sync(function, EINVAL, true);
}

ROW_CASE(fdatasync)
{
    file_check_sync(function, EINVAL, true);
}

ROW_CASE(syncfs)
{
    file_check_sync(function, 0, false);
}

ROW_CASE(sync)
{
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);

    errno = EXPECT_ERRNO_MARK;
    function();
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    file_expect_sample(start_ns);
}

static row_type_sync_file_range file_sync_range;

static int
file_by_sync_range(int fd)
{
    return file_sync_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT);
}

ROW_CASE(sync_file_range)
{
    int fd = file_dirty("range");

    file_sync_range = function;
    EXPECT_RETURNS(function(fd, 4096, 8192, SYNC_FILE_RANGE_WRITE), 0);
    EXPECT_RETURNS(function(fd, INT64_C(1) << 40, 1, 0), 0);
    EXPECT_FAILS(function(fd, -1, 1, 0), EINVAL);
    EXPECT_FAILS(function(fd, 1, -2, 0), EINVAL);
    EXPECT_FAILS(function(fd, INT64_MAX, 1, 0), EINVAL);
    EXPECT_FAILS(function(fd, 0, 1, 0x80), EINVAL);
    close(fd);
    file_check_sync(file_by_sync_range, ESPIPE, true);
}

/* --- msync ----------------------------------------------------------------------------------- */

static row_type_msync file_msync;

static int
file_by_msync(int fd)
{
    (void)fd;
    return file_msync(NULL, 0, MS_SYNC);
}

ROW_CASE(msync)
{
    int fd = file_dirty("mapped");
    long page = sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int64_t start_ns;

    EXPECT(map != MAP_FAILED);
    file_msync = function;
    memset(map, 'm', FILE_BYTES);
    EXPECT_RETURNS(function(map, FILE_BYTES, MS_ASYNC), 0);
    EXPECT_FAILS(function(map, FILE_BYTES, MS_ASYNC | MS_SYNC), EINVAL);
    row_expect_no_sample();
    start_ns = expect_now_ns(CLOCK_MONOTONIC);
    EXPECT_RETURNS(function(map, FILE_BYTES, MS_SYNC), 0);
    file_expect_sample(start_ns);
    EXPECT_FAILS(function(map + 1, 1, MS_SYNC), EINVAL);
    EXPECT_FAILS(function(map, FILE_BYTES, 0x100), EINVAL);
    EXPECT_EQ(mlock(map, (size_t)page), 0);
    EXPECT_FAILS(function(map, (size_t)page, MS_INVALIDATE | MS_SYNC), EBUSY);
    EXPECT_EQ(munmap(map, FILE_BYTES), 0);
    EXPECT_FAILS(function(map, FILE_BYTES, MS_SYNC), ENOMEM);
    close(fd);
    file_check_cancellation(file_by_msync, true);
}

/* --- sizes ----------------------------------------------------------------------------------- */

static off_t
file_size(int fd)
{
    struct stat status;

    EXPECT_EQ(fstat(fd, &status), 0);
    return status.st_size;
}

static row_type_fallocate file_fallocate;
static row_type_posix_fallocate file_posix_fallocate;
static row_type_ftruncate file_ftruncate;

static int
file_by_fallocate(int fd)
{
    return file_fallocate(fd, 0, 0, 1);
}

/* Its result is an error number. */
static int
file_by_posix_fallocate(int fd)
{
    return file_posix_fallocate(fd, 0, 1);
}

static int
file_by_ftruncate(int fd)
{
    return file_ftruncate(fd, 1);
}

ROW_CASE(fallocate)
{
    int fd = file_dirty("file");
    int fds[2];
    char bytes[3];

    file_fallocate = function;
    EXPECT_RETURNS(function(fd, FALLOC_FL_KEEP_SIZE, (off_t)FILE_BYTES, 4096), 0);
    EXPECT_EQ(file_size(fd), FILE_BYTES);
    EXPECT_RETURNS(function(fd, 0, (off_t)FILE_BYTES, 4096), 0);
    EXPECT_EQ(file_size(fd), FILE_BYTES + 4096);
    EXPECT_RETURNS(function(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192), 0);
    EXPECT_EQ(pread(fd, bytes, 3, 4095), 3);
    EXPECT(memcmp(bytes, "d\0", 3) == 0);
    EXPECT_FAILS(function(fd, 0, 0, 0), EINVAL);
    EXPECT_FAILS(function(fd, 0, -1, 1), EINVAL);
    EXPECT_FAILS(function(fd, 0, INT64_MAX, 1), EFBIG);
    EXPECT_FAILS(function(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_FAILS(function(fds[1], 0, 0, 1), ESPIPE);
    EXPECT_FAILS(function(fds[0], 0, 0, 1), EBADF);
    close(fd);
    EXPECT_FAILS(function(fd, 0, 0, 1), EBADF);
    file_check_cancellation(file_by_fallocate, true);
}

static void
file_check_posix_fallocate(row_type_posix_fallocate function)
{
    int fd = file_dirty("file");
    int fds[2];

    file_posix_fallocate = function;
    EXPECT_RETURNS(function(fd, (off_t)FILE_BYTES, 4096), 0);
    EXPECT_EQ(file_size(fd), FILE_BYTES + 4096);
    EXPECT_RETURNS(function(fd, 0, -1), EINVAL);
    EXPECT_RETURNS(function(fd, -1, 1), EINVAL);
    EXPECT_RETURNS(function(fd, INT64_MAX, 1), EFBIG);
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_RETURNS(function(fds[1], 0, 1), ESPIPE);
    close(fd);
    EXPECT_RETURNS(function(fd, 0, 1), EBADF);
    file_check_cancellation(file_by_posix_fallocate, false);
}

ROW_CASE(posix_fallocate)
{
    file_check_posix_fallocate(function);
}

ROW_CASE(posix_fallocate64)
{
    file_check_posix_fallocate(function);
}

ROW_CASE(ftruncate)
{
    int fd = file_dirty("file");
    int for_reading = open(row_path("file"), O_RDONLY);

    file_ftruncate = function;
    EXPECT_RETURNS(function(fd, 5), 0);
    EXPECT_EQ(file_size(fd), 5);
    EXPECT_RETURNS(function(fd, INT64_C(5) << 32), 0);
    EXPECT_EQ(file_size(fd), INT64_C(5) << 32);
    EXPECT_FAILS(function(fd, -1), EINVAL);
    EXPECT_FAILS(function(fd, INT64_MAX), EFBIG);
    EXPECT_FAILS(function(for_reading, 1), EINVAL);
    close(fd);
    close(for_reading);
    EXPECT_FAILS(function(fd, 5), EBADF);
    file_check_cancellation(file_by_ftruncate, false);
}

static row_type_truncate file_truncate;

static long
file_truncate_leased(void *lease)
{
    return file_truncate(lease_path(lease), 0);
}

static void
file_check_truncate_errors(void)
{
    char long_name[300];

    memset(long_name, 'n', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    EXPECT_FAILS(file_truncate("/no/such", 1), ENOENT);
    EXPECT_FAILS(file_truncate("/", 1), EISDIR);
    EXPECT_FAILS(file_truncate("/etc/passwd/x", 1), ENOTDIR);
    EXPECT_FAILS(file_truncate(long_name, 1), ENAMETOOLONG);
    EXPECT_FAILS(file_truncate("/dev/null", 1), EINVAL);
    EXPECT_FAILS(file_truncate((const char *)8, 1), EFAULT);
    EXPECT_FAILS(file_truncate(row_path("file"), -1), EINVAL);
    EXPECT_FAILS(file_truncate(row_path("file"), INT64_MAX), EFBIG);
}

ROW_CASE(truncate)
{
    int fd = file_dirty("file");
    struct lease lease;
    struct row_call call = {file_truncate_leased, &lease, lease_release};
    struct row_outcome outcome;

    file_truncate = function;
    EXPECT_RETURNS(function(row_path("file"), INT64_C(5) << 32), 0);
    EXPECT_EQ(file_size(fd), INT64_C(5) << 32);
    close(fd);
    file_check_truncate_errors();
    if (!lease_take(&lease))
        return;
    EXPECT_EQ(row_release(&call).result, 0);
    EXPECT(lease_take(&lease));
    outcome = row_interrupt(&call, 0);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    lease_release(&lease);
    EXPECT(lease_take(&lease));
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.handled, 1);
    EXPECT(lease_take(&lease));
    outcome = row_cancel(&call);
    EXPECT(!outcome.cancelled);
}
