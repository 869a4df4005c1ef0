#include "core/stack_table.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/atomic.h"
#include "core/region.h"

#define WP_STACK_UNIT 16u
/* Longer chains do not occur by chance: 128 K stacks in 16 K buckets make 8 on average. */
#define WP_STACK_CHAIN_LIMIT 4096u
#define WP_STACK_DOUBLE_TRIES 16

/* Records of samples without a stack, by profile and WP_SPECIAL_* code. Written once, before the
 * region is ready; inherited by forked children, who map the same region. */
static uint32_t wp_stack_lost[WP_PROFILE_MUTEX + 1][WP_SPECIAL_BUDGET + 1];

static struct wp_region_stack *
wp_stack_at(struct wp_region_header *region, uint32_t unit)
{
    return (struct wp_region_stack *)((char *)wp_region_rows(region, WP_TABLE_STACKS) +
                                      (size_t)unit * WP_STACK_UNIT);
}

/* Mixes one word into a hash: a multiply-and-fold step of 64x64 -> 128 bits. */
static uint64_t
wp_stack_mix(uint64_t hash, uint64_t word)
{
    __extension__ unsigned __int128 product =
        (unsigned __int128)(hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ (word << 1);
}

static uint64_t
wp_stack_hash(enum wp_region_profile profile, uint16_t function, const uint64_t *frames,
              uint32_t depth)
{
    uint64_t hash = wp_stack_mix((uint64_t)profile << 32 | function, depth + UINT64_C(0x5eed));

    for (uint32_t i = 0; i < depth; i++)
        hash = wp_stack_mix(hash, frames[i]);
    return hash;
}

static uint32_t
wp_stack_bucket(uint32_t hash, uint32_t buckets)
{
    return (uint32_t)((uint64_t)hash * buckets >> 32);
}

/*
 * Frames are copied and compared word by word, by hand: memcpy and memcmp are functions that a
 * sanitizer's runtime replaces in the program, and it would take our publication by
 * compare-and-swap for a race of the program's.
 */
static void
wp_stack_copy_frames(uint64_t *to, const uint64_t *from, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++)
        wp_atomic_store_64(&to[i], from[i]);
}

static bool
wp_stack_same_frames(const uint64_t *one, const uint64_t *other, uint32_t depth)
{
    uint32_t i = 0;

    while (i < depth && wp_atomic_load_64(&one[i]) == other[i])
        i++;
    return i == depth;
}

static bool
wp_stack_equals(const struct wp_region_stack *stack, const struct wp_region_stack *identity,
                const uint64_t *frames)
{
    return stack->hash == identity->hash && stack->profile == identity->profile &&
           stack->function == identity->function && stack->depth == identity->depth &&
           wp_stack_same_frames(stack->frames, frames, identity->depth);
}

/* Searches a chain from `unit` up to, not including, `end`. 0: not there. */
static uint32_t
wp_stack_find(struct wp_region_header *region, uint32_t unit, uint32_t end,
              const struct wp_region_stack *identity, const uint64_t *frames)
{
    for (uint32_t steps = 0; unit != end && unit != 0 && steps < WP_STACK_CHAIN_LIMIT; steps++) {
        const struct wp_region_stack *stack = wp_stack_at(region, unit);

        if (wp_stack_equals(stack, identity, frames))
            return unit;
        unit = stack->next;
    }
    return 0;
}

/* Carves off space for a record; 0 when there is none. */
static uint32_t
wp_stack_carve(struct wp_region_header *region, uint32_t depth)
{
    const struct wp_region_table *table = &region->tables[WP_TABLE_STACKS];
    uint64_t bytes = sizeof(struct wp_region_stack) + depth * sizeof(uint64_t);
    uint64_t units = (bytes + WP_STACK_UNIT - 1) / WP_STACK_UNIT;
    uint64_t used;

    do {
        used = wp_atomic_load_64(&region->stack_units_used);
        if (used + units > table->capacity ||
            !wp_region_reserve(region, table->offset + (used + units) * WP_STACK_UNIT))
            return 0;
    } while (!wp_atomic_cas_64(&region->stack_units_used, used, used + units));
    return (uint32_t)used;
}

/* Makes a record and publishes it at the head of its chain, unless somebody else did meanwhile:
 * then theirs serves, and ours is a hole. */
