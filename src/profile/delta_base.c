#include "profile/delta_base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile_index.h"

struct base_row {
    uint64_t identity;
    struct wp_profile_costs costs;
};

struct wp_delta_base {
    uint64_t read_monotonic_ns;
    uint64_t region_id;
    uint64_t counters[WP_COUNTER_COUNT];
    size_t row_count;
    struct base_row rows[]; /* sorted by identity */
};

/* Checksums of the rows of a profile, by which those of another are found. */
struct base_sums {
    uint64_t *modules;
    uint64_t *functions;
};

static uint64_t
base_mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
    return sum ^ (sum >> 29);
}

static uint64_t
base_sum_key(const struct wp_key *key)
{
    uint64_t sum = key->length_bytes;

    for (size_t at = 0; at < key->length_bytes; at += sizeof sum) {
        size_t left = key->length_bytes - at;
        uint64_t word = 0;

        memcpy(&word, key->bytes + at, left < sizeof word ? left : sizeof word);
        sum = base_mix(sum, word);
    }
    return base_mix(sum, sum >> 32);
}

static void
base_free_sums(struct base_sums *sums)
{
    free(sums->modules);
    free(sums->functions);
}

static int
base_make_sums(const struct wp_profile *profile, struct base_sums *sums, struct wp_error *error)
{
    sums->modules = calloc(profile->module_count, sizeof *sums->modules);
    sums->functions = calloc(profile->function_count, sizeof *sums->functions);
    if (sums->modules == NULL || sums->functions == NULL) {
        base_free_sums(sums);
        return wp_profile_no_memory(error);
    }
    for (size_t i = 1; i < profile->module_count; i++)
        sums->modules[i] =
            base_sum_key(wp_profile_module_key(profile->index, &profile->modules[i], false, NULL));
    for (size_t i = 1; i < profile->function_count; i++)
        sums->functions[i] = base_sum_key(
            wp_profile_function_key(profile->index, &profile->functions[i], false, NULL));
    return 0;
}

static uint64_t
base_identity(const struct wp_profile_sample *sample, const struct base_sums *sums)
{
    uint64_t sum = sums->functions[sample->function];

    for (unsigned i = 0; i < sample->depth; i++) {
        uint64_t number = sample->frames[i] >> WP_FRAME_MODULE_SHIFT;
        bool is_special = number == WP_FRAME_SPECIAL;

        sum = base_mix(sum, is_special ? number : sums->modules[number]);
        sum = base_mix(sum, sample->frames[i] & WP_FRAME_ADDRESS_MASK);
    }
    return base_mix(sum, sample->depth);
}

static int
base_compare(const void *left, const void *right)
{
    const struct base_row *a = left, *b = right;

    return (a->identity > b->identity) - (a->identity < b->identity);
}

int
wp_delta_base_new(const struct wp_profile *profile, struct wp_delta_base **base,
                  struct wp_error *error)
{
    struct wp_delta_base *made =
        calloc(1, sizeof *made + profile->sample_count * sizeof made->rows[0]);
    struct base_sums sums = {NULL, NULL};

    *base = NULL;
    if (made == NULL)
        return wp_profile_no_memory(error);
    if (base_make_sums(profile, &sums, error) != 0) {
        free(made);
        return -ENOMEM;
    }
    made->read_monotonic_ns = profile->read_monotonic_ns;
    made->region_id = profile->sources[0].region_id;
    memcpy(made->counters, profile->sources[0].counters, sizeof made->counters);
    made->row_count = profile->sample_count;
    for (size_t i = 0; i < made->row_count; i++) {
        made->rows[i].identity = base_identity(profile->samples[i], &sums);
        made->rows[i].costs = wp_profile_sample_costs(profile->samples[i]);
    }
    base_free_sums(&sums);
    qsort(made->rows, made->row_count, sizeof made->rows[0], base_compare);
    *base = made;
    return 0;
}

void
wp_delta_base_free(struct wp_delta_base *base)
{
    free(base);
}

void
wp_delta_base_advance(struct wp_delta_base *base, uint64_t read_monotonic_ns)
{
    base->read_monotonic_ns = read_monotonic_ns;
}

int
wp_delta_base_subtract(const struct wp_delta_base *base, struct wp_profile *profile,
                       struct wp_error *error)
{
    struct base_sums sums;
    int status = base_make_sums(profile, &sums, error);

    if (status != 0)
        return status;
    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct base_row wanted = {.identity = base_identity(profile->samples[i], &sums)};
        const struct base_row *row =
            bsearch(&wanted, base->rows, base->row_count, sizeof wanted, base_compare);

        if (row != NULL)
            wp_profile_subtract_costs(profile->samples[i], &row->costs);
    }
    base_free_sums(&sums);
    wp_profile_subtract_counters(profile, base->region_id, base->counters);
    wp_profile_finish_delta(profile, base->read_monotonic_ns);
    return 0;
}
