/*
 * What /proc tells of a live process: is it still the one that made a region, which pid does it
 * have inside its container, and its files as it sees them.
 */
#ifndef WP_PROFILE_PROCFS_H
#define WP_PROFILE_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Field 22 of /proc/PID/stat (clock ticks after boot, as we see that, at which the process
 * started), 0 when there is no such process, or it is a zombie, or it cannot be read.
 */
uint64_t wp_procfs_start_ticks(pid_t pid);

/* How far clocks are ahead of others; negative: behind. */
struct wp_procfs_clocks {
    int64_t monotonic_ns;
    int64_t boottime_ns;
};

/*
 * How far the clocks that a process sees are ahead of those that we see: by the offsets of its time
 * namespace against ours, either of which may be the initial one. Both 0 if the namespace is ours,
 * if the kernel knows none, or if nobody can tell.
 */
struct wp_procfs_clocks wp_procfs_clocks_ahead(pid_t pid);

/* Reads the text of a timens_offsets of /proc; a clock that it does not name is 0 ahead. False: it
 * is none, or one of its offsets does not fit. */
bool wp_procfs_parse_clocks(const char *text, struct wp_procfs_clocks *clocks);

/*
 * True if a process runs that started at `inner_ticks` as it sees that itself: in a time namespace
 * of its own these are not what we see in its stat.
 */
bool wp_procfs_started_at(pid_t pid, uint64_t inner_ticks);

/* A thread, or a process (that is its first thread). */
struct wp_procfs_task {
    char name[64]; /* valid UTF-8 without control characters */
    char state;    /* as in /proc/PID/stat */
    uint64_t start_ticks;
};

/* What the kernel tells of a thread, both numbers as seen from here. 0; -ESRCH: it is gone, or a
 * zombie; other negative errno: nobody can tell. */
int wp_procfs_task(pid_t pid, pid_t tid, struct wp_procfs_task *task);

/*
 * True if what started at start_ticks was there at that moment of CLOCK_MONOTONIC (which, unlike
 * the ticks, stands still while the machine sleeps). Who took over a pid or tid was not.
 */
bool wp_procfs_started_by(uint64_t start_ticks, uint64_t monotonic_ns);

/* True if pid exists, zombies included, whoever owns it. */
bool wp_procfs_exists(pid_t pid);

/* The pid that the process has in its own, innermost pid namespace; `pid` itself if unknown. */
pid_t wp_procfs_inner_pid(pid_t pid);

/*
 * The pid, as seen from here, of the process that calls itself `inner` and started at
 * `start_ticks`, as it sees that itself (0: any time, then only `inner` itself is looked up); 0
 * when it is gone. Looks at
 * /proc/INNER first and through all of /proc only if that is another process.
 */
pid_t wp_procfs_find(pid_t inner, uint64_t start_ticks);

/* True if the process sees other files than we do (mount namespace or root directory differ). */
bool wp_procfs_has_other_root(pid_t pid);

/*
 * Opens `path` (absolute) as the process sees it: symbolic links resolve inside its root and cannot
 * lead out of it. `flags` as for open(2). Returns a descriptor (the caller closes it) or -errno.
 */
int wp_procfs_open(pid_t pid, const char *path, int flags);

/*
 * Copies the value of an environment variable that the process was started with. Returns its length
 * (0: not set, or may not be read, or does not fit in `size`).
 */
size_t wp_procfs_environment(pid_t pid, const char *name, char *value, size_t size);

/* 1: the process has a file mapped whose path ends in `name` (which begins with a slash), whether
 * that was removed or not; 0: it has not; negative errno: nobody can tell. */
int wp_procfs_maps(pid_t pid, const char *name);

/* A process that has such a file mapped; 0 when there is none that may be looked at. */
pid_t wp_procfs_find_user(const char *name);

#endif
