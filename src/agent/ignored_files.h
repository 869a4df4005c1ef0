/*
 * Region files that were looked at and are no targets: they could not be read, or their programs
 * had ended. Known by their paths, which hold random ids, for as long as they are there.
 */
#ifndef WP_AGENT_IGNORED_FILES_H
#define WP_AGENT_IGNORED_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct wp_ignored_file {
    char *path;
    bool found;   /* since the last wp_ignored_files_forget */
    bool retries; /* worth another try, but not another report */
};

/* All zeros has none. */
struct wp_ignored_files {
    struct wp_ignored_file *rows; /* sorted by path */
    size_t count;
    size_t capacity;
};

/* What is known of a file, or NULL. Valid until the next change. */
const struct wp_ignored_file *wp_ignored_files_find(struct wp_ignored_files *files,
                                                    const char *path);

/* Adds a file unless it is there; it counts as found. Out of memory it is not added. */
void wp_ignored_files_add(struct wp_ignored_files *files, const char *path, bool retries);

/* Drops those that were neither found nor added since the last time. */
void wp_ignored_files_forget(struct wp_ignored_files *files);

void wp_ignored_files_free(struct wp_ignored_files *files);

#endif
