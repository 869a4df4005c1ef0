/* Something goes wrong, or away, after the start: descriptors, the file system, the user, address
 * space, system calls. The program works before and after, and says so. */
#include "exercise.h"
#include "expect.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SKIPPED 77
#define ROUNDS 40
#define STACKS_DEPTH 13
#define NOBODY 65534

static void
work(void)
{
    exercise_waits(ROUNDS);
    exercise_many_stacks(STACKS_DEPTH);
}

static void
nothing(void)
{
}

static void
close_all_descriptors(void)
{
    EXPECT_EQ(close_range(3, ~0u, 0), 0);
    EXPECT_EQ(open("/dev/null", O_RDONLY), 3);
    closefrom(3);
    EXPECT_EQ(open("/dev/null", O_RDONLY), 3);
}

static void
change_root(void)
{
    char directory[] = "/tmp/transparency-root-XXXXXX";

    /* Removed while we are in it: nobody could do it afterwards. */
    EXPECT(mkdtemp(directory) != NULL);
    EXPECT_EQ(chdir(directory), 0);
    EXPECT_EQ(rmdir(directory), 0);
    EXPECT_EQ(chroot("."), 0);
    EXPECT_FAILS(open("/dev/shm", O_RDONLY), ENOENT);
}

static void
become_nobody(void)
{
    EXPECT_EQ(setgid(NOBODY), 0);
    EXPECT_EQ(setuid(NOBODY), 0);
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
    EXPECT_EQ(open("/proc/self/mem", O_RDWR), -1);
}

static void
limit(__rlimit_resource_t resource, rlim_t value)
{
    const struct rlimit both = {value, value};

    EXPECT_EQ(setrlimit(resource, &both), 0);
}

static void
limit_file_size(void)
{
    limit(RLIMIT_FSIZE, 0);
}

/* What is mapped now and room for some thread stacks. */
static void
limit_address_space(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");

    EXPECT(statm != NULL && fscanf(statm, "%lu", &pages) == 1);
    fclose(statm);
    limit(RLIMIT_AS, pages * 4096 + 64 * 1024 * 1024);
}

static void
limit_descriptors(void)
{
    limit(RLIMIT_NOFILE, 16);
}

static struct exercise sandboxed = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                    .rwlock = PTHREAD_RWLOCK_INITIALIZER,
                                    .cond = PTHREAD_COND_INITIALIZER,
                                    .rounds = ROUNDS};

static int
be_partner(void *unused)
{
    exercise_partner(&sandboxed);
    return unused == NULL ? 0 : 1;
}

/* Nothing but what a service in its main loop needs; everything else kills the process. No
 * madvise, mmap, open, getpid, gettid, rt_sigprocmask. */
static void
install_filter(void)
{
#define ALLOW(number)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_futex),
        ALLOW(SYS_read),
        ALLOW(SYS_write),
        ALLOW(SYS_recvfrom),
        ALLOW(SYS_sendto),
        ALLOW(SYS_clock_gettime),
        ALLOW(SYS_clock_nanosleep),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    EXPECT_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program),
              0);
}

/* Its own work, since inside of the filter no thread can be made. */
__attribute__((noreturn)) static void
work_in_a_sandbox(void)
{
    struct actor partner;

    EXPECT_EQ(pipe(sandboxed.pipe), 0);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sandboxed.sockets), 0);
    actor_start(&partner);
    install_filter();
    actor_begin(&partner, be_partner, NULL);
    exercise_locks(&sandboxed);
    exercise_cond(&sandboxed, 0);
    for (int i = 0; i < ROUNDS; i++) {
        char byte;

        EXPECT_RETURNS(read(sandboxed.pipe[0], &byte, 1), 1);
        EXPECT_RETURNS(recv(sandboxed.sockets[0], &byte, 1, 0), 1);
    }
    EXPECT_EQ(actor_end(&partner), 0);
    EXPECT_EQ(sandboxed.sum, 2 * ROUNDS);
    exercise_many_stacks(STACKS_DEPTH);
    EXPECT_EQ(write(STDOUT_FILENO, "unharmed\n", 9), 9);
    /* Through exit(): destructors of libraries run under the filter too. */
    exit(0);
}

static const struct {
    const char *name;
    void (*happen)(void);
    bool needs_root;
} faults[] = {
    {"nothing", nothing, false},
    {"descriptors-closed", close_all_descriptors, false},
    {"root-changed", change_root, true},
    {"user-changed", become_nobody, true},
    {"file-size-limited", limit_file_size, false},
    {"address-space-limited", limit_address_space, false},
    {"descriptors-limited", limit_descriptors, false},
    {"system-calls-filtered", work_in_a_sandbox, false},
};

int
main(int argument_count, char **arguments)
{
    for (size_t i = 0; argument_count == 2 && i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (strcmp(arguments[1], faults[i].name) != 0)
            continue;
        if (faults[i].needs_root && geteuid() != 0) {
            printf("skipped: %s needs root\n", faults[i].name);
            return SKIPPED;
        }
        exercise_waits(ROUNDS);
        faults[i].happen();
        work();
        dprintf(STDOUT_FILENO, "unharmed\n");
        return 0;
    }
    fprintf(stderr, "faults: usage: faults FAULT\n");
    return 2;
}
