/*
 * Which file a command line starts.
 */
#ifndef WP_CLI_PROGRAM_PATH_H
#define WP_CLI_PROGRAM_PATH_H

#include <limits.h>

/*
 * Looks `name` up as execvp(3) does and writes the file into `path`. 0, -ENOENT (none), or -EACCES
 * with `path` set (there is one, but it cannot be executed).
 */
int wp_program_path_find(const char *name, char path[PATH_MAX]);

/* The program that the kernel starts for a script, as its first line names it. */
struct wp_script {
    char interpreter[PATH_MAX];
    char argument[PATH_MAX]; /* what follows it on the line, or "" */
};

/* Reads the first line of the open file. 1: a script; 0: none; -EIO. */
int wp_program_path_read_script(int fd, struct wp_script *script);

/* The program that `#!/usr/bin/env [-S] [NAME=VALUE]... PROGRAM` runs in the end; NULL if the
 * interpreter is not env. The name may have to be looked up; it lives in `script`. */
const char *wp_program_path_behind_env(struct wp_script *script);

#endif
