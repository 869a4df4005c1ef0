/*
 * New files that are on the disk when they are said to be.
 */
#ifndef WP_CLI_DURABLE_FILE_H
#define WP_CLI_DURABLE_FILE_H

#include <stddef.h>
#include <sys/uio.h>

/* Writes the parts to a file that must not exist, 0600, and brings it to the disk. 0; or a negative
 * errno, and there is no such file. */
int wp_durable_file_write(int directory, const char *name, const struct iovec *parts, size_t count);

/* The same, but the kernel may take its time: what was written survives the end of this command,
 * though not one of the machine. */
int wp_durable_file_write_lazily(int directory, const char *name, const struct iovec *parts,
                                 size_t count);

#endif
