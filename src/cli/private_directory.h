/*
 * A directory that belongs to this command: made where it is missing, and locked.
 */
#ifndef WP_CLI_PRIVATE_DIRECTORY_H
#define WP_CLI_PRIVATE_DIRECTORY_H

#include <limits.h>
#include <stdbool.h>

#include "profile/error.h"

/* Makes what is missing of the path, 0700, and opens it: *directory is the caller's. -EIO: it is
 * another user's, or others may write to it. `remedy` says what to do then. */
int wp_private_directory_make(const char *path, const char *remedy, int *directory,
                              struct wp_error *error);

/* The same, and takes the lock in it, until the descriptors are closed: *lock is the caller's, too.
 * -EBUSY: another command has the lock. */
int wp_private_directory_open(const char *path, const char *remedy, int *directory, int *lock,
                              struct wp_error *error);

/* Whether `path` means another directory now than the one that was opened, or none at all. */
bool wp_private_directory_is_gone(const char *path, int directory);

/* Where the state of programs belongs: "$XDG_STATE_HOME/waitprof" or "~/.local/state/waitprof";
 * -EINVAL when neither is known. */
int wp_private_directory_of_state(char path[PATH_MAX], struct wp_error *error);

#endif
