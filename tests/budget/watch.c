/*
 * Looks at a region while the program writes it: a line every few milliseconds, which takes no more
 * than a hundred loads. Knows the layout from core/region_format.h alone.
 *
 *     watch DIRECTORY PERIOD_MS
 *
 * Waits for the one region of the directory; ends when its standard input does. The first line
 * names the columns. At the end, lines with the totals of the stacks of each profile and function,
 * of which one is `budget`: what the budget left without an unlocker.
 *     total PROFILE FUNCTION contentions delay_ns samples variance squares
 * and with the waits of each function.
 *     waits FUNCTION count
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/region_format.h"

#define WAIT_FOR_REGION_MS 10000

/* Columns of a line. X(name, value) */
#define COLUMNS(X)                                                                                 \
    X(time_ns, now_ns())                                                                           \
    X(block_rate_ns, region->block_rate_ns)                                                        \
    X(mutex_fraction, region->mutex_fraction)                                                      \
    X(wait_fraction, region->wait_fraction)                                                        \
    X(waits, counter(region, WP_COUNTER_waits))                                                    \
    X(waits_passed_over, counter(region, WP_COUNTER_waits_passed_over))                            \
    X(block_samples, counter(region, WP_COUNTER_block_samples))                                    \
    X(mutex_samples, counter(region, WP_COUNTER_mutex_samples))                                    \
    X(wait_unit_ns, region->budget.unit_costs[0])                                                  \
    X(sample_unit_ns, region->budget.unit_costs[1])                                                \
    X(unlock_unit_ns, region->budget.unit_costs[2])                                                \
    X(wait_cost_ns, counter(region, WP_COUNTER_wait_cost_ns))                                      \
    X(sample_cost_ns, counter(region, WP_COUNTER_sample_cost_ns))                                  \
    X(unlock_cost_ns, counter(region, WP_COUNTER_unlock_cost_ns))                                  \
    X(condition_cost_ns, counter(region, WP_COUNTER_condition_cost_ns))                            \
    X(conditions_unsplit, counter(region, WP_COUNTER_conditions_unsplit))                          \
    X(unsplit, region->budget.unsplit)                                                             \
    X(turn_count, region->budget.turn_count)

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t
counter(const volatile struct wp_region_header *region, enum wp_region_counter which)
{
    uint64_t sum = 0;

    for (unsigned shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++)
        sum += region->counters[shard].value[which];
    return sum;
}

static void
print_line(const volatile struct wp_region_header *region)
{
#define PRINT_COLUMN(name, value) printf(" %" PRIu64, (uint64_t)(value));
    COLUMNS(PRINT_COLUMN)
#undef PRINT_COLUMN
    printf("\n");
}

/* --- finding it ------------------------------------------------------------------------------- */

static bool
path_of_region(const char *directory, char *path, size_t size)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    bool found = false;

    while (listing != NULL && !found && (entry = readdir(listing)) != NULL) {
        const char *suffix = strstr(entry->d_name, WP_REGION_SUFFIX);

        if (suffix != NULL && strcmp(suffix, WP_REGION_SUFFIX) == 0) {
            (void)snprintf(path, size, "%s/%s", directory, entry->d_name);
            found = true;
        }
    }
    if (listing != NULL)
        (void)closedir(listing);
    return found;
}

/* Maps it once it is ready; NULL if it is not (yet). */
static const struct wp_region_header *
map_region(const char *directory)
{
    char path[4096];
    struct stat status;
    const volatile struct wp_region_header *region;
    void *mapped = MAP_FAILED;
    int file;

    if (!path_of_region(directory, path, sizeof path))
        return NULL;
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && (size_t)status.st_size > sizeof(*region))
        mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, file, 0);
    (void)close(file);
    region = mapped;
    if (mapped == MAP_FAILED || region->ready != 1 || region->size_bytes > (uint64_t)status.st_size)
        return NULL;
    if (region->version == WP_REGION_VERSION)
        return mapped;
    fprintf(stderr, "watch: %s is of version %u\n", path, region->version);
    exit(1);
}

/* --- totals ----------------------------------------------------------------------------------- */

struct totals {
    double contentions, variance, squares;
    uint64_t delay_ns, samples;
};

/* Of each profile, by function; what was not attributed for want of budget behind the last. */
#define MAX_FUNCTIONS 1024
static struct totals totals[WP_PROFILE_MUTEX + 1][MAX_FUNCTIONS + 1];

