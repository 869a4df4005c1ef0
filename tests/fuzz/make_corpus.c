/*
 * Writes the seed corpus: make_corpus DIRECTORY. The names follow the rules of replay_region.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

static const struct region_builder_sizes corpus_sizes = {.functions = 5,
                                                         .processes = 4,
                                                         .modules = 4,
                                                         .string_bytes = 512,
                                                         .buckets = 4,
                                                         .stack_units = 96};

/* Two modules, three functions, one of which is part of another, four stacks. */
static void
corpus_fill(struct region_builder *builder)
{
    uint64_t frames[] = {
        region_builder_frame(1, 0x1234),
        region_builder_frame(3, 0x2222) | WP_FRAME_EXACT,
        0x7f00deadbeef,
        region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_UNWIND_FAILED),
    };
    struct wp_region_module *module;
    uint16_t lock;
    uint16_t unlock;
    uint16_t again;

    module = region_builder_module(builder, 1, "bin/sample", 0x555500000000, 0x1000, 0x8000);
    module->is_executable = 1;
    region_builder_build_id(module, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    region_builder_module(builder, 3, "/lib/lib\xff.so", 0x7f0000000000, 0x1000, 0x2000);
    lock = region_builder_function(builder, "pthread_mutex_lock", "mutex", 3, 0x1800);
    unlock = region_builder_function(builder, "pthread_mutex_unlock", "mutex", 3, 0x1900);
    again = region_builder_function(builder, "pthread_mutex_lock", "cond.reacquire", 3, 0x1800);
    region_builder_function_row(builder, again)->part_of = lock;
    for (uint16_t function = lock; function <= again; function++)
        strcpy(region_builder_function_row(builder, function)->family, "sync");
    *region_builder_waits(builder, 3, lock) = 9;
    region_builder_stack(builder, 1, WP_PROFILE_BLOCK, again, frames, 4,
                         (struct region_builder_cost){ONE, 5000, 1, 0});
    region_builder_stack(builder, 0, WP_PROFILE_BLOCK, lock, frames, 4,
                         (struct region_builder_cost){5 * ONE / 2, 123456789, 2, 1e9});
    region_builder_stack(builder, 0, WP_PROFILE_BLOCK, lock, frames, 2,
                         (struct region_builder_cost){ONE, 1000, 1, 0});
    region_builder_stack(builder, 2, WP_PROFILE_MUTEX, unlock, frames, 3,
                         (struct region_builder_cost){ONE * 3, 4000, 3, 0});
}

/* The record that heads a bucket's chain. */
static struct wp_region_stack *
corpus_head(struct region_builder *builder, unsigned bucket)
{
    const uint32_t *heads = region_builder_rows(builder, WP_TABLE_BUCKETS);
    unsigned char *stacks = region_builder_rows(builder, WP_TABLE_STACKS);

    return (void *)(stacks + (size_t)heads[bucket] * 16);
}

/* Each case changes a filled region. Returns the length of the file to write. */
typedef size_t corpus_change(struct region_builder *builder);

static size_t
corpus_small(struct region_builder *builder)
{
    return builder->size_bytes;
}

static size_t
corpus_family(struct region_builder *builder)
{
    region_builder_process(builder, 4300, 1);
    region_builder_process(builder, 4301, 2);
    return builder->size_bytes;
}

static size_t
corpus_rates(struct region_builder *builder)
{
    struct wp_region_header *header = region_builder_header(builder);

    for (uint64_t i = 0; i < WP_REGION_RATE_CHANGES; i++)
        header->rate_changes[i] = (struct wp_region_rate_change){1000 + i, i * 10, i, 0};
    header->rate_change_count = 100;
    header->counters[3].value[WP_COUNTER_lost_table_full] = 17;
    return builder->size_bytes;
}

