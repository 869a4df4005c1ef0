/*
 * File locks. A lock of the open file description (F_OFD_SETLK) stands against the process's own
 * ones, so that one process is enough but for the deadlock of two.
 */
#include <signal.h>
#include <sys/file.h>

#include "../expect.h"
#include "row.h"

/* A lock that somebody has and the call wants. */
struct filelock {
    int holder; /* a descriptor that has the lock */
    int fd;     /* one of another open file description, for the call */
    int (*lock)(int fd);
    void (*take)(int holder, int type); /* F_WRLCK or F_UNLCK */
};

static void
filelock_take_flock(int holder, int type)
{
    EXPECT_EQ(syscall(SYS_flock, holder, type == F_UNLCK ? LOCK_UN : LOCK_EX), 0);
}

static void
filelock_take_ofd(int holder, int type)
{
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};

    EXPECT_EQ(syscall(SYS_fcntl, holder, F_OFD_SETLK, &lock), 0);
    /* What the call itself may have locked is the process's. */
    if (type == F_UNLCK)
        EXPECT_EQ(syscall(SYS_fcntl, holder, F_SETLK, &lock), 0);
}

static struct filelock
filelock_open(int (*lock)(int fd), void (*take)(int holder, int type))
{
    const char *path = row_path("locked");
    struct filelock file = {.lock = lock, .take = take};

    file.holder = open(path, O_RDWR | O_CREAT, 0600);
    file.fd = open(path, O_RDWR);
    EXPECT(file.holder >= 0 && file.fd >= 0);
    return file;
}

static void
filelock_close(const struct filelock *file)
{
    close(file->holder);
    close(file->fd);
}

/* The call, which leaves nothing locked. */
static long
filelock_make_call(void *object)
{
    const struct filelock *file = object;
    int result = file->lock(file->fd);
    int error = errno;

    if (result == 0)
        file->take(file->fd, F_UNLCK);
    errno = error;
    return result;
}

static void
filelock_release(void *object)
{
    const struct filelock *file = object;

    file->take(file->holder, F_UNLCK);
}

static void
filelock_check_waits(int (*lock)(int fd), void (*take)(int holder, int type), bool cancels)
{
    struct filelock file = filelock_open(lock, take);
    struct row_call call = {filelock_make_call, &file, filelock_release};
    struct row_outcome outcome;

    take(file.holder, F_WRLCK);
    outcome = row_release(&call);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    take(file.holder, F_WRLCK);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.handled, 1);
    take(file.holder, F_WRLCK);
    outcome = row_interrupt(&call, 0);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    outcome = row_cancel(&call);
    EXPECT_EQ(outcome.cancelled, cancels);
    take(file.holder, F_UNLCK);
    EXPECT_EQ(row_cancel_before(&call).cancelled, cancels);
    filelock_close(&file);
}

/* --- flock ----------------------------------------------------------------------------------- */

static row_type_flock filelock_flock;

static int
filelock_by_flock(int fd)
{
    return filelock_flock(fd, LOCK_EX);
}

