/*
 * A block or mutex profile, read back from a pprof file: ours or Go's, compressed or not.
 *
 * Files come from anywhere: all indices, sizes and strings are checked; what is no such profile
 * gives an error that says why, never a crash.
 */
#ifndef WP_COMPARE_PPROF_FILE_H
#define WP_COMPARE_PPROF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "profile/error.h"

/* A larger file, or one that expands to more, is refused. */
#define WP_PPROF_MAX_BYTES (UINT64_C(256) << 20)

/* So is one that would take more memory: a message of few bytes can stand for many. */
#define WP_PPROF_MAX_MEMORY_BYTES (UINT64_C(1) << 30)

/* A function of a stack, inlined ones too. Strings are never NULL, "" where unknown. */
struct wp_pprof_frame {
    const char *name; /* demangled; of an address without symbols "[libfoo.so+0x12]" */
    const char *file;
    uint32_t line;
    uint64_t address;    /* 0: unknown */
    const char *mapping; /* path of the object */
    bool is_inlined;     /* into the frame that follows */
    bool is_unnamed;     /* an address without symbols: the name is the place in the object */
};

/* One sample of the file. Frames are innermost first. */
struct wp_pprof_stack {
    const struct wp_pprof_frame *const *frames;
    size_t depth;
    const char *kind; /* label of that name, "" if it has none */
    double contentions;
    double delay_ns;
    /* What is known about the error: our own files say it (profile.proto), others do not. */
    bool has_error;
    double samples;  /* kept samples */
    double variance; /* of delay_ns, by sampling, ns^2 */
    double squares;  /* sum of the squares of what the samples added to delay_ns, ns^2 */
};

struct wp_pprof {
    const char *path;            /* as given, for messages */
    enum wp_region_profile type; /* Go's do not say: told by their leaves; 0 where they don't */
    bool is_ours;                /* written by waitprof, perhaps merged by another tool since */
    bool has_errors;             /* of all stacks; true, too, if one of ours has no stacks */
    bool has_kinds;              /* some stack has one */
    uint64_t time_ns;            /* when it was taken, CLOCK_REALTIME; 0 unknown */
    uint64_t duration_ns;        /* 0: since the program's start, or unknown */
    uint64_t span_ns;    /* the duration, or how long the program had run; 0: unknown (Go's) */
    const char *program; /* path of the first mapping, which is the executable; "" unknown */
    const char *const *comments;
    size_t comment_count;
    const struct wp_pprof_stack *stacks;
    size_t stack_count;
    double contentions, delay_ns; /* of all stacks */
};

/* On success the caller frees *pprof. -ENOENT and the like; -EPROTO: no profile of waits, damaged,
 * too large; -ENOMEM. */
int wp_pprof_read(const char *path, struct wp_pprof **pprof, struct wp_error *error);

/* The same from memory; `name` is for messages. The bytes are not needed afterwards. */
int wp_pprof_decode(const void *bytes, size_t length, const char *name, struct wp_pprof **pprof,
                    struct wp_error *error);

void wp_pprof_free(struct wp_pprof *pprof); /* NULL is fine */

#endif
