/*
 * How much processor time the workers may take. While about one processor is idle, as much as they
 * want. While the programs leave less, a small share of one: a nice level alone does not
 * hold them to it, since it does not count between sessions and control groups.
 *
 * A bucket of processor time: a job may begin while something is in it, and what it took is taken
 * out afterwards, below zero if need be. Filled at the share, up to a burst of some answers. Not
 * for several threads at once.
 */
#ifndef WP_CLI_SERVE_CPU_BUDGET_H
#define WP_CLI_SERVE_CPU_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* A burst, and what the bucket holds at the start. */
#define WP_CPU_BUDGET_BURST_NS INT64_C(80000000)

/* What the machine and this process have used up to now. */
struct wp_cpu_use {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint64_t idle_ns; /* of all processors, since boot */
    uint64_t own_ns;  /* processor time of this process */
};

struct wp_cpu_budget {
    double fill;            /* processor time that comes in for each ns; 0: no limit */
    int64_t bucket_ns;      /* at most a burst */
    uint64_t filled_ns;     /* CLOCK_MONOTONIC when the bucket was filled */
    struct wp_cpu_use last; /* time_ns 0: none yet */
    bool is_busy;           /* what the machine was between the last two looks */
};

/* `percent` of one processor; 100 is no limit. */
void wp_cpu_budget_init(struct wp_cpu_budget *budget, unsigned percent, uint64_t now_ns);

/* Where the machine stands: /proc/stat and this process' clock. False: it cannot be told. */
bool wp_cpu_use_look(struct wp_cpu_use *use);

/* Takes notice of what was used. */
void wp_cpu_budget_note(struct wp_cpu_budget *budget, const struct wp_cpu_use *use);

/* Whether a look is due: the last is some tenths of a second old. */
bool wp_cpu_budget_wants_look(const struct wp_cpu_budget *budget, uint64_t now_ns);

/* How long a job must wait before it begins; 0: it may now. */
uint64_t wp_cpu_budget_wait_ns(struct wp_cpu_budget *budget, uint64_t now_ns);

/* Takes out what a job has used. */
void wp_cpu_budget_charge(struct wp_cpu_budget *budget, uint64_t cpu_ns);

#endif
