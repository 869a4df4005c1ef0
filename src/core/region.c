#include "core/region.h"

#include <errno.h>
#include <sys/mman.h>

#include "core/atomic.h"
#include "core/thread.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define WP_REGION_GROWTH_BYTES (UINT64_C(256) << 10)

/* Stands for the region until there is one: rates 0/0, tables of capacity 0. */
static struct wp_region_header wp_region_none;

struct wp_region_header *wp_region_mapped = &wp_region_none;

/* How many reasons there are. In private memory: a filter binds one process and its descendants,
 * not the family. */
static uint32_t wp_region_frozen;

void
wp_region_freeze(bool frozen)
{
    (void)wp_atomic_add_32(&wp_region_frozen, frozen ? 1 : UINT32_MAX);
}

bool
wp_region_is_frozen(void)
{
    return wp_atomic_load_32(&wp_region_frozen) != 0;
}

uint32_t
wp_region_string(struct wp_region_header *region, const char *text, size_t length)
{
    struct wp_region_table *table = &region->tables[WP_TABLE_STRINGS];
    char *strings = wp_region_rows(region, WP_TABLE_STRINGS);
    uint32_t used;

    do {
        used = wp_atomic_load_32(&table->count);
        if (length + 1 > table->capacity - used)
            return 0;
    } while (!wp_atomic_cas_32(&table->count, used, used + (uint32_t)length + 1));

    for (size_t i = 0; i < length; i++)
        strings[used + i] = text[i];
    strings[used + length] = '\0'; /* already so: the file was zero */
    return used;
}

void
wp_region_count(enum wp_region_counter counter, uint64_t amount)
{
    struct wp_region_header *region = wp_region();

    (void)wp_atomic_add_64(&region->counters[wp_thread_self()->shard].value[counter], amount);
}

void
wp_region_count_wait(uint16_t function, uint64_t stands_for)
{
    struct wp_region_header *region = wp_region();
    const struct wp_region_table *table = &region->tables[WP_TABLE_WAITS];
    uint32_t shard = wp_thread_self()->shard;

    (void)wp_atomic_add_64(&region->counters[shard].value[WP_COUNTER_waits], stands_for);
    if (__builtin_expect(stands_for > 1, 0))
        wp_region_count(WP_COUNTER_waits_passed_over, stands_for - 1);
    if (function * sizeof(uint64_t) < table->stride) {
        uint64_t *waits = (uint64_t *)((char *)wp_region_rows(region, WP_TABLE_WAITS) +
                                       (size_t)shard * table->stride);

        (void)wp_atomic_add_64(&waits[function], stands_for);
    }
}

/*
 * Makes the file's blocks for [allocated_bytes, end) before anyone touches them: where they cannot
 * be had (tmpfs full), the kernel says EFAULT here instead of SIGBUS there. Several threads may do
 * the same at once: populating twice is harmless, and allocated_bytes only grows.
 */
static bool
wp_region_allocate(struct wp_region_header *region, uint64_t end)
{
    uint64_t allocated = wp_atomic_load_64(&region->allocated_bytes);

    while (allocated < end) {
        uint64_t bytes = region->size_bytes - allocated;
        int saved = errno;

        if (bytes > WP_REGION_GROWTH_BYTES)
            bytes = WP_REGION_GROWTH_BYTES;
        int error = madvise((char *)region + allocated, bytes, MADV_POPULATE_WRITE);
        errno = saved;
        if (error != 0)
            return false;
        (void)wp_atomic_cas_64(&region->allocated_bytes, allocated, allocated + bytes);
        allocated = wp_atomic_load_64(&region->allocated_bytes);
    }
    return true;
}

bool
wp_region_reserve(struct wp_region_header *region, uint64_t end)
{
    if (end <= wp_atomic_load_64(&region->allocated_bytes))
        return true;
    if (end > region->size_bytes)
        return false;
    /* A seccomp filter may kill for madvise. */
    if (wp_region_is_frozen() || (wp_atomic_load_32(&region->flags) & WP_REGION_FLAG_FIXED) != 0)
        return false;
    if (wp_region_allocate(region, end))
        return true;
    wp_region_count(WP_COUNTER_growth_failed, 1);
    return false;
}

bool
wp_region_is_empty(const struct wp_region_header *region)
{
    uint64_t samples = 0;

    for (uint32_t shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++)
        samples += wp_atomic_load_64(&region->counters[shard].value[WP_COUNTER_block_samples]) +
                   wp_atomic_load_64(&region->counters[shard].value[WP_COUNTER_mutex_samples]);
    return samples == 0;
}

void
wp_region_set_flag(uint32_t flag)
{
    struct wp_region_header *region = wp_region();
    uint32_t flags;

    do {
        flags = wp_atomic_load_32(&region->flags);
    } while (!wp_atomic_cas_32(&region->flags, flags, flags | flag));
}
