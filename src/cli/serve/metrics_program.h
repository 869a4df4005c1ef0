/*
 * What the metrics say of one program: everything that is needed of its region, so that the copy of
 * the region can be given back before the next one is read.
 */
#ifndef WP_CLI_SERVE_METRICS_PROGRAM_H
#define WP_CLI_SERVE_METRICS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/serve/metrics.h"
#include "profile/error.h"

/* Room for labels. A byte of a text becomes at most three bytes of a label, and every text is cut
 * to fit before it is escaped, so that what does not fit never ends in half an escape. */
#define WP_METRICS_LABELS_BYTES 1024u

/* A kind of waits: one row for every kind that the library records. */
struct wp_metrics_kind {
    char labels[WP_METRICS_LABELS_BYTES / 4]; /* kind="...",family="..." */
    bool is_lock;                             /* it may stand in the mutex profile */
    uint64_t waits;
    uint64_t contentions_fixed[2]; /* by profile, as struct wp_kind_amount has it */
    uint64_t delay_ns[2];
    uint64_t samples[2];
    uint64_t waiting;   /* threads, now */
    uint64_t oldest_ns; /* how long the first of them waits */
};

struct wp_metrics_measures {
    char labels[WP_METRICS_LABELS_BYTES]; /* command="...",pid="...",region="..." */
    char info[WP_METRICS_LABELS_BYTES];   /* further labels of waitprof_program_info */
    bool up;                              /* without it the rest is 0 */
    uint64_t counters[WP_COUNTER_COUNT];
    uint64_t start_ns; /* CLOCK_REALTIME */
    uint64_t block_rate_ns, base_block_rate_ns;
    uint64_t mutex_fraction, base_mutex_fraction;
    uint64_t wait_fraction;
    uint64_t budget_unsplit; /* 0 or 1 */
    uint64_t budget_cost_ns_per_s, budget_samples_per_s;
    uint64_t budget_turn_cost_ns_per_s; /* of the latest turn */
    uint64_t own_cost_ns;               /* since the start */
    uint64_t own_cost_ns_per_s;         /* likewise */
    uint64_t own_cost_ns_per_wait;
    uint64_t leases;
    uint64_t rate_changes;
    uint64_t processes, processes_seen;
    uint64_t stacks;
    uint64_t stack_bytes_used, stack_bytes_capacity;
    uint64_t region_bytes_allocated, region_bytes_limit;
    struct wp_metrics_kind *kinds;
    size_t kind_count;
};

/* Takes the measures of a program; wp_metrics_measures_free gives back what they hold. 0 or
 * -ENOMEM. */
int wp_metrics_measure(const struct wp_metrics_program *program,
                       struct wp_metrics_measures *measures, struct wp_error *error);
void wp_metrics_measures_free(struct wp_metrics_measures *measures);

#endif
