/*
 * What profile.h offers for whole profiles: difference, sum, order, selection, totals.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/kind.h"
#include "profile/profile_index.h"

/* --- Two profiles
 * ------------------------------------------------------------------------------- */

/*
 * Finds (or, with add, makes) the numbers that the modules and functions of `other` have here.
 * Those that are not here stay 0: no stack of ours can hold them.
 */
static int
profile_map_other(struct wp_profile *profile, const struct wp_profile *other, bool add,
                  struct wp_profile_map *map, struct wp_error *error)
{
    size_t first_source = profile->source_count - (add ? other->source_count : 0);

    for (size_t i = 1; i < other->module_count; i++) {
        struct wp_profile_module module = other->modules[i];
        const struct wp_key *key;

        if (add) {
            module.source += (uint32_t)first_source;
            map->modules[i] = wp_profile_add_module(profile, &module, error);
            if (map->modules[i] == 0)
                return -ENOMEM;
            continue;
        }
        key = wp_profile_module_key(profile->index, &module, false, NULL);
        map->modules[i] = key == NULL ? 0 : key->value;
    }
    for (size_t i = 1; i < other->function_count; i++) {
        struct wp_profile_function function = other->functions[i];
        const struct wp_key *key;

        function.module = map->modules[function.module];
        if (add) {
            map->functions[i] = wp_profile_add_function(profile, &function);
            if (map->functions[i] == 0)
                return wp_profile_no_memory(error);
            continue;
        }
        key = wp_profile_function_key(profile->index, &function, false, NULL);
        map->functions[i] = key == NULL ? 0 : key->value;
    }
    return 0;
}

static uint64_t
profile_difference(uint64_t later, uint64_t earlier)
{
    return later > earlier ? later - earlier : 0;
}

static double
profile_rest(double later, double earlier)
{
    return later > earlier ? later - earlier : 0;
}

/* Of whole contentions, as they are shown, which is what Go subtracts: so the spans of a program's
 * life add up to its total, and none loses a fraction. */
static uint64_t
profile_whole_difference(uint64_t later_fixed, uint64_t earlier_fixed)
{
    return profile_difference(later_fixed / WP_REGION_COUNT_ONE,
                              earlier_fixed / WP_REGION_COUNT_ONE) *
           WP_REGION_COUNT_ONE;
}

struct wp_profile_costs
wp_profile_sample_costs(const struct wp_profile_sample *sample)
{
    return (struct wp_profile_costs){
        .contentions_fixed = sample->contentions_fixed,
        .delay_ns = sample->delay_ns,
        .samples = sample->samples,
        .variance = sample->variance,
        .squares = sample->squares,
    };
}

void
wp_profile_subtract_costs(struct wp_profile_sample *sample, const struct wp_profile_costs *earlier)
{
    sample->contentions_fixed =
        profile_whole_difference(sample->contentions_fixed, earlier->contentions_fixed);
    sample->delay_ns = profile_difference(sample->delay_ns, earlier->delay_ns);
    sample->samples = profile_difference(sample->samples, earlier->samples);
    sample->variance = profile_rest(sample->variance, earlier->variance);
    sample->squares = profile_rest(sample->squares, earlier->squares);
}

static void
profile_subtract_sample(struct wp_profile *profile, const struct wp_profile_sample *earlier,
                        const struct wp_profile_map *map)
{
    uint64_t identity[WP_PROFILE_IDENTITY_WORDS];
    size_t bytes =
        wp_profile_identity(identity, earlier->frames, earlier->depth, earlier->function, map);
    const struct wp_key *key = wp_keyset_get(&profile->index->stacks, identity, bytes);
    struct wp_profile_costs costs = wp_profile_sample_costs(earlier);

    if (key != NULL && profile->index->by_key[key->value] != NULL)
        wp_profile_subtract_costs(profile->index->by_key[key->value], &costs);
}

