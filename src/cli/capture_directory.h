/*
 * A directory of captures that somebody put together: all regular files in it whose names end as
 * those of pprof files do. (What `record --every` fills is another: cli/timeline/stored_slices.h.)
 */
#ifndef WP_CLI_CAPTURE_DIRECTORY_H
#define WP_CLI_CAPTURE_DIRECTORY_H

#include <stdbool.h>

#include "profile/error.h"

/* What is to be done with one of its files. A status that is not 0 ends the visit. */
typedef int wp_capture_directory_visit(const char *path, void *context, struct wp_error *error);

/* Visits the captures in the order of their names, numbers in them by value. 0; -ENOENT and the
 * like; -EINVAL: there are none; or what `visit` returned. */
int wp_capture_directory_read(const char *directory, wp_capture_directory_visit *visit,
                              void *context, struct wp_error *error);

/* Whether it is one: some file has such a name, and none that of a stored slice. */
bool wp_capture_directory_is(const char *path);

#endif