static uint32_t
wp_stack_insert(struct wp_region_header *region, uint32_t *bucket, uint32_t searched,
                const struct wp_region_stack *identity, const uint64_t *frames)
{
    uint32_t unit = wp_stack_carve(region, identity->depth);

    if (unit == 0)
        return 0;

    struct wp_region_stack *stack = wp_stack_at(region, unit);

    stack->hash = identity->hash;
    stack->depth = identity->depth;
    stack->function = identity->function;
    stack->profile = identity->profile;
    wp_stack_copy_frames(stack->frames, frames, identity->depth);
    for (;;) {
        stack->next = searched;
        /* Sequentially consistent, so a release: pairs with the acquire in wp_stack_table_intern
         * and in the reader. */
        if (wp_atomic_cas_32(bucket, searched, unit))
            return unit;

        uint32_t head = wp_atomic_load_32_acquire(bucket);
        uint32_t found = wp_stack_find(region, head, searched, identity, frames);

        if (found != 0)
            return found;
        searched = head;
    }
}

uint32_t
wp_stack_table_intern(enum wp_region_profile profile, uint16_t function, const uint64_t *frames,
                      uint32_t depth)
{
    struct wp_region_header *region = wp_region();
    const struct wp_region_table *buckets = &region->tables[WP_TABLE_BUCKETS];
    struct wp_region_stack identity = {
        .hash = (uint32_t)(wp_stack_hash(profile, function, frames, depth) >> 32),
        .depth = (uint16_t)depth,
        .function = function,
        .profile = (uint8_t)profile,
    };
    uint32_t *bucket = (uint32_t *)wp_region_rows(region, WP_TABLE_BUCKETS) +
                       wp_stack_bucket(identity.hash, buckets->capacity);
    uint32_t head = wp_atomic_load_32_acquire(bucket);
    uint32_t unit = wp_stack_find(region, head, 0, &identity, frames);

    if (unit == 0)
        unit = wp_stack_insert(region, bucket, head, &identity, frames);
    if (unit == 0) {
        wp_region_count(WP_COUNTER_lost_table_full, 1);
        unit = wp_stack_table_lost(profile, WP_SPECIAL_LOST_TABLE_FULL);
    }
    return unit;
}

void
wp_stack_table_init(void)
{
    for (uint32_t profile = WP_PROFILE_BLOCK; profile <= WP_PROFILE_MUTEX; profile++) {
        for (uint32_t code = WP_SPECIAL_LOST_TABLE_FULL; code <= WP_SPECIAL_BUDGET; code++) {
            uint64_t frame = (uint64_t)WP_FRAME_SPECIAL << WP_FRAME_MODULE_SHIFT | code;

            wp_stack_lost[profile][code] =
                wp_stack_table_intern((enum wp_region_profile)profile, 0, &frame, 1);
        }
    }
}

uint32_t
wp_stack_table_lost(enum wp_region_profile profile, enum wp_special_frame reason)
{
    return wp_stack_lost[profile][reason];
}

/* A double and its bits. */
union wp_stack_double {
    double value;
    uint64_t bits;
};

/* Adds to a double kept as bits. Bounded: under a storm of writers an addend may be dropped, which
 * only narrows an error bar. */
static void
wp_stack_add_double(uint64_t *bits, double addend)
{
    for (int tries = 0; tries < WP_STACK_DOUBLE_TRIES; tries++) {
        union wp_stack_double before = {.bits = wp_atomic_load_64(bits)};
        union wp_stack_double after = {.value = before.value + addend};

        if (wp_atomic_cas_64(bits, before.bits, after.bits))
            return;
    }
}

void
wp_stack_table_add(uint32_t unit, const struct wp_sample *sample, uint64_t now_ns)
{
    struct wp_region_stack *stack = wp_stack_at(wp_region(), unit);

    if (unit == 0)
        return;
    (void)wp_atomic_add_64(&stack->delay_ns, sample->delay_ns);
    (void)wp_atomic_add_64(&stack->contentions_fixed, sample->contentions_fixed);
    (void)wp_atomic_add_64(&stack->samples, 1);
    if (sample->variance > 0)
        wp_stack_add_double(&stack->variance_bits, sample->variance);
    wp_stack_add_double(&stack->squares_bits, sample->squares);
    wp_atomic_store_64(&stack->last_monotonic_ns, now_ns);
}
