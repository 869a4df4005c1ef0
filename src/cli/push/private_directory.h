/*
 * A directory that belongs to this command: made where it is missing, and locked.
 */
#ifndef WP_CLI_PUSH_PRIVATE_DIRECTORY_H
#define WP_CLI_PUSH_PRIVATE_DIRECTORY_H

#include <limits.h>

#include "profile/error.h"

/*
 * Opens the directory `path` and takes the lock in it, until the descriptors are closed: *directory
 * and *lock are the caller's. What is missing of the path is made, 0700. -EIO: it is another
 * user's, or others may write to it. -EBUSY: another command has the lock. `remedy` says what to
 * do then.
 */
int wp_private_directory_open(const char *path, const char *remedy, int *directory, int *lock,
                              struct wp_error *error);

/* "$XDG_STATE_HOME/waitprof/spool" or "~/.local/state/waitprof/spool"; -EINVAL when neither is
 * known. */
int wp_private_directory_default(char path[PATH_MAX], struct wp_error *error);

#endif
