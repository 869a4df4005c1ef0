/*
 * Waits for children, signals, file locks, FIFOs and the disk, in every way (paths.h), and prints
 * the truth about it (truth.h).
 *
 *   process_paths ROUNDS HOLD_NS
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

/* BSD's, which <signal.h> hides behind X/Open's; and that. */
int bsd_sigpause(int mask) __asm__("sigpause");
int __xpg_sigpause(int number);

static char directory[] = "/tmp/process_paths.XXXXXX";

/* --- FIFOs that nobody else has open, and a child that opens one ------------------------------ */

#define PATH_BYTES 64

static char fifo[PATH_BYTES];
static int opened = -1;
static int other_side = -1;
static FILE *opened_stream;
static pid_t spawned; /* 0: none */
static posix_spawn_file_actions_t open_fifo;

/* Tidies up after the wait before: outside of it, where it adds nothing to its path. */
static void
leave_fifo(void)
{
    close(opened);
    close(other_side);
    if (opened_stream != NULL)
        fclose(opened_stream);
    if (spawned != 0)
        PATH_NEED(waitpid(spawned, NULL, 0) == spawned, 0);
    opened = -1;
    other_side = -1;
    opened_stream = NULL;
    spawned = 0;
}

/* Both sides at once, which does not wait. */
static void
open_other_side(void)
{
    other_side = (int)syscall(SYS_openat, AT_FDCWD, fifo, O_RDWR | O_CLOEXEC);
    PATH_NEED(other_side >= 0, 0);
}

static int
spawn_true(void)
{
    char command[] = "true";
    char *arguments[] = {command, NULL};

    return posix_spawn(&spawned, "/bin/true", &open_fifo, NULL, arguments, arguments + 1);
}

DEFINE_WAIT_AS(wait_open, "open", TRUTH_OTHER, NULL, (void)0,
               (opened = open(fifo, O_RDONLY | O_CLOEXEC)) >= 0, 1, (void)0)
DEFINE_WAIT_AS(wait_openat, "open", TRUTH_OTHER, NULL, (void)0,
               (opened = openat(AT_FDCWD, fifo, O_WRONLY | O_CLOEXEC)) >= 0, 1, (void)0)
DEFINE_WAIT_AS(wait_creat, "open", TRUTH_OTHER, NULL, (void)0, (opened = creat(fifo, 0600)) >= 0, 1,
               (void)0)
DEFINE_WAIT_AS(wait_fopen, "open", TRUTH_OTHER, NULL, (void)0,
               (opened_stream = fopen(fifo, "r")) != NULL, 1, (void)0)
DEFINE_WAIT_AS(wait_posix_spawn, "child", TRUTH_OTHER, NULL, (void)0, spawn_true(), 0, (void)0)

/* --- Children, which end when they read a line ------------------------------------------------ */

static int line_pipe[2]; /* to the children */
static FILE *child_stream;

static void
fork_child(void)
{
    char byte;
    pid_t pid;

    leave_fifo();
    pid = fork();
    PATH_NEED(pid >= 0, 0);
    if (pid != 0)
        return;
    syscall(SYS_read, line_pipe[0], &byte, 1);
    _exit(0);
}

static void
end_child(void)
{
    PATH_NEED(syscall(SYS_write, line_pipe[1], "\n", 1) == 1, 0);
}

static void
open_child(void)
{
    child_stream = popen("read line", "r");
    PATH_NEED(child_stream != NULL, 0);
}

static siginfo_t info;
static struct rusage usage;

DEFINE_WAIT(wait_wait, "child", wait(NULL) > 0, 1)
DEFINE_WAIT(wait_waitpid, "child", waitpid(-1, NULL, 0) > 0, 1)
DEFINE_WAIT(wait_wait3, "child", wait3(NULL, 0, &usage) > 0, 1)
DEFINE_WAIT(wait_wait4, "child", wait4(-1, NULL, 0, &usage) > 0, 1)
DEFINE_WAIT(wait_waitid, "child", waitid(P_ALL, 0, &info, WEXITED), 0)
DEFINE_WAIT(wait_system, "child", system("read line"), 0)
DEFINE_WAIT(wait_pclose, "child", pclose(child_stream), 0)

/* --- Signals ---------------------------------------------------------------------------------- */

static sigset_t usr1;   /* blocked, but while it is waited for */
static sigset_t others; /* none blocked but those */
static int number;

static void
send_signal(void)
{
    PATH_NEED(syscall(SYS_tgkill, getpid(), path_waiter_tid, SIGUSR1) == 0, 0);
}

/* pause() and X/Open's sigpause() need it unblocked, before or meanwhile. */
static void
send_usr2(void)
{
    PATH_NEED(syscall(SYS_tgkill, getpid(), path_waiter_tid, SIGUSR2) == 0, 0);
}

