/*
 * Where libwaitprof.so is.
 */
#ifndef WP_CLI_LIBRARY_PATH_H
#define WP_CLI_LIBRARY_PATH_H

#include <stddef.h>

/*
 * Writes the absolute path of the library to load into `path` (`size` bytes, PATH_MAX serves):
 * $WAITPROF_LIBRARY, else ../lib beside this command, else the place of installation. 0, or
 * -ENOENT with `path` set to the first place that was tried, or -ENAMETOOLONG.
 * That the file exists is all that is known of it then.
 */
int wp_library_path_find(char *path, size_t size);

#endif
