#include "cli/thread_life.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/keyset.h"
#include "profile/procfs.h"

/* A thread of another pid namespace. */
struct task_number {
    pid_t inner, pid; /* there, and here */
};

/* A process of the snapshot, as /proc shows it. */
struct seen_process {
    enum { PROCESS_HIDDEN, PROCESS_GONE, PROCESS_THERE } state;
    pid_t pid;                 /* as seen from here, if it is there */
    struct task_number *tasks; /* NULL: not listed, or hidden */
    size_t task_count;
    bool is_listed;
};

struct family {
    const struct wp_snapshot *snapshot;
    struct seen_process *processes;
    bool is_in_our_namespace;
};

/* --- Processes */

/* The number of a child: it means something here only if the pid namespace is ours. */
static void
look_at_child(const struct wp_reader_process *row, struct seen_process *process)
{
    uint64_t ticks = wp_procfs_start_ticks((pid_t)row->pid);

    process->state = PROCESS_GONE;
    if (ticks == 0 || !wp_procfs_started_by(ticks, row->start_monotonic_ns))
        return;
    process->state = PROCESS_THERE;
    process->pid = (pid_t)row->pid;
}

static bool
read_namespace(pid_t pid, char *text, size_t size)
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    length = readlink(path, text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Marks the child that a process of the same namespace is, if it is one. */
static void
find_child(struct family *family, pid_t pid)
{
    pid_t inner = wp_procfs_inner_pid(pid);

    for (size_t i = 1; i < family->snapshot->process_count; i++) {
        const struct wp_reader_process *row = &family->snapshot->processes[i];

        if ((pid_t)row->pid == inner &&
            wp_procfs_started_by(wp_procfs_start_ticks(pid), row->start_monotonic_ns))
            family->processes[i] = (struct seen_process){.state = PROCESS_THERE, .pid = pid};
    }
}

/* Looks for the children in the pid namespace of the first process; they stay hidden if that may
 * not be known. */
static void
look_for_children(struct family *family)
{
    char wanted[64], found[64];
    struct dirent *entry;
    DIR *directory;

    if (family->snapshot->process_count < 2 || family->processes[0].state != PROCESS_THERE ||
        !read_namespace(family->processes[0].pid, wanted, sizeof wanted))
        return;
    directory = opendir("/proc");
    if (directory == NULL)
        return;
    for (size_t i = 1; i < family->snapshot->process_count; i++)
        family->processes[i].state = PROCESS_GONE;
    while ((entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && read_namespace(pid, found, sizeof found) && strcmp(found, wanted) == 0)
            find_child(family, pid);
    }
    closedir(directory);
}

/* Where no process at all is to be seen, /proc does not show this namespace. */
static void
look_at_processes(struct family *family)
{
    const struct wp_snapshot *snapshot = family->snapshot;
    pid_t first = wp_procfs_find((pid_t)snapshot->pid, snapshot->start_ticks);
    bool any = false;

    if (snapshot->process_count == 0)
        return;
    family->processes[0].state = first != 0 ? PROCESS_THERE : PROCESS_GONE;
    family->processes[0].pid = first;
    /* The first process tells; after its end, where the region's file was found. */
    family->is_in_our_namespace =
        first != 0 ? first == (pid_t)snapshot->pid : snapshot->place.root_pid == 0;
    if (!family->is_in_our_namespace)
        look_for_children(family);
    for (size_t i = 1; family->is_in_our_namespace && i < snapshot->process_count; i++)
        look_at_child(&snapshot->processes[i], &family->processes[i]);
    for (size_t i = 0; i < snapshot->process_count; i++)
        any |= family->processes[i].state == PROCESS_THERE;
    for (size_t i = 0; !any && i < snapshot->process_count; i++)
        family->processes[i].state = PROCESS_HIDDEN;
}

/* --- Threads */

/* In another pid namespace threads have other numbers here: each is asked for its own. */
static int
list_tasks(struct seen_process *process)
{
    struct dirent *entry;
    size_t capacity = 0;
    char path[64];
    DIR *directory;

    process->is_listed = true;
    snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
    directory = opendir(path);
    if (directory == NULL) {
        process->state = errno == ENOENT ? PROCESS_GONE : PROCESS_HIDDEN;
        return 0;
    }
    while ((entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid <= 0)
            continue;
        if (wp_array_reserve(&process->tasks, &capacity, process->task_count,
                             sizeof *process->tasks) != 0) {
            closedir(directory);
            return -ENOMEM;
        }
        process->tasks[process->task_count++] =
            (struct task_number){.inner = wp_procfs_inner_pid(pid), .pid = pid};
    }
    closedir(directory);
    return 0;
}

/* The thread's number here; 0: it is gone. */
static pid_t
number_of(const struct family *family, const struct seen_process *process, pid_t tid)
{
    if (family->is_in_our_namespace)
        return tid;
    for (size_t i = 0; i < process->task_count; i++) {
        if (process->tasks[i].inner == tid)
            return process->tasks[i].pid;
    }
    return 0;
}

static int
look_at_thread(struct family *family, const struct wp_reader_thread *row,
               struct wp_thread_state *thread)
{
    struct seen_process *process = &family->processes[row->process];
    struct wp_procfs_task task;
    int status = -ESRCH;
    pid_t tid;

    if (process->state == PROCESS_THERE && !family->is_in_our_namespace && !process->is_listed &&
        list_tasks(process) != 0)
        return -ENOMEM;
    thread->is_there = process->state == PROCESS_HIDDEN;
    if (process->state != PROCESS_THERE)
        return 0;
    tid = number_of(family, process, (pid_t)row->tid);
    if (tid != 0)
        status = wp_procfs_task(process->pid, tid, &task);
    if (status == 0 && !wp_procfs_started_by(task.start_ticks, row->last_monotonic_ns))
        status = -ESRCH;
    thread->is_there = status != -ESRCH;
    if (status != 0)
        return 0;
    thread->pid = (uint32_t)process->pid;
    thread->tid = (uint32_t)tid;
    memcpy(thread->name, task.name, sizeof thread->name);
    thread->state = task.state;
    return 0;
}

static int
look_at_threads(struct family *family, enum wp_thread_choice choice,
                struct wp_thread_state *threads)
{
    const struct wp_snapshot *snapshot = family->snapshot;
    int status = 0;

    for (size_t i = 0; i < snapshot->thread_count && status == 0; i++) {
        const struct wp_reader_thread *row = &snapshot->threads[i];

        threads[i] = (struct wp_thread_state){.state = '?'};
        if (choice == WP_THREADS_WAITING && row->waiting_since_ns == 0)
            continue;
        /* A child whose row found no room: its pid is not known. */
        if (row->process >= snapshot->process_count)
            threads[i].is_there = true;
        else
            status = look_at_thread(family, row, &threads[i]);
    }
    return status;
}

int
wp_thread_life_look(const struct wp_snapshot *snapshot, enum wp_thread_choice choice,
                    struct wp_thread_life *life, struct wp_error *error)
{
    struct family family = {.snapshot = snapshot};
    int status = -ENOMEM;

    family.processes = calloc(snapshot->process_count + 1, sizeof *family.processes);
    life->threads = calloc(snapshot->thread_count + 1, sizeof *life->threads);
    life->processes = 0;
    if (family.processes != NULL && life->threads != NULL) {
        look_at_processes(&family);
        for (size_t i = 0; i < snapshot->process_count; i++)
            life->processes += family.processes[i].state != PROCESS_GONE;
        status = look_at_threads(&family, choice, life->threads);
    }
    for (size_t i = 0; family.processes != NULL && i < snapshot->process_count; i++)
        free(family.processes[i].tasks);
    free(family.processes);
    if (status == 0)
        return 0;
    wp_thread_life_free(life);
    return wp_error_set(error, ENOMEM, "not enough memory for the threads");
}

void
wp_thread_life_free(struct wp_thread_life *life)
{
    free(life->threads);
    life->threads = NULL;
}
