/*
 * posix_spawn: the caller waits, not to be interrupted, until the child has called exec. A child
 * whose file actions open a FIFO gets there when somebody opens the other side.
 */
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>

#include "../expect.h"
#include "row.h"

extern char **environ;

static row_type_posix_spawn spawn_it;
static char *spawn_exit_seven[] = {(char *)"sh", (char *)"-c", (char *)"exit 7", NULL};

/* Waits for the child, or for any (-1); its status word. */
static int
spawn_status(pid_t child)
{
    int status = -1;

    EXPECT(syscall(SYS_wait4, child, &status, 0, NULL) > 0);
    return status;
}

static void
spawn_check_success(void)
{
    char *show[] = {(char *)"sh", (char *)"-c", (char *)"exit $((first + $1))",
                    (char *)"sh", (char *)"30", NULL};
    char *environment[] = {(char *)"first=12", NULL};
    pid_t child = -1;

    EXPECT_RETURNS(spawn_it(&child, "/bin/sh", NULL, NULL, show, environment), 0);
    EXPECT_EQ(spawn_status(child), 42 << 8);
    EXPECT_RETURNS(spawn_it(NULL, "/bin/sh", NULL, NULL, spawn_exit_seven, environ), 0);
    EXPECT_EQ(spawn_status(-1), 7 << 8);
}

/* errno is the child's then, which shares it until exec. */
static void
spawn_check_errors(void)
{
    pid_t child = -1;
    posix_spawn_file_actions_t actions;

    EXPECT_EQ(spawn_it(&child, "/no/such", NULL, NULL, spawn_exit_seven, environ), ENOENT);
    EXPECT_EQ(spawn_it(&child, "/etc/passwd", NULL, NULL, spawn_exit_seven, environ), EACCES);
    EXPECT_EQ(spawn_it(&child, "/", NULL, NULL, spawn_exit_seven, environ), EACCES);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 999, 0);
    EXPECT_EQ(spawn_it(&child, "/bin/sh", &actions, NULL, spawn_exit_seven, environ), EBADF);
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_EQ(child, -1);
}

/* Actions on files, done before exec. */
static void
spawn_check_actions(void)
{
    char *write_it[] = {(char *)"sh", (char *)"-c", (char *)"echo text; exit 5", NULL};
    posix_spawn_file_actions_t actions;
    char text[8] = "";
    int fds[2];
    pid_t child;

    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    EXPECT_RETURNS(spawn_it(&child, "/bin/sh", &actions, NULL, write_it, environ), 0);
    EXPECT_EQ(spawn_status(child), 5 << 8);
    EXPECT_EQ(read(fds[0], text, sizeof(text)), 5);
    EXPECT(memcmp(text, "text\n", 5) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[0]);
    close(fds[1]);
}

/* Does the state of a child with these attributes show the line `pattern`? */
static void
spawn_expect_state(const posix_spawnattr_t *attributes, char *pattern)
{
    char *look[] = {(char *)"grep", (char *)"-q", pattern, (char *)"/proc/self/status", NULL};
    pid_t child;

    EXPECT_RETURNS(spawn_it(&child, "/bin/grep", NULL, attributes, look, environ), 0);
    EXPECT_EQ(getpgid(child), child);
    EXPECT_EQ(spawn_status(child), 0);
}

/* Attributes: a group of its own, a signal mask, a signal that is ignored no more. */
static void
spawn_check_attributes(void)
{
    posix_spawnattr_t attributes;
    sigset_t set;

    signal(SIGINT, SIG_IGN);
    posix_spawnattr_init(&attributes);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    posix_spawnattr_setsigmask(&attributes, &set);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
    spawn_expect_state(&attributes, (char *)"^SigBlk:.*0000000000004000$");
    spawn_expect_state(&attributes, (char *)"^SigIgn:.*[014589cd]$");
    posix_spawnattr_destroy(&attributes);
    signal(SIGINT, SIG_DFL);
}

/* --- the wait -------------------------------------------------------------------------------- */

static char spawn_fifo[PATH_MAX];

static long
spawn_behind_fifo(void *unused)
{
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    int result;

    (void)unused;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, spawn_fifo, O_RDONLY, 0);
    result = spawn_it(&child, "/bin/sh", &actions, NULL, spawn_exit_seven, environ);
    posix_spawn_file_actions_destroy(&actions);
    return result == 0 ? spawn_status(child) : -result;
}

static void
spawn_open_fifo(void *unused)
{
    int fd = open(spawn_fifo, O_WRONLY);

    (void)unused;
    EXPECT(fd >= 0);
    close(fd);
}

/* Signals are kept from the caller meanwhile, so there is nothing to interrupt. */
static void
spawn_check_wait(void)
{
    struct row_call call = {spawn_behind_fifo, NULL, spawn_open_fifo};
    struct row_outcome outcome;

    snprintf(spawn_fifo, sizeof(spawn_fifo), "%s", row_path("fifo"));
    EXPECT_EQ(mkfifo(spawn_fifo, 0600), 0);
    EXPECT_EQ(row_release(&call).result, 7 << 8);
    outcome = row_cancel(&call);
    EXPECT(!outcome.cancelled);
    EXPECT_EQ(outcome.result, 7 << 8);
}

/* --- text without a known format ------------------------------------------------------------- */

static const char *
spawn_script(void)
{
    const char *path = row_path("script");
    int fd = open(path, O_WRONLY | O_CREAT, 0700);

    EXPECT_EQ(write(fd, "exit 9\n", 7), 7);
    EXPECT_EQ(fchmod(fd, 0700), 0);
    close(fd);
    return path;
}

/* The old version runs it by a shell. */
static void
spawn_check_script(bool old)
{
    const char *path = spawn_script();
    pid_t child;

    if (!old) {
        EXPECT_EQ(spawn_it(&child, path, NULL, NULL, spawn_exit_seven, environ), ENOEXEC);
        return;
    }
    EXPECT_EQ(spawn_it(&child, path, NULL, NULL, spawn_exit_seven, environ), 0);
    EXPECT_EQ(spawn_status(child), 9 << 8);
}

static void
spawn_check(row_type_posix_spawn function, bool old)
{
    spawn_it = function;
    spawn_check_success();
    spawn_check_errors();
    spawn_check_actions();
    spawn_check_attributes();
    spawn_check_script(old);
    spawn_check_wait();
}

/* A name without a slash is looked for in PATH. */
static void
spawn_check_path(row_type_posix_spawnp function, bool old)
{
    char directory[PATH_MAX];
    pid_t child;

    EXPECT_EQ(function(&child, "sh", NULL, NULL, spawn_exit_seven, environ), 0);
    EXPECT_EQ(spawn_status(child), 7 << 8);
    EXPECT_EQ(function(&child, "no-such-command", NULL, NULL, spawn_exit_seven, environ), ENOENT);
    spawn_check(function, old);
    snprintf(directory, sizeof(directory), "%s", row_path(""));
    EXPECT_EQ(setenv("PATH", directory, 1), 0);
    EXPECT_EQ(function(&child, "sh", NULL, NULL, spawn_exit_seven, environ), ENOENT);
}

ROW_CASE(posix_spawn)
{
    spawn_check(function, false);
}

ROW_CASE(posix_spawnp)
{
    spawn_check_path(function, false);
}

#if defined(WP_SPAWN_OLD_VERSION)
ROW_CASE(posix_spawn_old)
{
    spawn_check(function, true);
}

ROW_CASE(posix_spawnp_old)
{
    spawn_check_path(function, true);
}
#endif