static double
double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void
add_stack(const struct wp_region_stack *stack)
{
    const uint64_t budget = (uint64_t)WP_FRAME_SPECIAL << WP_FRAME_MODULE_SHIFT | WP_SPECIAL_BUDGET;
    bool is_budget = stack->depth > 0 && stack->frames[0] == budget;
    struct totals *sum =
        &totals[stack->profile][is_budget ? MAX_FUNCTIONS : stack->function % MAX_FUNCTIONS];

    sum->contentions += (double)stack->contentions_fixed / WP_REGION_COUNT_ONE;
    sum->delay_ns += stack->delay_ns;
    sum->samples += stack->samples;
    sum->variance += double_of(stack->variance_bits);
    sum->squares += double_of(stack->squares_bits);
}

static void
add_stacks(const struct wp_region_header *region)
{
    const char *base = (const char *)region;
    const char *stacks = base + region->tables[WP_TABLE_STACKS].offset;
    const uint32_t *heads = (const void *)(base + region->tables[WP_TABLE_BUCKETS].offset);

    for (uint32_t i = 0; i < region->tables[WP_TABLE_BUCKETS].capacity; i++) {
        for (uint32_t unit = heads[i]; unit != 0;) {
            const struct wp_region_stack *stack = (const void *)(stacks + (size_t)unit * 16);

            if (stack->profile == WP_PROFILE_BLOCK || stack->profile == WP_PROFILE_MUTEX)
                add_stack(stack);
            unit = stack->next;
        }
    }
}

static void
print_totals(const struct wp_region_header *region)
{
    static const char *const profiles[] = {NULL, "block", "mutex"};
    const struct wp_region_table *table = &region->tables[WP_TABLE_FUNCTIONS];
    const struct wp_region_function *functions =
        (const void *)((const char *)region + table->offset);

    for (unsigned profile = WP_PROFILE_BLOCK; profile <= WP_PROFILE_MUTEX; profile++) {
        for (unsigned i = 0; i <= MAX_FUNCTIONS; i++) {
            const struct totals *sum = &totals[profile][i];

            if (sum->samples != 0)
                printf("total %s %s %.3f %" PRIu64 " %" PRIu64 " %.9g %.9g\n", profiles[profile],
                       i == MAX_FUNCTIONS ? "budget"
                       : i < table->count ? functions[i].name
                                          : "-",
                       sum->contentions, sum->delay_ns, sum->samples, sum->variance, sum->squares);
        }
    }
}

/* The waits that each function made, of whatever part of it. */
static void
print_waits(const struct wp_region_header *region)
{
    const char *base = (const char *)region;
    const struct wp_region_table *waits = &region->tables[WP_TABLE_WAITS];
    const struct wp_region_function *functions =
        (const void *)(base + region->tables[WP_TABLE_FUNCTIONS].offset);

    for (uint32_t i = 1; i < region->tables[WP_TABLE_FUNCTIONS].count; i++) {
        uint64_t sum = 0;

        for (uint32_t shard = 0; shard < waits->capacity; shard++) {
            const uint64_t *row =
                (const void *)(base + waits->offset + (size_t)shard * waits->stride);

            sum += row[i];
        }
        if (sum != 0)
            printf("waits %s %" PRIu64 "\n", functions[i].name, sum);
    }
}

int
main(int argc, char **argv)
{
    const struct wp_region_header *region = NULL;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int period_ms = argc == 3 ? atoi(argv[2]) : 0;

    if (period_ms <= 0) {
        fprintf(stderr, "usage: watch DIRECTORY PERIOD_MS\n");
        return 2;
    }
    for (int waited_ms = 0; region == NULL && waited_ms < WAIT_FOR_REGION_MS; waited_ms++) {
        region = map_region(argv[1]);
        if (region == NULL)
            (void)poll(NULL, 0, 1);
    }
    if (region == NULL) {
        fprintf(stderr, "watch: no region in %s\n", argv[1]);
        return 1;
    }
#define PRINT_NAME(name, value) printf(" " #name);
    COLUMNS(PRINT_NAME)
#undef PRINT_NAME
    printf("\n");
    do {
        print_line(region);
    } while (poll(&input, 1, period_ms) == 0);
    print_line(region);
    add_stacks(region);
    print_totals(region);
    print_waits(region);
    return 0;
}
