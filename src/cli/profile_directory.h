/*
 * A directory that keeps the latest profiles: DIR/COMMAND.PID/20261122T101530.123456Z.block.pb.gz
 * (cli/profile_file_name.h), and beside them when the program was recorded (cli/recorded_spans.h).
 * The oldest go when there are too many or when they are too old; files of other names are left
 * alone.
 */
#ifndef WP_CLI_PROFILE_DIRECTORY_H
#define WP_CLI_PROFILE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "profile/error.h"

struct wp_profile_directory_options {
    const char *path; /* outlives it */
    uint64_t bytes_max;
    uint64_t age_max_ns;   /* 0: any */
    const char *remedy;    /* what to do if it cannot be used: "choose another with --to" */
    bool survives_machine; /* profiles are on the disk before they count as written */
};

struct wp_profile_directory;

/* Opens or makes it and finds what is there. On success the caller closes it. */
int wp_profile_directory_open(const struct wp_profile_directory_options *options,
                              struct wp_profile_directory **directory, struct wp_error *error);
void wp_profile_directory_close(struct wp_profile_directory *directory); /* NULL is fine */

/* What is stored is a program's, of a span of time that ended at until_ns (CLOCK_REALTIME). */
struct wp_profile_directory_program {
    const char *command;
    uint32_t pid;
    uint64_t until_ns;
};
struct wp_stored_profile {
    enum wp_region_profile type;
    const void *bytes; /* pprof, compressed */
    size_t length;
};

/* Stores all of the profiles or none. 0; or a negative errno with a message. */
int wp_profile_directory_put(struct wp_profile_directory *directory,
                             const struct wp_profile_directory_program *program,
                             const struct wp_stored_profile *profiles, size_t count,
                             struct wp_error *error);

/* Notes that the program was recorded, with profiles or without, from then until
 * program->until_ns. The same results. */
int wp_profile_directory_note(struct wp_profile_directory *directory,
                              const struct wp_profile_directory_program *program, uint64_t from_ns,
                              struct wp_error *error);

/* Removes what is too old by now. */
void wp_profile_directory_tidy(struct wp_profile_directory *directory);

struct wp_profile_directory_counts {
    uint64_t written; /* since it was opened */
    uint64_t removed; /* likewise */
    uint64_t dropped; /* profiles that are larger than all may be together */
    size_t kept;      /* profiles in it */
};
struct wp_profile_directory_counts
wp_profile_directory_count(const struct wp_profile_directory *directory);

#endif
