#include "cli/thread_life.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "profile/procfs.h"

/* A process of the snapshot, as /proc shows it. */
struct seen_process {
    enum { PROCESS_HIDDEN, PROCESS_GONE, PROCESS_THERE } state;
    pid_t pid; /* as seen from here, if it is there */
};

/*
 * Fills a row for each process. The pids of children are those of their namespace: they mean
 * something here only if it is ours. Where no process at all is to be seen, /proc does not show
 * this namespace.
 */
static void
look_at_processes(const struct wp_snapshot *snapshot, bool same_namespace,
                  struct seen_process *processes)
{
    bool any = false;

    for (size_t i = 0; i < snapshot->process_count; i++) {
        pid_t inner = (pid_t)snapshot->processes[i].pid;

        if (i == 0)
            processes[i].pid = wp_procfs_find((pid_t)snapshot->pid, snapshot->start_ticks);
        else if (same_namespace && wp_procfs_start_ticks(inner) != 0)
            processes[i].pid = inner;
        if (processes[i].pid != 0)
            processes[i].state = PROCESS_THERE;
        else if (i == 0 || same_namespace)
            processes[i].state = PROCESS_GONE;
        any |= processes[i].state == PROCESS_THERE;
    }
    for (size_t i = 0; !any && i < snapshot->process_count; i++)
        processes[i].state = PROCESS_HIDDEN;
}

/* The first process tells; after its end, where the region's file was found. */
static bool
is_in_our_namespace(const struct wp_snapshot *snapshot)
{
    pid_t first = wp_procfs_find((pid_t)snapshot->pid, snapshot->start_ticks);

    return first != 0 ? first == (pid_t)snapshot->pid : snapshot->place.root_pid == 0;
}

/* True if /proc lists the thread, or cannot tell. In another pid namespace threads have other
 * numbers here: each of the process is asked for its own. */
static bool
thread_is_there(struct seen_process process, pid_t tid, bool same_namespace)
{
    struct dirent *entry;
    bool found = false;
    char path[64];
    DIR *tasks;

    if (process.state != PROCESS_THERE)
        return process.state == PROCESS_HIDDEN;
    if (same_namespace) {
        snprintf(path, sizeof path, "/proc/%d/task/%d", (int)process.pid, (int)tid);
        return access(path, F_OK) == 0;
    }
    snprintf(path, sizeof path, "/proc/%d/task", (int)process.pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return errno != ENOENT;
    while (!found && (entry = readdir(tasks)) != NULL) {
        pid_t task = (pid_t)strtol(entry->d_name, NULL, 10);

        found = task > 0 && wp_procfs_inner_pid(task) == tid;
    }
    closedir(tasks);
    return found;
}

static void
look_at_threads(const struct wp_snapshot *snapshot, const struct seen_process *processes,
                bool same_namespace, bool *waiting)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct wp_reader_thread *thread = &snapshot->threads[i];

        if (thread->waiting_since_ns == 0)
            continue;
        /* A child whose row found no room: its pid is not known. */
        waiting[i] =
            thread->process >= snapshot->process_count ||
            thread_is_there(processes[thread->process], (pid_t)thread->tid, same_namespace);
    }
}

int
wp_thread_life_look(const struct wp_snapshot *snapshot, struct wp_thread_life *life,
                    struct wp_error *error)
{
    struct seen_process *processes = calloc(snapshot->process_count + 1, sizeof *processes);
    bool same_namespace;

    life->processes = 0;
    life->waiting = calloc(snapshot->thread_count + 1, sizeof *life->waiting);
    if (processes == NULL || life->waiting == NULL) {
        free(processes);
        free(life->waiting);
        life->waiting = NULL;
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    same_namespace = is_in_our_namespace(snapshot);
    look_at_processes(snapshot, same_namespace, processes);
    for (size_t i = 0; i < snapshot->process_count; i++)
        life->processes += processes[i].state != PROCESS_GONE;
    look_at_threads(snapshot, processes, same_namespace, life->waiting);
    free(processes);
    return 0;
}