static void
handle(int signal_number)
{
    (void)signal_number;
}

DEFINE_WAIT(wait_sigwait, "signal", sigwait(&usr1, &number), 0)
DEFINE_WAIT(wait_sigwaitinfo, "signal", sigwaitinfo(&usr1, NULL), SIGUSR1)
DEFINE_WAIT_AS(wait_sigtimedwait, "signal", TRUTH_OTHER, NULL,
               struct timespec timeout = {.tv_sec = 10}, sigtimedwait(&usr1, NULL, &timeout),
               SIGUSR1, (void)0)
DEFINE_WAIT_AS(wait_sigtimedwait_in_vain, "signal", TRUTH_OTHER, NULL,
               struct timespec timeout = {.tv_nsec = (long)path_hold_ns},
               PATH_ERROR_OF(sigtimedwait(&usr1, NULL, &timeout)), EAGAIN, (void)0)
DEFINE_WAIT(wait_pause, "signal", PATH_ERROR_OF(pause()), EINTR)
DEFINE_WAIT(wait_sigsuspend, "signal", PATH_ERROR_OF(sigsuspend(&others)), EINTR)
DEFINE_WAIT(wait_bsd_sigpause, "signal", PATH_ERROR_OF(bsd_sigpause(0)), EINTR)
DEFINE_WAIT(wait_xpg_sigpause, "signal", PATH_ERROR_OF(__xpg_sigpause(SIGUSR1)), EINTR)

/* --- File locks, held through another open of the same file, or by another process ------------ */

static int lock_fd;
static int other_lock_fd;
static pid_t lock_holder;
static int lock_pipe[2]; /* from the process that holds a lock: it has it */

static struct flock
whole_file(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static int
set_lock(int fd, int command, short type)
{
    struct flock lock = whole_file(type);

    return fcntl(fd, command, &lock);
}

static void
hold_flock(void)
{
    PATH_NEED(flock(other_lock_fd, LOCK_EX) == 0, 0);
}

static void
release_flock(void)
{
    PATH_NEED(flock(other_lock_fd, LOCK_UN) == 0, 0);
}

static void
hold_ofd_lock(void)
{
    PATH_NEED(set_lock(other_lock_fd, F_OFD_SETLK, F_WRLCK) == 0, 0);
}

static void
release_ofd_lock(void)
{
    PATH_NEED(set_lock(other_lock_fd, F_OFD_SETLK, F_UNLCK) == 0, 0);
}

static void
hold_in_process(void)
{
    char byte;

    lock_holder = fork();
    PATH_NEED(lock_holder >= 0, 0);
    if (lock_holder == 0) {
        PATH_NEED(set_lock(lock_fd, F_SETLK, F_WRLCK) == 0, 0);
        syscall(SYS_write, lock_pipe[1], "x", 1);
        syscall(SYS_read, line_pipe[0], &byte, 1);
        _exit(0);
    }
    PATH_NEED(syscall(SYS_read, lock_pipe[0], &byte, 1) == 1, 0);
}

static void
release_in_process(void)
{
    end_child();
    PATH_NEED(waitpid(lock_holder, NULL, 0) == lock_holder, 0);
}

DEFINE_WAIT_AS(wait_flock, "filelock", TRUTH_OTHER, NULL, (void)0, flock(lock_fd, LOCK_EX), 0,
               flock(lock_fd, LOCK_UN))
DEFINE_WAIT_AS(wait_lockf, "filelock", TRUTH_OTHER, NULL, (void)0, lockf(lock_fd, F_LOCK, 0), 0,
               PATH_NEED(lockf(lock_fd, F_ULOCK, 0) == 0, 0))
DEFINE_WAIT_AS(wait_setlkw, "filelock", TRUTH_OTHER, NULL, (void)0,
               set_lock(lock_fd, F_SETLKW, F_WRLCK), 0, set_lock(lock_fd, F_SETLK, F_UNLCK))
DEFINE_WAIT_AS(wait_ofd_setlkw, "filelock", TRUTH_OTHER, NULL, (void)0,
               set_lock(lock_fd, F_OFD_SETLKW, F_WRLCK), 0, set_lock(lock_fd, F_OFD_SETLK, F_UNLCK))

/* --- The disk. What it takes is its own affair: it may be memory ------------------------------ */

#define FILE_BYTES 65536

static int disk_fd;
static char *mapped;

static void
dirty(void)
{
    char byte = 'x';

    for (size_t offset = 0; offset < FILE_BYTES; offset += 4096) {
        PATH_NEED(syscall(SYS_pwrite64, disk_fd, &byte, 1, offset) == 1, 0);
        mapped[offset + 1]++;
    }
}

DEFINE_WAIT(disk_fsync, "disk", fsync(disk_fd), 0)
DEFINE_WAIT(disk_fdatasync, "disk", fdatasync(disk_fd), 0)
DEFINE_WAIT(disk_msync, "disk", msync(mapped, FILE_BYTES, MS_SYNC), 0)
DEFINE_WAIT(disk_sync_file_range, "disk",
            sync_file_range(disk_fd, 0, FILE_BYTES,
                            SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER),
            0)

static const struct path paths[] = {
    {wait_wait, fork_child, end_child, PATH_RELEASED},
    {wait_waitpid, fork_child, end_child, PATH_RELEASED},
    {wait_wait3, fork_child, end_child, PATH_RELEASED},
    {wait_wait4, fork_child, end_child, PATH_RELEASED},
    {wait_waitid, fork_child, end_child, PATH_RELEASED},
    {wait_system, path_do_nothing, end_child, PATH_RELEASED},
    {wait_pclose, open_child, end_child, PATH_RELEASED},
    {wait_posix_spawn, leave_fifo, open_other_side, PATH_RELEASED},
    {wait_sigwait, path_do_nothing, send_signal, PATH_RELEASED},
    {wait_sigwaitinfo, path_do_nothing, send_signal, PATH_RELEASED},
    {wait_sigtimedwait, path_do_nothing, send_signal, PATH_RELEASED},
    {wait_sigtimedwait_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_pause, path_do_nothing, send_usr2, PATH_RELEASED},
    {wait_sigsuspend, path_do_nothing, send_signal, PATH_RELEASED},
    {wait_bsd_sigpause, path_do_nothing, send_signal, PATH_RELEASED},
    {wait_xpg_sigpause, path_do_nothing, send_signal, PATH_RELEASED},
    {wait_flock, hold_flock, release_flock, PATH_RELEASED},
    {wait_lockf, hold_in_process, release_in_process, PATH_RELEASED},
    {wait_setlkw, hold_in_process, release_in_process, PATH_RELEASED},
    {wait_ofd_setlkw, hold_ofd_lock, release_ofd_lock, PATH_RELEASED},
    {wait_open, leave_fifo, open_other_side, PATH_RELEASED},
    {wait_openat, leave_fifo, open_other_side, PATH_RELEASED},
    {wait_creat, leave_fifo, open_other_side, PATH_RELEASED},
    {wait_fopen, leave_fifo, open_other_side, PATH_RELEASED},
    {disk_fsync, dirty, path_do_nothing, PATH_ALONE},
    {disk_fdatasync, dirty, path_do_nothing, PATH_ALONE},
    {disk_msync, dirty, path_do_nothing, PATH_ALONE},
    {disk_sync_file_range, dirty, path_do_nothing, PATH_ALONE},
};

static int
open_file(const char *name)
{
    char path[PATH_BYTES];
    int fd;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    PATH_NEED(fd >= 0, 0);
    return fd;
}

static void
remove_file(const char *name)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    PATH_NEED(unlink(path) == 0, 0);
}

