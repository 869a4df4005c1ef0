/*
 * Secrets in the first lines of files: tokens, passwords. They never stand in a message.
 */
#ifndef WP_CLI_SECRET_FILE_H
#define WP_CLI_SECRET_FILE_H

#include "profile/error.h"

#define WP_SECRET_BYTES 16384u

/* `text` is one line without its end. */
struct wp_secret {
    char text[WP_SECRET_BYTES];
};

/* Reads the first line of a file, or of a pipe, for whose writer it waits a moment. -EIO, with why:
 * it cannot be read, is something else, is empty, too long, has control characters (NUL, too). */
int wp_secret_file_read(const char *path, struct wp_secret *secret, struct wp_error *error);

/* Overwrites it, so that it does not stay in memory. */
void wp_secret_wipe(struct wp_secret *secret);

/* A remark on who else may read the file, as a warning on standard error. */
void wp_secret_file_warn(const char *path);

#endif
