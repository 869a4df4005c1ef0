/*
 * Which regions there are, and which one "PID|REGION" on a command line means.
 */
#ifndef WP_PROFILE_REGION_FIND_H
#define WP_PROFILE_REGION_FIND_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile/error.h"

/*
 * Where a region's file lies. `path` is absolute. If root_pid is not 0 the path is to be opened as
 * that process sees it (a container), else as we do. command, pid and region_id are what the file's
 * name says, a hint for lists; the truth is in the file (profile/region_reader.h).
 */
struct wp_region_place {
    char path[PATH_MAX];
    pid_t root_pid;
    char command[64];
    uint32_t pid;
    pid_t user_pid; /* a process that was seen to have it mapped, 0: none was, or nobody looked */
    uint64_t region_id;
};

/* rows are sorted by path and distinct by file; owned by the list. */
struct wp_region_list {
    struct wp_region_place *rows;
    size_t count;
    size_t unreadable_directories; /* directories that exist but may not be listed */
};

/*
 * Lists every region file in the directories of core/region_path.h: ours and, for root, those of
 * all users; and, for processes that see other files than we do (containers), theirs, as far as
 * /proc lets us. Files are listed by name and not opened. On success the caller frees the list.
 */
int wp_region_find_all(struct wp_region_list *list, struct wp_error *error);

/* The same without a look at any process: what lies in our directories alone, much faster. user_pid
 * stays 0. */
int wp_region_find_in_directories(struct wp_region_list *list, struct wp_error *error);

/* Those of one `waitprof run` (header field run_id), in order of their start. */
int wp_region_find_run(uint64_t run_id, struct wp_region_list *list, struct wp_error *error);

void wp_region_list_free(struct wp_region_list *list);

/*
 * Resolves what a user wrote: a pid (of the process that made the region, or of a forked child), a
 * path of a region file, or the first digits (at least 4) of a region id. -ESRCH: no such process;
 * -ENODATA: it runs but is not profiled; -EACCES: it is another user's; -ENOENT: no such region;
 * -ENOTUNIQ: several match; -EPROTO: a path of something that is no regular file.
 * error->text says which and what to do.
 */
int wp_region_find(const char *what, struct wp_region_place *place, struct wp_error *error);

/*
 * Opens the file of a place. `flags` is O_RDONLY or O_RDWR; never follows a link in the last
 * component, refuses all but regular files. Returns a descriptor or negative errno.
 */
int wp_region_place_open(const struct wp_region_place *place, int flags, struct wp_error *error);

#endif
