/*
 * A file that is either written whole or not at all.
 */
#ifndef WP_CLI_OUTPUT_FILE_H
#define WP_CLI_OUTPUT_FILE_H

#include <limits.h>
#include <stdio.h>

#include "profile/error.h"

struct wp_output_file {
    FILE *stream;                  /* where to write */
    char path[PATH_MAX];           /* the file's name in the end */
    char temporary[PATH_MAX + 16]; /* its name until then; "" for devices and pipes */
};

/* Opens a temporary file beside `path`; devices, pipes and links are written to directly. 0 or
 * -EIO, whatever the cause, so that it is not mistaken for trouble with a region. */
int wp_output_file_open(struct wp_output_file *file, const char *path, struct wp_error *error);

/*
 * Whether wp_output_file_open could succeed now, for commands that have much to do before they
 * write: the directory is there and may be written, and `path` is no directory. Creates nothing.
 * 0 or -EIO.
 */
int wp_output_file_check(const char *path, struct wp_error *error);

/* The same for a file that is to be appended to in place. */
int wp_output_file_check_append(const char *path, struct wp_error *error);

/* Flushes and gives the file its name, replacing what was there. Closes it, whatever is returned.
 * 0 or -EIO. */
int wp_output_file_commit(struct wp_output_file *file, struct wp_error *error);

/* Closes and removes what was written so far. */
void wp_output_file_discard(struct wp_output_file *file);

#endif
