/*
 * Files that are found by listing a directory, not named by somebody.
 */
#ifndef WP_CLI_DIRECTORY_FILE_H
#define WP_CLI_DIRECTORY_FILE_H

#include <stdbool.h>

/*
 * Whether a name in a directory (a descriptor, or AT_FDCWD with a path) is known to be no regular
 * file, after links: a FIFO, of which reading would wait for ever, a device, a socket, a directory.
 * False, too, for what cannot be asked, so that opening it says why.
 */
bool wp_directory_file_is_special(int directory, const char *name);

#endif
