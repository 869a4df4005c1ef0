#include "profile/region_find.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/procfs.h"
#include "profile/region_list.h"
#include "profile/region_reader.h"

#define ID_PREFIX_MIN 4u

int
wp_region_place_open(const struct wp_region_place *place, int flags, struct wp_error *error)
{
    /* O_NONBLOCK: a pipe in the place of a region must not hold us up. */
    int open_flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    struct stat status;
    int fd;

    if (place->root_pid != 0) {
        fd = wp_procfs_open(place->root_pid, place->path, open_flags);
    } else {
        fd = open(place->path, open_flags);
        if (fd < 0)
            fd = -errno;
    }
    if (fd < 0) {
        const char *remedy = fd == -EACCES || fd == -EPERM
                                 ? "; it belongs to another user: try as that user or as root"
                                 : "";

        return wp_error_set(error, -fd, "cannot open region %s: %s%s", place->path, strerror(-fd),
                            remedy);
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return wp_error_set(error, EPROTO, "%s is not a region: not a regular file", place->path);
    }
    return fd;
}

/* True if the region was written by the process `inner` (its pid in its own namespace) or by a
 * child of that pid. `pid` is that of the running process, 0 if none runs. */
static bool
find_matches_pid(const struct wp_reader_summary *summary, uint32_t inner, pid_t pid)
{
    if (summary->pid == inner)
        return pid == 0 || summary->start_ticks == 0 ||
               wp_procfs_started_at(pid, summary->start_ticks);
    for (size_t i = 1; i < summary->process_count; i++) {
        if (summary->process_pids[i] == inner)
            return true;
    }
    return false;
}

/* What a search over the list has found so far. */
struct find_search {
    struct wp_region_place best;
    uint64_t best_start_ns;
    bool best_has_samples;
    size_t matches;
    size_t matches_with_samples;
    char names[256]; /* of all matches, for the message */
};

static void
find_note(struct find_search *search, const struct wp_region_place *place,
          const struct wp_reader_summary *summary)
{
    bool has_samples = summary->counters[WP_COUNTER_block_samples] > 0 ||
                       summary->counters[WP_COUNTER_mutex_samples] > 0;
    size_t used = strlen(search->names);
    bool better = search->matches == 0 || (has_samples && !search->best_has_samples) ||
                  (has_samples == search->best_has_samples &&
                   summary->start_realtime_ns >= search->best_start_ns);

    snprintf(search->names + used, sizeof search->names - used, " %.31s/%016llx", summary->command,
             (unsigned long long)summary->region_id);
    search->matches++;
    search->matches_with_samples += has_samples;
    if (!better)
        return;
    search->best = *place;
    search->best_start_ns = summary->start_realtime_ns;
    search->best_has_samples = has_samples;
}

/* Gives the pid's region from among all; for a running process the latest (an exec makes a new one
 * under the same pid), for a dead one only if there is no doubt. */
static int
find_by_pid_in_list(pid_t pid, bool runs, struct find_search *search, struct wp_error *error)
{
    struct wp_region_list list;
    pid_t inner = runs ? wp_procfs_inner_pid(pid) : pid;
    int result = wp_region_find_all(&list, error);

    if (result != 0)
        return result;
    for (size_t i = 0; i < list.count; i++) {
        struct wp_reader_summary summary;

        if (wp_reader_summarize(&list.rows[i], &summary, NULL) == 0 &&
            find_matches_pid(&summary, (uint32_t)inner, runs ? pid : 0))
            find_note(search, &list.rows[i], &summary);
    }
    wp_region_list_free(&list);
    return 0;
}

static int
find_by_pid(pid_t pid, struct wp_region_place *place, struct wp_error *error)
{
    bool runs = wp_procfs_start_ticks(pid) != 0;
    struct find_search search = {0};
    bool removed = false;
    int result;

    if (runs && wp_region_list_mapped(pid, place, &removed))
        return 0;
    result = find_by_pid_in_list(pid, runs, &search, error);
    if (result != 0)
        return result;
    if (search.matches == 1 || (search.matches > 1 && runs) || search.matches_with_samples == 1) {
        *place = search.best;
        return 0;
    }
    if (search.matches > 1)
        return wp_error_set(error, ENOTUNIQ,
                            "%zu regions were left by process %d:%s; name one by its id",
                            search.matches, (int)pid, search.names);
    if (removed)
        return wp_error_set(error, ENODATA,
                            "the region of process %d was removed while it runs; restart it under "
                            "`waitprof run` to profile it",
                            (int)pid);
    if (kill(pid, 0) != 0 && errno == EPERM)
        return wp_error_set(error, EACCES,
                            "process %d belongs to another user, and no region of it can be seen: "
                            "try as that user or as root",
                            (int)pid);
    if (wp_procfs_exists(pid))
        return wp_error_set(error, ENODATA,
                            "process %d runs but is not profiled; start it with `waitprof run -- "
                            "COMMAND`, or see `waitprof doctor -- COMMAND` if it was",
                            (int)pid);
    return wp_error_set(error, ESRCH,
                        "no process %d, and none left a region; `waitprof ls` lists what there is",
                        (int)pid);
}

