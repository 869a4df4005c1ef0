#include "region_fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/process.h"
#include "core/stack_table.h"
#include "core/thread.h"

#define FIXTURE_SEED 20261122u

static struct wp_region_header *fixture_none;
static char fixture_directory[PATH_MAX];

struct wp_region_request
region_fixture_request(const char *directory, uint64_t size_bytes)
{
    static char program[] = "program", option[] = "--option";
    static char *arguments[] = {program, option, NULL};

    return (struct wp_region_request){
        .waitprof_dir = directory,
        .command = "program",
        .executable = "/usr/bin/program",
        .directory = "/srv",
        .arguments = arguments,
        .size_bytes = size_bytes,
        .max_depth = WP_REGION_DEFAULT_DEPTH,
        .functions = 8,
    };
}

void
region_fixture_make_directory(char *path)
{
    const char *parent = getenv("TMPDIR");

    if (parent == NULL || parent[0] != '/')
        parent = P_tmpdir;
    if (snprintf(path, PATH_MAX, "%s/wp-test-XXXXXX", parent) >= PATH_MAX ||
        mkdtemp(path) == NULL) {
        perror("mkdtemp");
        abort();
    }
}

static int
fixture_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void
region_fixture_remove_directory(const char *path)
{
    (void)nftw(path, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

struct wp_region_header *
region_fixture_open(uint64_t size_bytes)
{
    char path[PATH_MAX];

    region_fixture_make_directory(fixture_directory);

    struct wp_region_request request = region_fixture_request(fixture_directory, size_bytes);
    struct wp_region_header *region = wp_region_create(&request, path);

    if (region == NULL || strncmp(path, fixture_directory, strlen(fixture_directory)) != 0)
        return NULL;
    if (fixture_none == NULL)
        fixture_none = wp_region_mapped;
    wp_region_mapped = region;
    wp_process_init(FIXTURE_SEED);
    wp_stack_table_init();
    return region;
}

void
region_fixture_close(void)
{
    struct wp_region_header *region = wp_region_mapped;

    wp_region_mapped = fixture_none;
    wp_thread_state.row = NULL; /* it lies in what is unmapped now */
    (void)munmap(region, region->size_bytes);
    region_fixture_remove_directory(fixture_directory);
}

uint64_t
region_fixture_counter(enum wp_region_counter counter)
{
    uint64_t sum = 0;

    for (uint32_t shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++)
        sum += wp_region()->counters[shard].value[counter];
    return sum;
}

const struct wp_region_stack *
region_fixture_stack(uint32_t unit)
{
    return (const struct wp_region_stack *)((char *)wp_region_rows(wp_region(), WP_TABLE_STACKS) +
                                            (size_t)unit * 16);
}

uint64_t
region_fixture_special(enum wp_special_frame special)
{
    return (uint64_t)WP_FRAME_SPECIAL << WP_FRAME_MODULE_SHIFT | (uint64_t)special;
}

/* One chain. The bound on its length is the number of records that fit into the table. */
static bool
fixture_add_up_chain(uint32_t bucket, enum wp_region_profile profile,
                     struct region_fixture_totals *totals)
{
    struct wp_region_header *region = wp_region();
    const uint32_t *heads = wp_region_rows(region, WP_TABLE_BUCKETS);
    uint64_t used = region->stack_units_used;
    uint64_t left = used / (sizeof(struct wp_region_stack) / 16) + 1;

    for (uint32_t unit = heads[bucket]; unit != 0; left--) {
        const struct wp_region_stack *stack = region_fixture_stack(unit);
        uint64_t units = (sizeof(*stack) + stack->depth * sizeof(uint64_t) + 15) / 16;

        if (left == 0 || unit + units > used ||
            ((uint64_t)stack->hash * region->tables[WP_TABLE_BUCKETS].capacity >> 32) != bucket) {
            fprintf(stderr, "bucket %u: broken at unit %u\n", bucket, unit);
            return false;
        }
        if (stack->profile == profile) {
            totals->records++;
            totals->contentions_fixed += stack->contentions_fixed;
            totals->delay_ns += stack->delay_ns;
            totals->samples += stack->samples;
        }
        unit = stack->next;
    }
    return true;
}

bool
region_fixture_add_up(enum wp_region_profile profile, struct region_fixture_totals *totals)
{
    uint32_t buckets = wp_region()->tables[WP_TABLE_BUCKETS].capacity;

    *totals = (struct region_fixture_totals){0};
    for (uint32_t bucket = 0; bucket < buckets; bucket++)
        if (!fixture_add_up_chain(bucket, profile, totals))
            return false;
    return true;
}

int
region_fixture_open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        (void)closedir(directory);
    return count;
}
