/*
 * The program's own region, seen from within the program: did its events arrive? Only preloaded
 * runs have one. Include after expect.h, whose checks it uses.
 */
#ifndef WP_TESTS_TRANSPARENCY_EXPECT_REGION_H
#define WP_TESTS_TRANSPARENCY_EXPECT_REGION_H

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/region_format.h"
#include "expect.h"

/* What must hold of any region, whatever became of its writer. */
static inline void
expect_sane_region(const struct wp_region_header *region, size_t file_bytes)
{
    EXPECT(memcmp(region->magic, WP_REGION_MAGIC, sizeof(region->magic)) == 0);
    EXPECT_EQ(region->version, WP_REGION_VERSION);
    EXPECT_EQ(region->ready, 1);
    EXPECT(region->size_bytes <= file_bytes);
    EXPECT(region->allocated_bytes <= region->size_bytes);
    for (int i = 0; i < WP_TABLE_COUNT; i++) {
        const struct wp_region_table *table = &region->tables[i];

        EXPECT(table->offset + (uint64_t)table->stride * table->capacity <= region->size_bytes);
    }
    EXPECT(region->tables[WP_TABLE_STACKS].offset + region->stack_units_used * 16 <=
           region->allocated_bytes);
}

/* Maps the region that process `pid` made in WAITPROF_DIR; NULL when there is none. */
static inline struct wp_region_header *
expect_region_of(pid_t pid)
{
    const char *directory_path = getenv("WAITPROF_DIR");
    DIR *directory = directory_path != NULL ? opendir(directory_path) : NULL;
    struct wp_region_header *region = NULL;
    struct dirent *entry;
    char infix[32];

    snprintf(infix, sizeof(infix), ".%d.", (int)pid);
    while (directory != NULL && region == NULL && (entry = readdir(directory)) != NULL) {
        struct stat status;
        int fd;

        if (strstr(entry->d_name, infix) == NULL || strstr(entry->d_name, WP_REGION_SUFFIX) == NULL)
            continue;
        fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
        EXPECT(fd >= 0 && fstat(fd, &status) == 0);
        EXPECT((size_t)status.st_size >= sizeof(*region));
        void *mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        EXPECT(mapped != MAP_FAILED);
        region = (struct wp_region_header *)mapped;
        close(fd);
        expect_sane_region(region, (size_t)status.st_size);
    }
    if (directory != NULL)
        closedir(directory);
    return region;
}

/* This process's own region; a preloaded run without one fails. */
static inline struct wp_region_header *
expect_own_region(void)
{
    struct wp_region_header *region = expect_region_of(getpid());

    if (region == NULL)
        expect_fail(__FILE__, __LINE__, "process %d has no region in WAITPROF_DIR", (int)getpid());
    return region;
}

static inline uint64_t
expect_counter(const struct wp_region_header *region, enum wp_region_counter counter)
{
    uint64_t sum = 0;

    for (unsigned shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++)
        sum += __atomic_load_n(&region->counters[shard].value[counter], __ATOMIC_RELAXED);
    return sum;
}

/* Calls visit() with each stack in the region and the API function that is its leaf. */
static inline void
expect_each_stack(const struct wp_region_header *region,
                  void (*visit)(const struct wp_region_stack *stack, const char *function,
                                void *context),
                  void *context)
{
    const char *base = (const char *)region;
    const struct wp_region_table *buckets = &region->tables[WP_TABLE_BUCKETS];
    const uint32_t *heads = (const uint32_t *)(const void *)(base + buckets->offset);
    const struct wp_region_table *functions = &region->tables[WP_TABLE_FUNCTIONS];

    for (uint32_t bucket = 0; bucket < buckets->capacity; bucket++) {
        uint32_t unit = __atomic_load_n(&heads[bucket], __ATOMIC_ACQUIRE);

        for (int steps = 0; unit != 0 && steps < 1000000; steps++) {
            const struct wp_region_stack *stack =
                (const struct wp_region_stack
                     *)(const void *)(base + region->tables[WP_TABLE_STACKS].offset +
                                      (uint64_t)unit * 16);
            const struct wp_region_function *row =
                (const struct wp_region_function *)(const void *)(base + functions->offset +
                                                                  (uint64_t)stack->function *
                                                                      functions->stride);

            visit(stack, row->name, context);
            unit = stack->next;
        }
    }
}

struct expect_contentions_sum {
    enum wp_region_profile profile;
    const char *function;
    uint64_t fixed;
};

static inline void
expect_add_contentions(const struct wp_region_stack *stack, const char *function, void *context)
{
    struct expect_contentions_sum *sum = (struct expect_contentions_sum *)context;

    if (stack->profile == sum->profile && strcmp(function, sum->function) == 0)
        sum->fixed += __atomic_load_n(&stack->contentions_fixed, __ATOMIC_RELAXED);
}

/* The kind of events that a stack counts. */
static inline const char *
expect_kind(const struct wp_region_header *region, const struct wp_region_stack *stack)
{
    const struct wp_region_table *functions = &region->tables[WP_TABLE_FUNCTIONS];
    const char *rows = (const char *)region + functions->offset;

    return ((const struct wp_region_function *)(const void *)(rows + (size_t)stack->function *
                                                                         functions->stride))
        ->kind;
}

/* Contentions of all stacks of `profile` whose leaf is the API function `function`. */
static inline uint64_t
expect_contentions(const struct wp_region_header *region, enum wp_region_profile profile,
                   const char *function)
{
    struct expect_contentions_sum sum = {profile, function, 0};

    expect_each_stack(region, expect_add_contentions, &sum);
    return (sum.fixed + WP_REGION_COUNT_ONE / 2) / WP_REGION_COUNT_ONE;
}

#endif
