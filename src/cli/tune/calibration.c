#include "cli/tune/calibration.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/library_path.h"
#include "cli/tune/contention.h"
#include "core/region_format.h"
#include "profile/own_cost.h"
#include "profile/region_reader.h"

#define ANSWER_MS 10000 /* for a run, on a machine with much else to do */

/* Of an AMD EPYC; what matters is their proportion. */
static const struct wp_tune_calibration typical = {
    .lock_wait_ns = 300,
    .lock_sample_ns = 60,
    .other_wait_ns = 100,
    .other_sample_ns = 300,
    .unlock_ns = 250,
    .register_ns = 80,
};

/* One run of the hidden program. */
struct run {
    const char *kind;
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
};

struct child {
    pid_t pid;
    int answer; /* reads its byte */
    int life;   /* closed, it ends */
};

static void
set_number(const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    setenv(name, text, 1);
}

/* In the child. Its environment is its own: settings for the command's targets are not for it. */
static void
become_contention(const struct run *run, const char *directory, const char *library, int input,
                  int output)
{
    static const char *const settings[] = {"WAITPROF_EXE",   "WAITPROF_EVENTS", "WAITPROF_BUDGET",
                                           "WAITPROF_DEPTH", "WAITPROF_RUN",    "WAITPROF_DEBUG"};

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        unsetenv(settings[i]);
    setenv("LD_PRELOAD", library, 1);
    setenv("WAITPROF_DIR", directory, 1);
    set_number("WAITPROF_BLOCK_RATE", run->block_rate_ns);
    set_number("WAITPROF_MUTEX_FRACTION", run->mutex_fraction);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
        execl("/proc/self/exe", "waitprof", "tune", run->kind, (char *)NULL);
    _exit(127);
}

static int
start(const struct run *run, const char *directory, const char *library, struct child *child,
      struct wp_error *error)
{
    int input[2], output[2];

    if (pipe2(input, O_CLOEXEC) != 0)
        return wp_error_set(error, errno, "no pipe: %s", strerror(errno));
    if (pipe2(output, O_CLOEXEC) != 0) {
        close(input[0]);
        close(input[1]);
        return wp_error_set(error, errno, "no pipe: %s", strerror(errno));
    }
    child->pid = fork();
    if (child->pid == 0)
        become_contention(run, directory, library, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    child->answer = output[0];
    child->life = input[1];
    if (child->pid > 0)
        return 0;
    close(child->life);
    close(child->answer);
    return wp_error_set(error, EAGAIN, "no process for it could be made");
}

static void
finish(struct child *child)
{
    close(child->life);
    close(child->answer);
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static int
await_answer(const struct child *child, struct wp_error *error)
{
    struct pollfd answer = {.fd = child->answer, .events = POLLIN};
    char byte;

    while (poll(&answer, 1, ANSWER_MS) < 0) {
        if (errno != EINTR)
            return wp_error_set(error, errno, "no answer: %s", strerror(errno));
    }
    if (read(child->answer, &byte, 1) != 1)
        return wp_error_set(error, EIO, "the program for it gave no answer");
    return 0;
}

/* Reads the only region in the directory, and removes it. */
static int
read_region(const char *directory, struct wp_own_cost *cost, struct wp_error *error)
{
    int status = wp_error_set(error, ENOENT, "the library was not loaded");
    DIR *files = opendir(directory);
    struct dirent *file;

    if (files == NULL)
        return status;
    while ((file = readdir(files)) != NULL) {
        struct wp_snapshot *snapshot = NULL;
        int fd;

        if (file->d_name[0] == '.')
            continue;
        fd = openat(dirfd(files), file->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
            status = wp_reader_read(fd, file->d_name, &snapshot, error);
        if (fd >= 0 && status == 0)
            *cost = wp_own_cost_of(snapshot->counters, 0);
        wp_snapshot_free(snapshot);
        if (fd >= 0)
            close(fd);
        unlinkat(dirfd(files), file->d_name, 0);
    }
    closedir(files);
    return status;
}

static int
measure(const struct run *run, const char *directory, const char *library, struct wp_own_cost *cost,
        struct wp_error *error)
{
    struct child child = {.pid = -1};
    int status = start(run, directory, library, &child, error);

    if (status == 0) {
        int reading;

        status = await_answer(&child, error);
        reading = read_region(directory, cost, status == 0 ? error : NULL);
        status = status != 0 ? status : reading;
        finish(&child);
    }
    if (status == 0 && (cost->waits == 0 || cost->wait_ns <= 0))
        status = wp_error_set(error, ENODATA, "no wait was timed");
    return status;
}

static double
known_or(double known, double otherwise)
{
    return known > 0 ? known : otherwise;
}

static int
measure_all(const char *directory, const char *library, struct wp_tune_calibration *calibration,
            struct wp_error *error)
{
    static const struct run runs[] = {
        {WP_CONTENTION_LOCKS, WP_REGION_MAX_BLOCK_RATE_NS, 0},
        {WP_CONTENTION_LOCKS, 1, 1},
        {WP_CONTENTION_SEMAPHORES, 1, 0},
    };
    struct wp_own_cost costs[3];
    int status = 0;

    for (size_t i = 0; i < 3 && status == 0; i++)
        status = measure(&runs[i], directory, library, &costs[i], error);
    if (status != 0)
        return status;
    *calibration = (struct wp_tune_calibration){
        .measured = true,
        .lock_wait_ns = costs[0].wait_ns,
        .lock_sample_ns = known_or(costs[1].sample_ns, typical.lock_sample_ns),
        .other_wait_ns = costs[2].wait_ns,
        .other_sample_ns = known_or(costs[2].sample_ns, typical.other_sample_ns),
        .unlock_ns = known_or(costs[1].unlock_ns, typical.unlock_ns),
        .register_ns = known_or(costs[1].wait_ns - costs[0].wait_ns, typical.register_ns),
    };
    return 0;
}

int
wp_tune_calibrate(struct wp_tune_calibration *calibration, struct wp_error *error)
{
    char directory[PATH_MAX], library[PATH_MAX];
    const char *parent = getenv("TMPDIR");
    int status;

    *calibration = typical;
    if (wp_library_path_find(library, sizeof library) != 0)
        return wp_error_set(error, ENOENT, "%s: no such library", library);
    if (parent == NULL || parent[0] != '/')
        parent = "/tmp";
    if (snprintf(directory, sizeof directory, "%s/waitprof-tune-XXXXXX", parent) >=
        (int)sizeof directory)
        return wp_error_set(error, ENAMETOOLONG, "TMPDIR is too long");
    if (mkdtemp(directory) == NULL)
        return wp_error_set(error, errno, "%s: %s", directory, strerror(errno));
    status = measure_all(directory, library, calibration, error);
    rmdir(directory);
    return status;
}
