#include "agent/program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/procfs.h"

#define OTHER_USER 65534

static bool hides_use;

/* What the process is told. */
struct order {
    enum { ORDER_MAP, ORDER_FORK } what;
    char path[256];
};

static void
program_require(int truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "program: %s\n", what);
    abort();
}

/* One mapping at a time. Returns what to answer. */
static pid_t
program_obey(const struct order *order)
{
    static void *mapped = MAP_FAILED;
    pid_t answer = 0;
    int fd;

    if (order->what == ORDER_FORK) {
        answer = fork();
        if (answer == 0) {
            prctl(PR_SET_PDEATHSIG, 0);
            for (;;)
                pause();
        }
        return answer;
    }
    if (mapped != MAP_FAILED)
        munmap(mapped, 4096);
    fd = open(order->path, O_RDWR | O_CLOEXEC);
    mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return mapped != MAP_FAILED ? 0 : -1;
}

static void
program_run(int control)
{
    struct order order;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(control, &order, sizeof order) == (ssize_t)sizeof order) {
        pid_t answer = program_obey(&order);

        if (write(control, &answer, sizeof answer) != (ssize_t)sizeof answer)
            break;
    }
    _exit(0);
}

static pid_t
program_tell(const struct program *program, const struct order *order)
{
    pid_t answer = -1;

    program_require(write(program->control, order, sizeof *order) == (ssize_t)sizeof *order &&
                        read(program->control, &answer, sizeof answer) == (ssize_t)sizeof answer &&
                        answer >= 0,
                    "the process does not do what it is told");
    return answer;
}

/* Makes the region of a process that exists, and has it mapped. */
static void
program_map(struct program *program, const char *directory, const char *command, unsigned number,
            program_fill *fill)
{
    static const struct region_builder_sizes sizes = {.string_bytes = 16384};
    struct order order = {.what = ORDER_MAP};
    struct region_builder builder;
    struct wp_region_header *header;

    region_builder_init(&builder, &sizes);
    header = region_builder_header(&builder);
    header->pid = (uint32_t)program->pid;
    header->uid = (uint32_t)geteuid();
    header->start_ticks = wp_procfs_start_ticks(program->pid);
    header->start_realtime_ns += number;
    header->region_id = program->region_id = PROGRAM_ID + number;
    header->command = region_builder_string(&builder, command);
    if (fill != NULL)
        fill(&builder);
    snprintf(program->path, sizeof program->path, "%s/%s.%d.%016llx.wpr", directory, command,
             (int)program->pid, (unsigned long long)header->region_id);
    region_builder_write(&builder, program->path);
    region_builder_free(&builder);
    program_give_away(program->path);
    memcpy(order.path, program->path, sizeof order.path);
    program_tell(program, &order);
}

void
program_start(struct program *program, const char *directory, const char *command, unsigned number,
              program_fill *fill)
{
    int ends[2];

    program_require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "no socket");
    fflush(NULL);
    program->pid = fork();
    program_require(program->pid >= 0, "no process");
    if (program->pid == 0) {
        close(ends[0]);
        program_run(ends[1]);
    }
    close(ends[1]);
    program->control = ends[0];
    program_map(program, directory, command, number, fill);
}

void
program_exec(struct program *program, const char *directory, const char *command, unsigned number,
             program_fill *fill)
{
    program_map(program, directory, command, number, fill);
}

pid_t
program_fork(struct program *program)
{
    const struct order order = {.what = ORDER_FORK};

    return program_tell(program, &order);
}

void
program_stop(struct program *program)
{
    kill(program->pid, SIGKILL);
    waitpid(program->pid, NULL, 0);
    close(program->control);
}

bool
program_hide_use(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (geteuid() != 0 || syscall(SYS_capget, &header, data) != 0)
        return false;
    data[0].effective &= ~(1u << CAP_LEASE);
    hides_use = syscall(SYS_capset, &header, data) == 0;
    return hides_use;
}

void
program_give_away(const char *path)
{
    if (hides_use)
        program_require(chown(path, OTHER_USER, (gid_t)-1) == 0, "the region cannot be given away");
}
