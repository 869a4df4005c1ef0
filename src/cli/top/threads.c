#include "cli/top/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "profile/procfs.h"
#include "profile/symbol_name.h"

/* A thread in the look before. */
struct wp_top_thread_past {
    uint64_t key; /* process << 32 | tid */
    uint64_t waits;
    uint64_t waited_ns;
};

static uint64_t
key_of(const struct wp_reader_thread *thread)
{
    return (uint64_t)thread->process << 32 | thread->tid;
}

/* How long its present wait has lasted at a look. */
static uint64_t
waiting_ns(const struct wp_reader_thread *thread, uint64_t read_ns)
{
    if (thread->waiting_since_ns == 0)
        return 0;
    return read_ns > thread->waiting_since_ns ? read_ns - thread->waiting_since_ns : 1;
}

/* All that it waited up to a look: the difference of two such is what it waited in between. */
static uint64_t
waited_ns(const struct wp_reader_thread *thread, uint64_t read_ns)
{
    uint64_t sum;

    if (__builtin_add_overflow(thread->waited_ns, waiting_ns(thread, read_ns), &sum))
        return UINT64_MAX;
    return sum;
}

static int
compare_past(const void *left, const void *right)
{
    const struct wp_top_thread_past *a = left, *b = right;

    return (a->key > b->key) - (a->key < b->key);
}

int
wp_top_threads_keep(struct wp_top_model *model)
{
    const struct wp_snapshot *snapshot = model->snapshot;
    struct wp_top_thread_past *past = calloc(snapshot->thread_count + 1, sizeof *past);

    free(model->threads_before);
    model->threads_before = past;
    model->thread_before_count = 0;
    if (past == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct wp_reader_thread *thread = &snapshot->threads[i];

        past[i] = (struct wp_top_thread_past){
            .key = key_of(thread),
            .waits = thread->waits,
            .waited_ns = waited_ns(thread, snapshot->read_monotonic_ns),
        };
    }
    model->thread_before_count = snapshot->thread_count;
    qsort(past, snapshot->thread_count, sizeof *past, compare_past);
    return 0;
}

/* --- What the kernel says */

/* CLOCK_MONOTONIC, which stands still while the machine sleeps, at a tick after boot. */
static uint64_t
monotonic_of_ticks(uint64_t ticks)
{
    struct timespec boot, monotonic;
    uint64_t started_ns = ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
    int64_t slept_ns;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    slept_ns =
        (boot.tv_sec - monotonic.tv_sec) * INT64_C(1000000000) + boot.tv_nsec - monotonic.tv_nsec;
    return slept_ns > 0 && (uint64_t)slept_ns < started_ns ? started_ns - (uint64_t)slept_ns
                                                           : started_ns;
}

