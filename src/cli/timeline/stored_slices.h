/*
 * Profiles of slices of time as `record --every` and `push --to DIR` have stored them, found by
 * their names and read one after the other: a day of seconds has 86 400 of each type.
 */
#ifndef WP_CLI_TIMELINE_STORED_SLICES_H
#define WP_CLI_TIMELINE_STORED_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/recorded_spans.h"
#include "compare/pprof_file.h"
#include "profile/error.h"
#include "profile/keyset.h"

/* A directory of one program. */
struct wp_stored_program {
    const char *directory;
    const char *name; /* COMMAND.PID */
    bool is_noted;    /* it is known when it was recorded */
};

struct wp_stored_slice {
    const char *path;  /* of a file that was named by itself, else NULL: by program and time */
    uint64_t until_ns; /* CLOCK_REALTIME */
    uint32_t program;  /* index; meaningless with a path */
    enum wp_region_profile type;
};

struct wp_stored_slices {
    struct wp_stored_program *programs;
    size_t program_count;
    enum wp_region_profile type;    /* the one that was asked for */
    struct wp_stored_slice *slices; /* of both types, by time, oldest first */
    size_t slice_count, type_count; /* of both; of the type */
    struct wp_recorded_span *spans; /* of all programs, in no order */
    size_t span_count;
    uint64_t from_ns, until_ns; /* of all of them, of both types; equal: there are none */
    uint64_t usual_ns;          /* how long one is, by a look at some; 0: none of them says it */
    const char *other_path;     /* where there are profiles of the other type; NULL: nowhere */
    const char *timeless_path;  /* of a file that does not say of what span it is; NULL: none */

    size_t program_capacity, slice_capacity, span_capacity; /* internal */
    struct wp_arena arena;
};

/*
 * Finds the slices below arguments (NULL ends them, and it outlives them), each a directory that
 * such a command has filled, the directory of one program in it, a pprof file, or a directory of
 * those. Of the other type than `type` only the time matters. 0; -ENOENT and the like; -EINVAL:
 * there is nothing of that kind. Free it whatever is returned.
 */
int wp_stored_slices_find(char *const *arguments, enum wp_region_profile type,
                          struct wp_stored_slices *slices, struct wp_error *error);
void wp_stored_slices_free(struct wp_stored_slices *slices);

/* What is to be done with one of them; `capture` is freed afterwards. A status that is not 0 ends
 * the reading. */
typedef int wp_stored_slices_visit(const struct wp_pprof *capture, uint64_t from_ns,
                                   uint64_t until_ns, void *context, struct wp_error *error);

/* What came of reading. */
struct wp_stored_reading {
    size_t unreadable;   /* left out; the first is told in a warning */
    size_t without_span; /* left out: they do not say of what time they are */
};

/* Reads those of the type that have a part in [from_ns, until_ns), oldest first. */
int wp_stored_slices_read(const struct wp_stored_slices *slices, uint64_t from_ns,
                          uint64_t until_ns, wp_stored_slices_visit *visit, void *context,
                          struct wp_stored_reading *reading, struct wp_error *error);

#endif