ROW_CASE(flock)
{
    struct filelock file = filelock_open(NULL, NULL);

    filelock_flock = function;
    EXPECT_RETURNS(function(file.holder, LOCK_EX | LOCK_NB), 0);
    EXPECT_FAILS(function(file.fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    EXPECT_FAILS(function(file.fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    row_expect_no_sample();
    EXPECT_RETURNS(function(file.holder, LOCK_SH), 0); /* instead of the other */
    EXPECT_RETURNS(function(file.fd, LOCK_SH), 0);
    EXPECT_FAILS(function(file.fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    EXPECT_RETURNS(function(file.fd, LOCK_UN), 0);
    EXPECT_FAILS(function(file.fd, 0), EINVAL);
    EXPECT_FAILS(function(file.fd, 16), EINVAL);
    filelock_close(&file);
    EXPECT_FAILS(function(file.fd, LOCK_EX), EBADF);
    EXPECT_FAILS(function(-1, LOCK_UN), EBADF);
    filelock_check_waits(filelock_by_flock, filelock_take_flock, false);
}

/* --- lockf ----------------------------------------------------------------------------------- */

static row_type_lockf filelock_lockf;

static int
filelock_by_lockf(int fd)
{
    return filelock_lockf(fd, F_LOCK, 0);
}

/* Two processes that wait for each other: the second is refused. `lock` locks the byte. */
static void
filelock_check_deadlock(int (*lock)(int fd, off_t byte))
{
    int fd = open(row_path("deadlock"), O_RDWR | O_CREAT, 0600);
    int ready[2];
    char byte;
    pid_t child;

    EXPECT_EQ(lock(fd, 0), 0);
    EXPECT_EQ(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};

        EXPECT_EQ(syscall(SYS_fcntl, fd, F_SETLKW, &wanted), 0);
        EXPECT_EQ(syscall(SYS_write, ready[1], "", 1), 1);
        wanted.l_start = 0;
        EXPECT_EQ(syscall(SYS_fcntl, fd, F_SETLKW, &wanted), 0);
        _exit(0);
    }
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    row_await_sleep_of(child);
    EXPECT_FAILS(lock(fd, 1), EDEADLK);
    close(fd); /* gives up the locks of this process */
    EXPECT_EQ(expect_wait_status(child), 0);
}

static int
filelock_lockf_byte(int fd, off_t byte)
{
    EXPECT_EQ(lseek(fd, byte, SEEK_SET), byte);
    return filelock_lockf(fd, F_LOCK, 1);
}

ROW_CASE(lockf)
{
    struct filelock file = filelock_open(NULL, NULL);
    int for_reading = open(row_path("locked"), O_RDONLY);

    filelock_lockf = function;
    filelock_take_ofd(file.holder, F_WRLCK);
    EXPECT_FAILS(function(file.fd, F_TLOCK, 0), EAGAIN);
    EXPECT_FAILS(function(file.fd, F_TEST, 0), EACCES);
    filelock_take_ofd(file.holder, F_UNLCK);
    EXPECT_RETURNS(function(file.fd, F_TEST, 0), 0);
    EXPECT_RETURNS(function(file.fd, F_TLOCK, 0), 0);
    EXPECT_RETURNS(function(file.fd, F_TEST, 0), 0); /* the own lock does not count */
    EXPECT_RETURNS(function(file.fd, F_ULOCK, 0), 0);
    EXPECT_FAILS(function(file.fd, 17, 0), EINVAL);
    EXPECT_FAILS(function(file.fd, F_TLOCK, INT64_MIN), EINVAL);
    row_expect_no_sample();
    EXPECT_RETURNS(function(file.fd, F_LOCK, INT64_C(1) << 40), 0);
    EXPECT_RETURNS(function(file.fd, F_ULOCK, 0), 0);
    EXPECT_FAILS(function(for_reading, F_LOCK, 1), EBADF);
    filelock_close(&file);
    close(for_reading);
    EXPECT_FAILS(function(file.fd, F_LOCK, 1), EBADF);
    filelock_check_deadlock(filelock_lockf_byte);
    filelock_check_waits(filelock_by_lockf, filelock_take_ofd, true);
}

/* --- fcntl ----------------------------------------------------------------------------------- */

/* As C programs call it: variadic, with an int, a pointer or nothing. */
static int (*filelock_fcntl)(int fd, int command, ...);

static void
filelock_check_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);
    int copy;

    copy = filelock_fcntl(fd, F_DUPFD, 50);
    EXPECT_EQ(copy, 50);
    EXPECT_RETURNS(filelock_fcntl(copy, F_GETFD), 0);
    EXPECT_RETURNS(filelock_fcntl(copy, F_SETFD, FD_CLOEXEC), 0);
    EXPECT_RETURNS(filelock_fcntl(copy, F_GETFD), FD_CLOEXEC);
    EXPECT_RETURNS(filelock_fcntl(fd, F_DUPFD_CLOEXEC, 51), 51);
    EXPECT_RETURNS(filelock_fcntl(51, F_GETFD), FD_CLOEXEC);
    EXPECT_FAILS(filelock_fcntl(fd, F_DUPFD, -1), EINVAL);
    EXPECT_RETURNS(filelock_fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND), 0);
    EXPECT_EQ(filelock_fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND | O_ACCMODE),
              O_NONBLOCK | O_APPEND | O_RDWR);
    EXPECT_FAILS(filelock_fcntl(fd, 9999), EINVAL);
    EXPECT_FAILS(filelock_fcntl(-1, F_GETFD), EBADF);
    close(fd);
    EXPECT_FAILS(filelock_fcntl(fd, F_GETFL), EBADF);
    close(50);
    close(51);
}

static void
filelock_check_owners(void)
{
    struct f_owner_ex owner = {F_OWNER_TID, 0};
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_GETOWN), 0);
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_SETOWN, getpid()), 0);
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_GETOWN), getpid());
    /* A group is a negative number: no error. */
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_SETOWN, -getpgrp()), 0);
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_GETOWN), -getpgrp());
    owner.pid = expect_tid();
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_SETOWN_EX, &owner), 0);
    memset(&owner, 0, sizeof(owner));
    owner.type = F_OWNER_PID;
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_GETOWN_EX, &owner), 0);
    EXPECT_EQ(owner.type, F_OWNER_TID);
    EXPECT_EQ(owner.pid, expect_tid());
    EXPECT_FAILS(filelock_fcntl(fds[0], F_GETOWN_EX, (void *)8), EFAULT);
    EXPECT_FAILS(filelock_fcntl(fds[0], F_SETOWN, 0x3fffffff), ESRCH);
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_SETSIG, SIGRTMIN), 0);
    EXPECT_RETURNS(filelock_fcntl(fds[0], F_GETSIG), SIGRTMIN);
    EXPECT_EQ(filelock_fcntl(fds[0], F_SETPIPE_SZ, 1 << 17), 1 << 17);
    EXPECT_RETURNS(filelock_fcntl(fds[1], F_GETPIPE_SZ), 1 << 17);
    EXPECT_FAILS(filelock_fcntl(STDIN_FILENO + 999, F_GETPIPE_SZ), EBADF);
    close(fds[0]);
    close(fds[1]);
}