/* Leases that run and have run out, threads that wait and that are of no process. */
static size_t
corpus_leases_and_threads(struct region_builder *builder)
{
    struct wp_region_header *header = region_builder_header(builder);
    struct wp_region_thread *threads = region_builder_rows(builder, WP_TABLE_THREADS);

    header->lease_count = 3;
    header->leases[0] = (struct wp_region_lease){1, 1000, 5, 1};
    header->leases[1] = (struct wp_region_lease){3, UINT64_MAX, WP_REGION_RATE_UNCHANGED, 7};
    header->leases[7] = (struct wp_region_lease){2, UINT64_MAX, 0, WP_REGION_RATE_UNCHANGED};
    threads[0] = (struct wp_region_thread){UINT64_C(1) << 32 | 4242, 5, 600, 7000, 7000, 1, {0}};
    threads[9] = (struct wp_region_thread){UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 1, 9, {0}};
    threads[10] =
        (struct wp_region_thread){UINT64_C(99) << 32 | 1, 1, 2, 3, UINT64_MAX, 99999, {0}};
    return builder->size_bytes;
}

static size_t
corpus_huge_values(struct region_builder *builder)
{
    struct wp_region_stack *stack = corpus_head(builder, 0);

    stack->contentions_fixed = UINT64_MAX;
    stack->delay_ns = UINT64_MAX;
    stack->samples = UINT64_MAX;
    stack->variance_bits = UINT64_C(0x7fefffffffffffff);
    return builder->size_bytes;
}

static size_t
corpus_torn_module(struct region_builder *builder)
{
    struct wp_region_module *modules = region_builder_rows(builder, WP_TABLE_MODULES);

    modules[3].ready = 0;
    modules[3].path = 0;
    return builder->size_bytes;
}

static size_t
corpus_torn_record(struct region_builder *builder)
{
    struct wp_region_header *header = region_builder_header(builder);
    unsigned char *stacks = region_builder_rows(builder, WP_TABLE_STACKS);

    /* Space was handed out and half of a record written when the program died. */
    memset(stacks + header->stack_units_used * 16, 0xee, 40);
    header->stack_units_used += 8;
    return builder->size_bytes;
}

static size_t
corpus_torn_counts(struct region_builder *builder)
{
    struct wp_region_header *header = region_builder_header(builder);

    header->tables[WP_TABLE_PROCESSES].count = 99;
    header->stack_units_used = header->tables[WP_TABLE_STACKS].capacity + 1000u;
    return builder->size_bytes;
}

static size_t
corpus_cut_in_header(struct region_builder *builder)
{
    (void)builder;
    return 200;
}

static size_t
corpus_cut_in_half(struct region_builder *builder)
{
    return builder->size_bytes / 2;
}

static size_t
corpus_cut_by_a_byte(struct region_builder *builder)
{
    return builder->size_bytes - 1;
}

static size_t
corpus_not_ready(struct region_builder *builder)
{
    region_builder_header(builder)->ready = 0;
    return builder->size_bytes;
}

static size_t
corpus_other_version(struct region_builder *builder)
{
    region_builder_header(builder)->version = __builtin_bswap32(WP_REGION_VERSION);
    return builder->size_bytes;
}

static size_t
corpus_table_beyond(struct region_builder *builder)
{
    region_builder_header(builder)->tables[WP_TABLE_STACKS].capacity = 0x0fffffff;
    return builder->size_bytes;
}

static size_t
corpus_tables_overlap(struct region_builder *builder)
{
    struct wp_region_header *header = region_builder_header(builder);

    header->tables[WP_TABLE_STRINGS].offset = header->tables[WP_TABLE_STACKS].offset;
    return builder->size_bytes;
}

static size_t
corpus_no_string(struct region_builder *builder)
{
    region_builder_header(builder)->executable = 500;
    return builder->size_bytes;
}

static size_t
corpus_arguments(struct region_builder *builder)
{
    region_builder_header(builder)->arguments_bytes = 0x80000000u;
    return builder->size_bytes;
}

