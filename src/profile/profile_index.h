/*
 * Internal to profiles: how modules, functions and stacks are found again.
 */
#ifndef WP_PROFILE_PROFILE_INDEX_H
#define WP_PROFILE_PROFILE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/keyset.h"
#include "profile/profile.h"

/* Room for the identity of a stack: its frames and its function. */
#define WP_PROFILE_IDENTITY_WORDS (WP_REGION_MAX_DEPTH + 16u)

/* Modules and functions are found by what they are, stacks by their identity in terms of those. */
struct wp_profile_index {
    struct wp_arena arena;
    struct wp_keyset modules;
    struct wp_keyset functions;
    struct wp_keyset stacks;
    struct wp_profile_sample **by_key; /* number of an identity -> sample, NULL if dropped */
    size_t by_key_capacity;
    size_t sample_capacity;
    size_t module_capacity;
    size_t function_capacity;
    size_t source_capacity;
};

/* The numbers that modules and functions of what is added have in the profile. */
struct wp_profile_map {
    uint32_t *modules;
    size_t module_count;
    uint32_t *functions;
    size_t function_count;
};

int wp_profile_map_init(struct wp_profile_map *map, size_t module_count, size_t function_count);
void wp_profile_map_free(struct wp_profile_map *map);

/* Says so in the error and returns -ENOMEM. */
int wp_profile_no_memory(struct wp_error *error);

/* The profile's own copy; NULL when out of memory. */
const char *wp_profile_copy_string(struct wp_profile *profile, const char *text);

/*
 * The key of a module or function, whose value is its number in the profile. With `add` it is put
 * there if it is missing (the caller then adds the row). NULL: not there, or out of memory.
 */
struct wp_key *wp_profile_module_key(struct wp_profile_index *index,
                                     const struct wp_profile_module *module, bool add, bool *added);
struct wp_key *wp_profile_function_key(struct wp_profile_index *index,
                                       const struct wp_profile_function *function, bool add,
                                       bool *added);

/* Adds a module or function unless it is there, copying its strings. Returns its number; 0 and, for
 * modules, an error text when it cannot. */
uint32_t wp_profile_add_module(struct wp_profile *profile, const struct wp_profile_module *module,
                               struct wp_error *error);
uint32_t wp_profile_add_function(struct wp_profile *profile,
                                 const struct wp_profile_function *function);

/* Writes the identity of a stack in numbers of the profile (WP_PROFILE_WP_PROFILE_IDENTITY_WORDS at
 * most) and returns its length in bytes. */
size_t wp_profile_identity(uint64_t *identity, const uint64_t *frames, size_t depth,
                           uint16_t function, const struct wp_profile_map *map);

/* The sample with that identity, made if it is new; NULL when out of memory. */
struct wp_profile_sample *wp_profile_sample_of(struct wp_profile *profile, const uint64_t *identity,
                                               size_t bytes);

/* What a sample costs: the parts that are subtracted. */
struct wp_profile_costs {
    uint64_t contentions_fixed;
    uint64_t delay_ns;
    uint64_t samples;
    double variance;
    double squares;
};
struct wp_profile_costs wp_profile_sample_costs(const struct wp_profile_sample *sample);

/* The steps of wp_profile_subtract: each sample, the counters of each source, then the end. */
void wp_profile_subtract_costs(struct wp_profile_sample *sample,
                               const struct wp_profile_costs *earlier);
void wp_profile_subtract_counters(struct wp_profile *profile, uint64_t region_id,
                                  const uint64_t counters[WP_COUNTER_COUNT]);
void wp_profile_finish_delta(struct wp_profile *profile, uint64_t earlier_monotonic_ns);

/* The sum, at most UINT64_MAX. */
uint64_t wp_profile_sum(uint64_t left, uint64_t right);

/* Notes when a part of the profile was read: the latest time counts. */
void wp_profile_note_time(struct wp_profile *profile, uint64_t realtime_ns, uint64_t monotonic_ns);

#endif