static void
filelock_check_locks(void)
{
    struct filelock file = filelock_open(NULL, NULL);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    struct flock same = lock;

    EXPECT_RETURNS(filelock_fcntl(file.fd, F_GETLK, &lock), 0);
    EXPECT_EQ(lock.l_type, F_UNLCK);
    EXPECT_RETURNS(filelock_fcntl(file.fd, F_SETLK, &same), 0);
    lock = same;
    EXPECT_RETURNS(filelock_fcntl(file.holder, F_OFD_GETLK, &lock), 0);
    EXPECT_EQ(lock.l_type, F_WRLCK);
    EXPECT_EQ(lock.l_start, 10);
    EXPECT_EQ(lock.l_len, 5);
    EXPECT_EQ(lock.l_pid, getpid());
    EXPECT_FAILS(filelock_fcntl(file.holder, F_OFD_SETLK, &same), EAGAIN);
    same.l_type = F_UNLCK;
    EXPECT_RETURNS(filelock_fcntl(file.fd, F_SETLK, &same), 0);
    same.l_type = F_WRLCK;
    EXPECT_RETURNS(filelock_fcntl(file.holder, F_OFD_SETLK, &same), 0);
    EXPECT_FAILS(filelock_fcntl(file.fd, F_SETLK, &same), EAGAIN);
    lock = same;
    EXPECT_RETURNS(filelock_fcntl(file.fd, F_GETLK, &lock), 0);
    EXPECT_EQ(lock.l_pid, -1);
    same.l_type = 99;
    EXPECT_FAILS(filelock_fcntl(file.fd, F_SETLK, &same), EINVAL);
    same = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};
    EXPECT_FAILS(filelock_fcntl(file.fd, F_SETLK, &same), EINVAL);
    same = (struct flock){.l_type = F_WRLCK, .l_start = 2, .l_len = INT64_MAX};
    EXPECT_FAILS(filelock_fcntl(file.fd, F_SETLK, &same), EOVERFLOW);
    EXPECT_FAILS(filelock_fcntl(file.fd, F_SETLK, (void *)8), EFAULT);
    EXPECT_FAILS(filelock_fcntl(file.fd, F_OFD_SETLK, &(struct flock){.l_pid = 1}), EINVAL);
    filelock_close(&file);
}

static int filelock_command; /* of the two that wait */

static int
filelock_by_fcntl(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return filelock_fcntl(fd, filelock_command, &lock);
}

static int
filelock_fcntl_byte(int fd, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return filelock_fcntl(fd, F_SETLKW, &lock);
}

static void
filelock_check_waiting_errors(void)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = open(row_path("locked"), O_WRONLY | O_CREAT, 0600);

    EXPECT_FAILS(filelock_fcntl(fd, filelock_command, &lock), EBADF);
    EXPECT_FAILS(filelock_fcntl(-1, filelock_command, &lock), EBADF);
    EXPECT_FAILS(filelock_fcntl(fd, filelock_command, (void *)8), EFAULT);
    lock.l_whence = 77;
    EXPECT_FAILS(filelock_fcntl(fd, filelock_command, &lock), EINVAL);
    close(fd);
}

static int
filelock_get_flags(int fd)
{
    return filelock_fcntl(fd, F_GETFL) >= 0 ? 0 : -1;
}

ROW_CASE(fcntl)
{
    struct filelock file = filelock_open(filelock_get_flags, filelock_take_ofd);
    struct row_call get_flags = {filelock_make_call, &file, NULL};

    memcpy(&filelock_fcntl, &function, sizeof(function));
    filelock_check_descriptors();
    filelock_check_owners();
    filelock_check_locks();
    row_expect_no_sample();
    EXPECT(!row_cancel_before(&get_flags).cancelled);
    filelock_check_deadlock(filelock_fcntl_byte);
    for (int i = 0; i < 2; i++) {
        filelock_command = i == 0 ? F_SETLKW : F_OFD_SETLKW;
        filelock_check_waiting_errors();
        filelock_check_waits(filelock_by_fcntl, filelock_take_ofd, true);
    }
}