static size_t
corpus_ring(struct region_builder *builder)
{
    const uint32_t *heads = region_builder_rows(builder, WP_TABLE_BUCKETS);

    corpus_head(builder, 2)->next = heads[2];
    return builder->size_bytes;
}

static size_t
corpus_crossed_chains(struct region_builder *builder)
{
    const uint32_t *heads = region_builder_rows(builder, WP_TABLE_BUCKETS);

    corpus_head(builder, 2)->next = heads[0];
    return builder->size_bytes;
}

static size_t
corpus_deep(struct region_builder *builder)
{
    corpus_head(builder, 0)->depth = 0xffff;
    return builder->size_bytes;
}

static size_t
corpus_frame_module(struct region_builder *builder)
{
    corpus_head(builder, 0)->frames[0] = UINT64_C(0xfffe) << 48;
    return builder->size_bytes;
}

static size_t
corpus_function(struct region_builder *builder)
{
    corpus_head(builder, 2)->function = 4;
    return builder->size_bytes;
}

static size_t
corpus_build_id(struct region_builder *builder)
{
    struct wp_region_module *modules = region_builder_rows(builder, WP_TABLE_MODULES);

    modules[1].build_id_bytes = 4096;
    return builder->size_bytes;
}

static size_t
corpus_waits(struct region_builder *builder)
{
    region_builder_header(builder)->tables[WP_TABLE_WAITS].stride = 8;
    return builder->size_bytes;
}

static size_t
corpus_part_of_itself(struct region_builder *builder)
{
    region_builder_function_row(builder, 3)->part_of = 3;
    return builder->size_bytes;
}

static size_t
corpus_kind(struct region_builder *builder)
{
    memset(region_builder_function_row(builder, 1)->kind, 'k', 16);
    return builder->size_bytes;
}

static const struct {
    const char *name;
    corpus_change *change;
} corpus_cases[] = {
    {"valid-small", corpus_small},
    {"valid-family", corpus_family},
    {"valid-rates", corpus_rates},
    {"valid-leases-and-threads", corpus_leases_and_threads},
    {"valid-huge-values", corpus_huge_values},
    {"torn-module", corpus_torn_module},
    {"torn-record", corpus_torn_record},
    {"torn-counts", corpus_torn_counts},
    {"truncated-in-header", corpus_cut_in_header},
    {"truncated-in-half", corpus_cut_in_half},
    {"truncated-by-a-byte", corpus_cut_by_a_byte},
    {"hostile-not-ready", corpus_not_ready},
    {"hostile-other-version", corpus_other_version},
    {"hostile-table-beyond-the-end", corpus_table_beyond},
    {"hostile-tables-overlap", corpus_tables_overlap},
    {"hostile-no-string", corpus_no_string},
    {"hostile-arguments", corpus_arguments},
    {"hostile-ring", corpus_ring},
    {"hostile-crossed-chains", corpus_crossed_chains},
    {"hostile-depth", corpus_deep},
    {"hostile-frame-module", corpus_frame_module},
    {"hostile-function", corpus_function},
    {"hostile-build-id", corpus_build_id},
    {"hostile-waits", corpus_waits},
    {"hostile-part-of-itself", corpus_part_of_itself},
    {"hostile-kind", corpus_kind},
};

int
main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "use: make_corpus DIRECTORY\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof corpus_cases / sizeof corpus_cases[0]; i++) {
        struct region_builder builder;
        char path[4096];
        size_t bytes;

        region_builder_init(&builder, &corpus_sizes);
        corpus_fill(&builder);
        bytes = corpus_cases[i].change(&builder);
        snprintf(path, sizeof path, "%s/%s", arguments[1], corpus_cases[i].name);
        region_builder_write(&builder, path);
        if (truncate(path, (off_t)bytes) != 0) {
            perror(path);
            return 1;
        }
        region_builder_free(&builder);
    }
    return 0;
}