void
wp_profile_subtract_counters(struct wp_profile *profile, uint64_t region_id,
                             const uint64_t counters[WP_COUNTER_COUNT])
{
    for (size_t i = 0; i < profile->source_count; i++) {
        struct wp_profile_source *source = &profile->sources[i];

        for (unsigned k = 0; k < WP_COUNTER_COUNT && source->region_id == region_id; k++)
            source->counters[k] = profile_difference(source->counters[k], counters[k]);
    }
}

static bool
profile_keep_nonzero(const struct wp_profile *profile, const struct wp_profile_sample *sample,
                     const void *context)
{
    (void)profile;
    (void)context;
    return sample->delay_ns != 0 || sample->contentions_fixed != 0;
}

void
wp_profile_finish_delta(struct wp_profile *profile, uint64_t earlier_monotonic_ns)
{
    profile->duration_ns = profile_difference(profile->read_monotonic_ns, earlier_monotonic_ns);
    wp_profile_filter(profile, profile_keep_nonzero, NULL);
}

int
wp_profile_subtract(struct wp_profile *profile, const struct wp_profile *earlier,
                    struct wp_error *error)
{
    struct wp_profile_map map;

    if (wp_profile_map_init(&map, earlier->module_count, earlier->function_count) != 0 ||
        profile_map_other(profile, earlier, false, &map, error) != 0) {
        wp_profile_map_free(&map);
        return wp_profile_no_memory(error);
    }
    for (size_t i = 0; i < earlier->sample_count; i++)
        profile_subtract_sample(profile, earlier->samples[i], &map);
    wp_profile_map_free(&map);
    for (size_t i = 0; i < earlier->source_count; i++)
        wp_profile_subtract_counters(profile, earlier->sources[i].region_id,
                                     earlier->sources[i].counters);
    wp_profile_finish_delta(profile, earlier->read_monotonic_ns);
    return 0;
}

static int
profile_merge_sources(struct wp_profile *profile, const struct wp_profile *other,
                      struct wp_error *error)
{
    for (size_t i = 0; i < other->source_count; i++) {
        struct wp_profile_source source = other->sources[i];

        if (wp_array_reserve(&profile->sources, &profile->index->source_capacity,
                             profile->source_count, sizeof source) != 0)
            return wp_profile_no_memory(error);
        source.command = wp_profile_copy_string(profile, source.command);
        source.command_line = wp_profile_copy_string(profile, source.command_line);
        source.directory = wp_profile_copy_string(profile, source.directory);
        if (source.command == NULL || source.command_line == NULL || source.directory == NULL)
            return wp_profile_no_memory(error);
        profile->sources[profile->source_count++] = source;
    }
    return 0;
}

static int
profile_merge_sample(struct wp_profile *profile, const struct wp_profile_sample *from,
                     const struct wp_profile_map *map, struct wp_error *error)
{
    uint64_t identity[WP_PROFILE_IDENTITY_WORDS];
    size_t bytes = wp_profile_identity(identity, from->frames, from->depth, from->function, map);
    struct wp_profile_sample *sample = wp_profile_sample_of(profile, identity, bytes);

    if (sample == NULL)
        return wp_profile_no_memory(error);
    sample->contentions_fixed = wp_profile_sum(sample->contentions_fixed, from->contentions_fixed);
    sample->delay_ns = wp_profile_sum(sample->delay_ns, from->delay_ns);
    sample->samples = wp_profile_sum(sample->samples, from->samples);
    sample->variance += from->variance;
    sample->squares += from->squares;
    if (from->last_monotonic_ns > sample->last_monotonic_ns)
        sample->last_monotonic_ns = from->last_monotonic_ns;
    return 0;
}

