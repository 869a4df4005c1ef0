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
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/library_path.h"
#include "cli/stop_signals.h"
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

/* Where, and with what. */
struct place {
    char directory[PATH_MAX]; /* nothing else is in it */
    char library[PATH_MAX];
    sigset_t stops, before; /* signals that are blocked meanwhile, and the mask before */
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
become_contention(const struct run *run, const struct place *place, int input, int output)
{
    static const char *const settings[] = {"WAITPROF_EXE",   "WAITPROF_EVENTS", "WAITPROF_BUDGET",
                                           "WAITPROF_DEPTH", "WAITPROF_RUN",    "WAITPROF_DEBUG"};

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        unsetenv(settings[i]);
    setenv("LD_PRELOAD", place->library, 1);
    setenv("WAITPROF_DIR", place->directory, 1);
    set_number("WAITPROF_BLOCK_RATE", run->block_rate_ns);
    set_number("WAITPROF_MUTEX_FRACTION", run->mutex_fraction);
    sigprocmask(SIG_SETMASK, &place->before, NULL);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
        execl("/proc/self/exe", "waitprof", "tune", run->kind, (char *)NULL);
    _exit(127);
}

static int
start(const struct run *run, const struct place *place, struct child *child, struct wp_error *error)
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
        become_contention(run, place, input[0], output[1]);
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

int
wp_tune_calibration_await(int answer, const sigset_t *stops, int timeout_ms, struct wp_error *error)
{
    struct pollfd events[] = {
        {.fd = answer, .events = POLLIN},
        {.fd = signalfd(-1, stops, SFD_CLOEXEC), .events = POLLIN},
    };
    int ready = -1;
    char byte;

    do {
        ready = poll(events, 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (events[1].fd >= 0)
        close(events[1].fd);
    if (ready < 0)
        return wp_error_set(error, errno, "no answer: %s", strerror(errno));
    if (ready == 0)
        return wp_error_set(error, ETIMEDOUT, "the program for it gave no answer in time");
    if ((events[1].revents & POLLIN) != 0)
        return wp_error_set(error, EINTR, "a signal ended it");
    if (read(answer, &byte, 1) != 1)
        return wp_error_set(error, EIO, "the program for it gave no answer");
    return 0;
}

/* Reads the only region in the directory. */
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
        if (fd < 0)
            continue;
        status = wp_reader_read(fd, file->d_name, &snapshot, error);
        if (status == 0)
            *cost = wp_own_cost_of(snapshot->counters, 0);
        wp_snapshot_free(snapshot);
        close(fd);
    }
    closedir(files);
    return status;
}

/* Of what a program that was killed has left. */
static void
empty_directory(const char *directory)
{
    DIR *files = opendir(directory);
    struct dirent *file;

    if (files == NULL)
        return;
    while ((file = readdir(files)) != NULL)
        unlinkat(dirfd(files), file->d_name, 0);
    closedir(files);
}

/* The region is there as long as the program lives. */
static int
measure(const struct run *run, const struct place *place, struct wp_own_cost *cost,
        struct wp_error *error)
{
    struct child child = {.answer = -1, .life = -1};
    int status = start(run, place, &child, error);

    if (status == 0) {
        status = wp_tune_calibration_await(child.answer, &place->stops, ANSWER_MS, error);
        if (status == 0)
            status = read_region(place->directory, cost, error);
        finish(&child);
        empty_directory(place->directory);
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
measure_all(const struct place *place, struct wp_tune_calibration *calibration,
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
        status = measure(&runs[i], place, &costs[i], error);
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
    struct place place;
    const char *parent = getenv("TMPDIR");
    int status;

    *calibration = typical;
    if (wp_library_path_find(place.library, sizeof place.library) != 0)
        return wp_error_set(error, ENOENT, "%s: no such library", place.library);
    if (parent == NULL || parent[0] != '/')
        parent = "/tmp";
    if (snprintf(place.directory, sizeof place.directory, "%s/waitprof-tune-XXXXXX", parent) >=
        (int)sizeof place.directory)
        return wp_error_set(error, ENAMETOOLONG, "TMPDIR is too long");
    wp_stop_signals_block(&place.stops, &place.before);
    if (mkdtemp(place.directory) != NULL) {
        status = measure_all(&place, calibration, error);
        rmdir(place.directory);
    } else {
        status = wp_error_set(error, errno, "%s: %s", place.directory, strerror(errno));
    }
    sigprocmask(SIG_SETMASK, &place.before, NULL);
    return status;
}
