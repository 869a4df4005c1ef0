/*
 * A file with a lease: who opens it to write, or truncates it, waits until the lease is given up.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_LEASE_H
#define WP_TESTS_TRANSPARENCY_ROWS_LEASE_H

#include <stdbool.h>

struct lease {
    char path[128];
    int fd;
};

/* Makes the file and takes the lease. False, with a message on standard output: the file system has
 * none. */
bool lease_take(struct lease *lease);

/* Its path, for a call whose object it is. */
const char *lease_path(const void *lease);

/* Gives the lease up; the type is that of row_call.release. */
void lease_release(void *lease);

#endif
