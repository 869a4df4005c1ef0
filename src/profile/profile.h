/*
 * A profile in memory: merged stacks of one type with what they cost, and what is known about where
 * they come from. Made of snapshots of regions; subtracted, merged, filtered, sorted; then
 * symbolized (profile/symbolize.h) and encoded (profile/encode.h) or printed (profile/report.h).
 */
#ifndef WP_PROFILE_PROFILE_H
#define WP_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"
#include "profile/budget_range.h"
#include "profile/error.h"
#include "profile/region_reader.h"

/* A profile has at most so many modules: numbers above stand for synthetic addresses. */
#define WP_PROFILE_MODULES_MAX 16000u

/* A region that went into the profile. All strings are the profile's own. */
struct wp_profile_source {
    uint64_t region_id;
    uint64_t start_realtime_ns;
    uint64_t read_realtime_ns;
    uint64_t run_ns; /* from the start to the read; of a program that had ended, to its end */
    uint32_t pid;
    uint32_t flags;
    uint32_t max_depth;
    pid_t live_pid; /* a running process of the family as seen from here, 0: none is left */
    const char *command;
    const char *command_line; /* argv joined by spaces */
    const char *directory;
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
    uint64_t wait_fraction;                              /* at least 1: see struct wp_snapshot */
    uint64_t budget_cost_ns_per_s, budget_samples_per_s; /* 0: none */
    struct wp_budget_range budget_range; /* of the turns that the region remembered */
    uint64_t rate_change_count;
    struct wp_region_rate_change rate_changes[WP_REGION_RATE_CHANGES]; /* oldest first */
    size_t rate_changes_known;
    uint64_t counters[WP_COUNTER_COUNT]; /* of the span when the profile is a delta */
    size_t process_count;
};

/* Index = module number of the frames of this profile; 0 is "no module". */
struct wp_profile_module {
    const char *path; /* absolute where that can be known; "" if unknown */
    uint32_t source;  /* index of the source that brought it first */
    bool is_executable;
    bool known;
    uint64_t unknown; /* internal: tells modules apart of which nothing is known, else 0 */
    uint64_t bias;
    uint64_t text_vaddr;
    uint64_t text_bytes;
    uint64_t text_offset;
    size_t build_id_bytes;
    uint8_t build_id[32];
};

/* Index = function number of the samples of this profile; 0 is "none". */
struct wp_profile_function {
    const char *name;
    const char *kind;   /* of the events: "mutex", "cond.reacquire" ... */
    const char *family; /* as WAITPROF_EVENTS has them */
    bool is_part;       /* another function of that name has the usual kind of its events */
    bool is_off;        /* its family was left out: nothing of it can be in the profile */
    uint32_t module;    /* module number of this profile, 0 unknown */
    uint64_t vaddr;
};

/* One distinct stack. Identity: function and frames. Frames are WP_FRAME_* words with the module
 * numbers of the profile, innermost first. Addresses of samples are stable. */
struct wp_profile_sample {
    uint64_t contentions_fixed; /* in units of 1 / WP_REGION_COUNT_ONE */
    uint64_t delay_ns;
    uint64_t samples; /* kept samples that the two above were estimated from */
    double variance;  /* of delay_ns, by sampling, ns^2 */
    double squares;   /* sum of the squares of what the samples added to delay_ns, ns^2. It is the
                       * variance if waits come independently of each other, their own chance
                       * included; squares - variance estimates the sum of the waits' squares. */
    uint64_t last_monotonic_ns;
    uint32_t key; /* internal: number of its identity */
    uint16_t function;
    uint16_t depth;
    uint64_t frames[];
};

/* What wp_profile_select_kinds left in and out. */
struct wp_profile_selection {
    const char *kinds; /* as they were asked for; NULL: everything is in */
    size_t dropped_stacks;
    double dropped_delay_ns;
};

struct wp_profile_index; /* internal: hash sets and memory */

struct wp_profile {
    enum wp_region_profile type;
    uint64_t time_ns; /* CLOCK_REALTIME of the (last) read */
    uint64_t read_monotonic_ns;
    uint64_t duration_ns; /* span of a delta; 0: since the programs started */

    struct wp_profile_source *sources;
    size_t source_count;
    struct wp_profile_module *modules; /* [0 .. module_count), row 0 empty */
    size_t module_count;
    struct wp_profile_function *functions; /* [0 .. function_count), row 0 empty */
    size_t function_count;
    struct wp_profile_sample **samples;
    size_t sample_count;

    struct wp_profile_selection selection;

    struct wp_profile_index *index;
};

/* An empty profile; NULL when out of memory. The caller frees it. */
struct wp_profile *wp_profile_new(enum wp_region_profile type);
void wp_profile_free(struct wp_profile *profile); /* NULL is fine */

/*
 * Adds the stacks of the profile's type in a snapshot; equal stacks add up. Modules are those of
 * the same path and build-id. The snapshot is not needed afterwards. A second snapshot of the same
 * region would count twice: see wp_profile_subtract for deltas.
 */
int wp_profile_add(struct wp_profile *profile, const struct wp_snapshot *snapshot,
                   struct wp_error *error);

/*
 * Turns `profile` into what happened since `earlier` was read: subtracts by identity, never below 0
 * (totals only grow, so less means a torn read), contentions as whole numbers, drops stacks that
 * are left with nothing, sets duration_ns, subtracts the counters of sources with equal region_id.
 */
int wp_profile_subtract(struct wp_profile *profile, const struct wp_profile *earlier,
                        struct wp_error *error);

/* Adds another profile of the same type (the programs of --follow-exec). */
int wp_profile_merge(struct wp_profile *profile, const struct wp_profile *other,
                     struct wp_error *error);

/* By delay, most first; ties by contentions, then by identity: the order does not depend on
 * that of the region. */
void wp_profile_sort(struct wp_profile *profile);

/* Keeps the samples for which keep(profile, sample, context) is true. */
typedef bool wp_profile_keep(const struct wp_profile *profile,
                             const struct wp_profile_sample *sample, const void *context);
void wp_profile_filter(struct wp_profile *profile, wp_profile_keep *keep, const void *context);

/*
 * Keeps the samples whose function has one of the kinds of a list as of profile/kind.h, and notes
 * in `selection` what was dropped. Nothing can be added or subtracted afterwards. 0 or -ENOMEM.
 */
int wp_profile_select_kinds(struct wp_profile *profile, const char *kinds, struct wp_error *error);

/*
 * Contentions, in units of 1 / WP_REGION_COUNT_ONE, as consumers see them: truncated to a whole
 * number as Go does, and for the block profile at least 1, so that a stack with delay has a count.
 */
int64_t wp_profile_contentions(const struct wp_profile *profile, uint64_t contentions_fixed);

struct wp_profile_totals {
    double contentions;
    double delay_ns;
    uint64_t samples;
    double variance;
    double squares;
};
struct wp_profile_totals wp_profile_total(const struct wp_profile *profile);

/* "block" or "mutex". */
const char *wp_profile_type_name(enum wp_region_profile type);

#endif