int
wp_profile_merge(struct wp_profile *profile, const struct wp_profile *other, struct wp_error *error)
{
    struct wp_profile_map map;
    int result;

    if (profile->type != other->type)
        return wp_error_set(error, EINVAL, "a %s profile cannot be merged with a %s profile",
                            wp_profile_type_name(profile->type), wp_profile_type_name(other->type));
    if (wp_profile_map_init(&map, other->module_count, other->function_count) != 0) {
        wp_profile_map_free(&map);
        return wp_profile_no_memory(error);
    }
    result = profile_merge_sources(profile, other, error);
    if (result == 0)
        result = profile_map_other(profile, other, true, &map, error);
    for (size_t i = 0; i < other->sample_count && result == 0; i++)
        result = profile_merge_sample(profile, other->samples[i], &map, error);
    wp_profile_map_free(&map);
    wp_profile_note_time(profile, other->time_ns, other->read_monotonic_ns);
    if (other->duration_ns > profile->duration_ns)
        profile->duration_ns = other->duration_ns;
    return result;
}

/* --- Order and totals
 * --------------------------------------------------------------------------- */

static int
profile_by_delay(const void *left, const void *right)
{
    const struct wp_profile_sample *a = *(const struct wp_profile_sample *const *)left;
    const struct wp_profile_sample *b = *(const struct wp_profile_sample *const *)right;

    if (a->delay_ns != b->delay_ns)
        return a->delay_ns > b->delay_ns ? -1 : 1;
    if (a->contentions_fixed != b->contentions_fixed)
        return a->contentions_fixed > b->contentions_fixed ? -1 : 1;
    if (a->function != b->function)
        return a->function < b->function ? -1 : 1;
    for (unsigned i = 0; i < a->depth && i < b->depth; i++) {
        if (a->frames[i] != b->frames[i])
            return a->frames[i] < b->frames[i] ? -1 : 1;
    }
    return (a->depth > b->depth) - (a->depth < b->depth);
}

void
wp_profile_sort(struct wp_profile *profile)
{
    if (profile->sample_count > 1)
        qsort(profile->samples, profile->sample_count, sizeof(struct wp_profile_sample *),
              profile_by_delay);
}

void
wp_profile_filter(struct wp_profile *profile, wp_profile_keep *keep, const void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < profile->sample_count; i++) {
        struct wp_profile_sample *sample = profile->samples[i];

        if (keep(profile, sample, context))
            profile->samples[kept++] = sample;
        else
            profile->index->by_key[sample->key] = NULL;
    }
    profile->sample_count = kept;
}

static bool
profile_keep_kinds(const struct wp_profile *profile, const struct wp_profile_sample *sample,
                   const void *kinds)
{
    const struct wp_profile_function *function = &profile->functions[sample->function];

    return wp_kind_matches(kinds, function->kind, function->family);
}

int
wp_profile_select_kinds(struct wp_profile *profile, const char *kinds, struct wp_error *error)
{
    struct wp_profile_selection *selection = &profile->selection;
    size_t stacks = profile->sample_count;
    double delay_ns = wp_profile_total(profile).delay_ns;

    selection->kinds = wp_profile_copy_string(profile, kinds);
    if (selection->kinds == NULL)
        return wp_profile_no_memory(error);
    wp_profile_filter(profile, profile_keep_kinds, kinds);
    selection->dropped_stacks = stacks - profile->sample_count;
    selection->dropped_delay_ns = delay_ns - wp_profile_total(profile).delay_ns;
    return 0;
}

int64_t
wp_profile_contentions(const struct wp_profile *profile, uint64_t contentions_fixed)
{
    uint64_t whole = contentions_fixed / WP_REGION_COUNT_ONE;

    if (whole == 0 && profile->type == WP_PROFILE_BLOCK)
        whole = 1;
    return whole > INT64_MAX ? INT64_MAX : (int64_t)whole;
}

struct wp_profile_totals
wp_profile_total(const struct wp_profile *profile)
{
    struct wp_profile_totals totals = {0};

    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct wp_profile_sample *sample = profile->samples[i];

        totals.contentions += (double)sample->contentions_fixed / WP_REGION_COUNT_ONE;
        totals.delay_ns += (double)sample->delay_ns;
        totals.samples = wp_profile_sum(totals.samples, sample->samples);
        totals.variance += sample->variance;
        totals.squares += sample->squares;
    }
    return totals;
}
