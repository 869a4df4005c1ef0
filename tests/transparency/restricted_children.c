/* A forked child whose first act is to give up system calls, with a filter or in strict mode, and
 * which then waits: the profiler must make no call that the child itself does not make. */
#include "expect.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define NOT_SUPPORTED 77
#define POLLS 5000

static int
forward_filter(struct sock_fprog *program, bool by_prctl)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return by_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)
                    : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
}

static int
install_filter(bool by_prctl)
{
#define ALLOW(number)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_read),
        ALLOW(SYS_write),
        ALLOW(SYS_futex),
        ALLOW(SYS_clock_gettime),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    return forward_filter(&program, by_prctl);
}

static int
filter_by_prctl(void)
{
    return install_filter(true);
}

static int
filter_by_syscall(void)
{
    return install_filter(false);
}

static int
strict_by_prctl(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
}

static int
strict_by_syscall(void)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
}

static int
strict_by_syscall_of_prctl(void)
{
    return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
}

static const struct restriction {
    const char *name;
    int (*impose)(void);
    bool is_strict;
} restrictions[] = {
    {"filter by prctl", filter_by_prctl, false},
    {"filter by syscall", filter_by_syscall, false},
    {"strict mode by prctl", strict_by_prctl, true},
    {"strict mode by syscall", strict_by_syscall, true},
    {"strict mode by syscall of prctl", strict_by_syscall_of_prctl, true},
};

/* Strict mode has exit but not exit_group. */
__attribute__((noreturn)) static void
end_child(const struct restriction *restriction, int status)
{
    if (restriction->is_strict)
        syscall(SYS_exit, status);
    _exit(status);
}

/* Strict mode cannot be had inside of a filter, where many a container puts its programs. */
__attribute__((noreturn)) static void
be_child(const struct restriction *restriction, const int *question, const int *answer)
{
    char byte;

    if (restriction->impose() != 0)
        _exit(restriction->is_strict && errno == EINVAL ? NOT_SUPPORTED : 2);
    for (int i = 0; i < 2; i++) {
        if (read(question[0], &byte, 1) != 1)
            end_child(restriction, 3);
        if (write(answer[1], &byte, 1) != 1)
            end_child(restriction, 4);
    }
    end_child(restriction, 0);
}

/* Returns once the child sits in read, or has ended. */
static void
child_blocked_in_read(pid_t child)
{
    char path[64];
    char text[64];

    snprintf(path, sizeof(path), "/proc/%d/syscall", (int)child);
    for (int i = 0; i < POLLS; i++) {
        siginfo_t info = {.si_pid = 0};
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        long length = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof(text) - 1);

        if (fd >= 0)
            close(fd);
        EXPECT_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT), 0);
        if (info.si_pid != 0)
            return;
        text[length > 0 ? length : 0] = '\0';
        if (length > 0 && text[0] >= '0' && text[0] <= '9' && strtol(text, NULL, 10) == SYS_read)
            return;
        expect_pause_ms(1);
    }
    expect_fail(__FILE__, __LINE__, "child %d never blocked in read", (int)child);
}

/* Returns false where the kernel does not have the restriction. */
static bool
child_lives(const struct restriction *restriction)
{
    int question[2];
    int answer[2];
    char byte = 0;

    EXPECT_EQ(pipe(question), 0);
    EXPECT_EQ(pipe(answer), 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0)
        be_child(restriction, question, answer);
    close(answer[1]);
    for (int i = 0; i < 2; i++) {
        child_blocked_in_read(child);
        EXPECT_EQ(write(question[1], "x", 1), 1);
        if (read(answer[0], &byte, 1) != 1)
            break;
    }
    int status = expect_wait_status(child);
    close(question[0]);
    close(question[1]);
    close(answer[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SUPPORTED)
        return false;
    if (status != 0)
        expect_fail(__FILE__, __LINE__, "%s: the child's wait status is 0x%x, not 0",
                    restriction->name, (unsigned)status);
    EXPECT_EQ(byte, 'x');
    return true;
}

int
main(void)
{
    bool all = true;

    for (size_t i = 0; i < sizeof(restrictions) / sizeof(restrictions[0]); i++) {
        if (child_lives(&restrictions[i]))
            continue;
        printf("skipped: no %s here\n", restrictions[i].name);
        all = false;
    }
    return all ? 0 : NOT_SUPPORTED;
}
