/*
 * The settings that a program is started with: the WAITPROF_* variables of its environment.
 */
#ifndef WP_CORE_CONFIG_H
#define WP_CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/visibility.h"

/* Families of wrappers that WAITPROF_EVENTS can choose. X(name, on by default) */
#define WP_CONFIG_FAMILIES(X)                                                                      \
    X(sync, 1)                                                                                     \
    X(io, 1)                                                                                       \
    X(net, 1)                                                                                      \
    X(poll, 1)                                                                                     \
    X(sleep, 0)                                                                                    \
    X(process, 1)                                                                                  \
    X(file, 1)                                                                                     \
    X(ipc, 1)                                                                                      \
    X(spin, 0)

#define WP_CONFIG_ALL_FAMILIES "all" /* stands for all of them in the list */

enum wp_family {
#define WP_CONFIG_FAMILY_ENUM(name, on) WP_FAMILY_##name,
    WP_CONFIG_FAMILIES(WP_CONFIG_FAMILY_ENUM)
#undef WP_CONFIG_FAMILY_ENUM
        WP_FAMILY_COUNT
};

#define WP_CONFIG_DEFAULT_BLOCK_RATE_NS 100000u
#define WP_CONFIG_DEFAULT_MUTEX_FRACTION 10u
/* The finest rates under a budget, unless they are given: what it makes coarser as it must. (At 1 a
 * lock that is free costs more: no budget sees that.) */
#define WP_CONFIG_BUDGET_BLOCK_RATE_NS 1000u
#define WP_CONFIG_BUDGET_MUTEX_FRACTION 2u
#define WP_CONFIG_MAX_BUDGET_SAMPLES_PER_S UINT64_C(1000000000)
#define WP_CONFIG_DEFAULT_REGION_BYTES (UINT64_C(32) << 20)
#define WP_CONFIG_MAX_REGION_BYTES (UINT64_C(1) << 30)

/* By enum wp_family. */
extern WP_HIDDEN const char *const wp_config_family_names[WP_FAMILY_COUNT];

/* Strings point into the environment that was given to wp_config_read. */
struct wp_config {
    uint64_t block_rate_ns;   /* WAITPROF_BLOCK_RATE */
    uint64_t mutex_fraction;  /* WAITPROF_MUTEX_FRACTION */
    /* WAITPROF_BUDGET: `0.5%` of a processor, or `2000/s` kept samples; 0: no limit */
    uint64_t budget_cost_ns_per_s;
    uint64_t budget_samples_per_s;
    uint64_t region_bytes;    /* WAITPROF_REGION_BYTES: bound of the region */
    uint64_t run_id;          /* WAITPROF_RUN: hexadecimal, 0 none */
    uint64_t seed;            /* WAITPROF_SEED, 0: take a random one */
    uint64_t pid;             /* WAITPROF_PID: other processes stay inert; 0 all */
    uint32_t max_depth;       /* WAITPROF_DEPTH */
    uint32_t families;        /* WAITPROF_EVENTS: bit per enum wp_family */
    bool debug;               /* WAITPROF_DEBUG: say in one line on stderr what was set up */
    const char *executables;  /* WAITPROF_EXE: glob list of command names, NULL all */
    const char *waitprof_dir; /* WAITPROF_DIR, NULL unset */
    const char *runtime_dir;  /* XDG_RUNTIME_DIR, NULL unset */
    const char *invalid; /* the first variable with a value that could not be used, else NULL */
};

/*
 * Reads the settings from an environment in the form of environ. A value that is no number, or out
 * of range, leaves the default in place and is named in `invalid`. No allocation, no getenv (which
 * may not work yet when the constructor runs).
 */
void wp_config_read(char *const *environment, struct wp_config *config);

/* True: `command` matches the list, colon- or comma-separated globs as fnmatch(3) has them. */
bool wp_config_wants(const char *executables, const char *command);

#endif