/* Reads "TID (NAME) STATE ..."; the name may hold any byte, parentheses too. */
static bool
read_task(uint32_t pid, uint32_t tid, struct wp_top_task *task)
{
    char path[64], text[256];
    char *begin, *end;
    ssize_t length;
    int fd;

    snprintf(path, sizeof path, "/proc/%" PRIu32 "/task/%" PRIu32 "/stat", pid, tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    begin = strchr(text, '(');
    end = strrchr(text, ')');
    if (begin == NULL || end == NULL || end < begin || end[1] == '\0')
        return false;
    *end = '\0';
    wp_symbol_clean(begin + 1, task->name, sizeof task->name);
    task->state = end[2];
    return true;
}

bool
wp_top_task_look(uint32_t pid, uint32_t tid, uint64_t first_seen_ns, struct wp_top_task *task)
{
    /* Ticks and what the program noted are of different grain. */
    const uint64_t slack_ns = UINT64_C(1000000000);
    uint64_t ticks = wp_procfs_start_ticks((pid_t)pid);

    *task = (struct wp_top_task){.state = '?'};
    if (ticks == 0 || monotonic_of_ticks(ticks) > first_seen_ns + slack_ns)
        return false;
    return tid == 0 || (read_task(pid, tid, task) && task->state != 'Z' && task->state != 'X');
}

/* --- Rows */

static void
fill_row(struct wp_top_thread *row, const struct wp_top_model *model,
         const struct wp_reader_thread *thread)
{
    const struct wp_snapshot *snapshot = model->snapshot;
    const struct wp_top_thread_past sought = {.key = key_of(thread)};
    const struct wp_top_thread_past *past = NULL;
    uint64_t before_ns = 0;

    row->tid = thread->tid;
    row->waits = thread->waits;
    row->waited_ns = waited_ns(thread, snapshot->read_monotonic_ns);
    row->waiting_ns = waiting_ns(thread, snapshot->read_monotonic_ns);
    row->function = row->waiting_ns != 0 ? snapshot->functions[thread->waiting_function].name : "";
    if (model->span_s <= 0)
        return;
    if (model->thread_before_count > 0)
        past = bsearch(&sought, model->threads_before, model->thread_before_count, sizeof *past,
                       compare_past);
    /* One that had lost its row in between has begun again from zero. */
    if (past != NULL && past->waited_ns <= row->waited_ns && past->waits <= row->waits) {
        before_ns = past->waited_ns;
        row->waits_per_s = (double)(row->waits - past->waits) / model->span_s;
    } else {
        row->waits_per_s = (double)row->waits / model->span_s;
    }
    row->share = (double)(row->waited_ns - before_ns) / 1e9 / model->span_s;
    if (row->share > 1)
        row->share = 1;
}

static int
compare_rows(const void *left, const void *right)
{
    const struct wp_top_thread *a = left, *b = right;

    if (a->share != b->share)
        return a->share > b->share ? -1 : 1;
    if (a->waited_ns != b->waited_ns)
        return a->waited_ns > b->waited_ns ? -1 : 1;
    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return (a->tid > b->tid) - (a->tid < b->tid);
}

/* Counts the processes of the family that still run. */
static size_t
count_processes(const struct wp_snapshot *snapshot, wp_top_task_look_fn *look)
{
    struct wp_top_task task;
    size_t count = 0;

    for (size_t i = 0; i < snapshot->process_count; i++) {
        const struct wp_reader_process *process = &snapshot->processes[i];

        count += look(process->pid, 0, process->start_monotonic_ns, &task);
    }
    return count;
}

static void
add_row(struct wp_top_threads *threads, const struct wp_top_model *model,
        const struct wp_reader_thread *thread, wp_top_task_look_fn *look)
{
    struct wp_top_thread *row = &threads->rows[threads->count];
    const struct wp_reader_process *process;

    if (thread->process >= model->snapshot->process_count)
        return;
    process = &model->snapshot->processes[thread->process];
    row->task = (struct wp_top_task){.state = '?'};
    if (look != NULL && !look(process->pid, thread->tid, process->start_monotonic_ns, &row->task))
        return;
    row->pid = process->pid;
    fill_row(row, model, thread);
    threads->waiting += row->waiting_ns != 0;
    threads->count++;
}

int
wp_top_threads_make(struct wp_top_threads *threads, const struct wp_top_model *model,
                    enum wp_top_sight sight, wp_top_task_look_fn *look, struct wp_error *error)
{
    const struct wp_snapshot *snapshot = model->snapshot;

    wp_top_threads_free(threads);
    if (snapshot == NULL || sight == WP_TOP_SIGHT_ENDED)
        return 0;
    threads->rows = calloc(snapshot->thread_count + 1, sizeof *threads->rows);
    if (threads->rows == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for the threads");
    if (sight == WP_TOP_SIGHT_OURS)
        threads->processes = count_processes(snapshot, look);
    /* The program runs: a /proc without any of its processes hides them. */
    if (threads->processes == 0) {
        threads->processes = snapshot->process_count;
        look = NULL;
    }
    for (size_t i = 0; i < snapshot->thread_count; i++)
        add_row(threads, model, &snapshot->threads[i], look);
    if (threads->count > 1)
        qsort(threads->rows, threads->count, sizeof *threads->rows, compare_rows);
    return 0;
}

void
wp_top_threads_free(struct wp_top_threads *threads)
{
    free(threads->rows);
    *threads = (struct wp_top_threads){0};
}