static void
prepare_files(void)
{
    PATH_NEED(mkdtemp(directory) != NULL, 0);
    lock_fd = open_file("lock");
    other_lock_fd = open_file("lock");
    remove_file("lock");
    disk_fd = open_file("file");
    remove_file("file");
    PATH_NEED(ftruncate(disk_fd, FILE_BYTES) == 0, 0);
    mapped = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, disk_fd, 0);
    PATH_NEED(mapped != MAP_FAILED, 0);
    snprintf(fifo, sizeof fifo, "%s/fifo", directory);
    PATH_NEED(mkfifo(fifo, 0600) == 0, 0);
    PATH_NEED(posix_spawn_file_actions_init(&open_fifo) == 0, ENOMEM);
    PATH_NEED(posix_spawn_file_actions_addopen(&open_fifo, 0, fifo, O_RDONLY, 0) == 0, ENOMEM);
}

/* Every thread inherits the mask from here; children read their line as standard input. */
static void
prepare_signals(void)
{
    const struct sigaction action = {.sa_handler = handle};

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigemptyset(&others);
    PATH_NEED(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0, 0);
    PATH_NEED(sigaction(SIGUSR1, &action, NULL) == 0, 0);
    PATH_NEED(sigaction(SIGUSR2, &action, NULL) == 0, 0);
}

int
main(int argc, char **argv)
{
    int status;

    PATH_NEED(pipe(line_pipe) == 0 && pipe(lock_pipe) == 0, 0);
    PATH_NEED(dup2(line_pipe[0], STDIN_FILENO) == STDIN_FILENO, 0);
    PATH_NEED(unsetenv("LD_PRELOAD") == 0, 0); /* children have profiles of their own */
    prepare_files();
    prepare_signals();
    status = paths_run(paths, sizeof paths / sizeof paths[0], argc, argv);
    remove_file("fifo");
    PATH_NEED(rmdir(directory) == 0, 0);
    return status;
}