static int
find_by_id(const char *prefix, struct wp_region_place *place, struct wp_error *error)
{
    struct wp_region_list list;
    char names[256] = "";
    size_t matches = 0;
    int result = wp_region_find_all(&list, error);

    if (result != 0)
        return result;
    for (size_t i = 0; i < list.count; i++) {
        size_t used = strlen(names);
        char id[17];

        snprintf(id, sizeof id, "%016llx", (unsigned long long)list.rows[i].region_id);
        if (strncasecmp(id, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(names + used, sizeof names - used, " %.31s/%s", list.rows[i].command, id);
        *place = list.rows[i];
        matches++;
    }
    wp_region_list_free(&list);
    if (matches == 1)
        return 0;
    if (matches > 1)
        return wp_error_set(error, ENOTUNIQ,
                            "%zu regions have an id that starts with %s:%s; give more digits",
                            matches, prefix, names);
    return wp_error_set(error, ENOENT,
                        "no region has an id that starts with %.32s; `waitprof ls` lists them",
                        prefix);
}

static int
find_by_path(const char *what, struct wp_region_place *place, struct wp_error *error)
{
    struct stat status;

    memset(place, 0, sizeof *place);
    if (stat(what, &status) != 0)
        return wp_error_set(error, errno, "cannot open region %.255s: %s", what, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return wp_error_set(error, EPROTO, "%.255s is not a region: %s", what,
                            S_ISDIR(status.st_mode) ? "it is a directory" : "not a regular file");
    if (realpath(what, place->path) == NULL)
        return wp_error_set(error, errno, "cannot open region %.255s: %s", what, strerror(errno));
    wp_region_list_parse_name(place->path, place);
    return 0;
}

int
wp_region_find(const char *what, struct wp_region_place *place, struct wp_error *error)
{
    size_t length = strlen(what);
    size_t digits = strspn(what, "0123456789");
    size_t hex_digits = strspn(what, "0123456789abcdefABCDEF");
    struct stat status;

    if (length == 0)
        return wp_error_set(error, ENOENT,
                            "the name of the process or region is empty; `waitprof ls` lists what "
                            "there is");
    if (digits == length && length <= 10) {
        unsigned long pid = strtoul(what, NULL, 10);
        int result = pid > 0 && pid <= INT32_MAX ? find_by_pid((pid_t)pid, place, error) : -ESRCH;

        /* Sixteen hexadecimal digits may well begin with four decimal ones. */
        if (result == -ESRCH && length >= ID_PREFIX_MIN && find_by_id(what, place, NULL) == 0)
            return 0;
        if (result == -ESRCH && (pid == 0 || pid > INT32_MAX))
            return wp_error_set(error, ESRCH, "%s is not a process number", what);
        return result;
    }
    if (strchr(what, '/') != NULL || stat(what, &status) == 0)
        return find_by_path(what, place, error);
    if (hex_digits == length && length >= ID_PREFIX_MIN && length <= 16)
        return find_by_id(what, place, error);
    return wp_error_set(
        error, ENOENT,
        "%.255s is no process number, region file or region id (at least %u digits); "
        "`waitprof ls` lists the regions",
        what, ID_PREFIX_MIN);
}

/* A row of the list and when its program started. */
struct find_started {
    struct wp_region_place place;
    uint64_t start_ns;
};

static int
find_by_start(const void *left, const void *right)
{
    const struct find_started *a = left;
    const struct find_started *b = right;

    return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

int
wp_region_find_run(uint64_t run_id, struct wp_region_list *list, struct wp_error *error)
{
    struct find_started *rows;
    size_t count = 0;
    int result = wp_region_find_all(list, error);

    if (result != 0)
        return result;
    rows = calloc(list->count + 1, sizeof *rows);
    if (rows == NULL) {
        wp_region_list_free(list);
        return wp_error_set(error, ENOMEM, "not enough memory to list the regions");
    }
    for (size_t i = 0; i < list->count; i++) {
        struct wp_reader_summary summary;

        if (wp_reader_summarize(&list->rows[i], &summary, NULL) != 0 || summary.run_id != run_id)
            continue;
        rows[count].place = list->rows[i];
        rows[count++].start_ns = summary.start_realtime_ns;
    }
    if (count > 1)
        qsort(rows, count, sizeof *rows, find_by_start);
    for (size_t i = 0; i < count; i++)
        list->rows[i] = rows[i].place;
    list->count = count;
    free(rows);
    return 0;
}
