/*
 * A profile as one file of the spool: all that a request needs, and a checksum of it.
 *
 *   waitprof spool 1 crc32 89abcdef     of everything after this line
 *   profile block
 *   series NAME{LABEL=VALUE,...}
 *   program COMMAND PID
 *   from NANOSECONDS
 *   until NANOSECONDS
 *   bytes COUNT
 *                                       an empty line, then the profile, pprof compressed by gzip
 *
 * Not the server's address, which all files of a spool have in common (cli/push/spool_owner.h), nor
 * what it takes to be let in.
 */
#ifndef WP_CLI_PUSH_SPOOL_FILE_H
#define WP_CLI_PUSH_SPOOL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "cli/push/push_profile.h"
#include "profile/error.h"

/* `profile` points into `memory`. */
struct wp_spool_file {
    struct wp_push_profile profile;
    char *memory;
};

/*
 * Writes a new file and brings it to the disk. 0; or a negative errno, and there is no such file.
 */
int wp_spool_file_write(int directory, const char *name, const struct wp_push_profile *profile,
                        struct wp_error *error);

/*
 * Reads and checks a file of at most `bytes_max`. On success the caller frees it. -EPROTO: it is
 * damaged, or not ours.
 */
int wp_spool_file_read(int directory, const char *name, uint64_t bytes_max,
                       struct wp_spool_file *file, struct wp_error *error);

void wp_spool_file_free(struct wp_spool_file *file); /* {0} is fine */

#endif
