#include "profile/region_copy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/region_reader.h"

#define TABLE_ALIGNMENT 64u
#define TABLE_MAX_BYTES (UINT64_C(64) << 20)
#define STACKS_MAX_BYTES (UINT64_C(1) << 30)
#define ROW_MAX_BYTES 4096u
#define FUNCTIONS_MAX 65535u

/* What a reader expects of each table, in the order of enum wp_region_table_id. An exact row is
 * one whose size never grows. */
static const struct table_rule {
    const char *name;
    uint32_t row_bytes;
    bool exact;
    uint32_t max_rows;
} table_rules[WP_TABLE_COUNT] = {
    [WP_TABLE_FUNCTIONS] = {"functions", sizeof(struct wp_region_function), false, FUNCTIONS_MAX},
    [WP_TABLE_WAITS] = {"waits", sizeof(uint64_t), false, WP_REGION_COUNTER_SHARDS},
    [WP_TABLE_PROCESSES] = {"processes", sizeof(struct wp_region_process), false, 1u << 20},
    [WP_TABLE_MODULES] = {"modules", sizeof(struct wp_region_module), false, WP_FRAME_SPECIAL},
    [WP_TABLE_STRINGS] = {"strings", 1, true, TABLE_MAX_BYTES},
    [WP_TABLE_BUCKETS] = {"buckets", sizeof(uint32_t), true, TABLE_MAX_BYTES / sizeof(uint32_t)},
    [WP_TABLE_STACKS] = {"stacks", WP_STACK_UNIT_BYTES, true,
                         STACKS_MAX_BYTES / WP_STACK_UNIT_BYTES},
    [WP_TABLE_THREADS] = {"threads", sizeof(struct wp_region_thread), false, 1u << 16},
    [WP_TABLE_BUDGET] = {"budget", sizeof(struct wp_region_budget_turn), false,
                         WP_REGION_BUDGET_TURNS},
};

int
wp_region_copy_bytes(int fd, void *to, size_t bytes, uint64_t offset)
{
    char *at = to;

    while (bytes > 0) {
        ssize_t done = pread(fd, at, bytes, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (done == 0)
            return -ENODATA;
        at += done;
        bytes -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

uint64_t
wp_region_copy_counter(const struct wp_region_header *header, enum wp_region_counter counter)
{
    uint64_t sum = 0;

    for (unsigned shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++) {
        if (__builtin_add_overflow(sum, header->counters[shard].value[counter], &sum))
            return UINT64_MAX;
    }
    return sum;
}

static uint64_t
copy_table_end(const struct wp_region_table *table)
{
    return table->offset + (uint64_t)table->stride * table->capacity;
}

/* A row of the waits holds a number of each function; it is that much longer than other rows. */
static bool
copy_has_good_rows(const struct wp_region_header *header, enum wp_region_table_id id)
{
    const struct wp_region_table *table = &header->tables[id];
    const struct table_rule *rule = &table_rules[id];

    if (id == WP_TABLE_WAITS)
        return table->stride % TABLE_ALIGNMENT == 0 &&
               table->stride <= (FUNCTIONS_MAX + 1) * rule->row_bytes &&
               table->stride / rule->row_bytes >= header->tables[WP_TABLE_FUNCTIONS].capacity;
    return table->stride >= rule->row_bytes && table->stride <= ROW_MAX_BYTES &&
           (!rule->exact || table->stride == rule->row_bytes);
}

static int
copy_check_table(const struct wp_region_header *header, enum wp_region_table_id id,
                 const char *name, struct wp_error *error)
{
    const struct wp_region_table *table = &header->tables[id];
    const struct table_rule *rule = &table_rules[id];

    if (table->offset % TABLE_ALIGNMENT != 0 || table->offset < header->header_bytes)
        return wp_error_set(error, EPROTO, "%s is damaged: its table of %s begins at byte %u", name,
                            rule->name, table->offset);
    if (!copy_has_good_rows(header, id))
        return wp_error_set(error, EPROTO, "%s is damaged: its table of %s has rows of %u bytes",
                            name, rule->name, table->stride);
    if (table->capacity == 0 || table->capacity > rule->max_rows ||
        copy_table_end(table) > header->size_bytes)
        return wp_error_set(error, EPROTO, "%s is damaged: its table of %s has room for %u rows",
                            name, rule->name, table->capacity);
    for (unsigned other = 0; other < id; other++) {
        const struct wp_region_table *before = &header->tables[other];

        if (table->offset < copy_table_end(before) && before->offset < copy_table_end(table))
            return wp_error_set(error, EPROTO, "%s is damaged: its tables of %s and %s overlap",
                                name, table_rules[other].name, rule->name);
    }
    return 0;
}

static int
copy_check_header(const struct wp_region_header *header, uint64_t file_bytes, const char *name,
                  struct wp_error *error)
{
    if (header->version == __builtin_bswap32(WP_REGION_VERSION))
        return wp_error_set(error, EPROTO, "%s was written on a machine of the other byte order",
                            name);
    if (header->version != WP_REGION_VERSION)
        return wp_error_set(error, EPROTO,
                            "%s has format version %u and this waitprof reads version %u: use the "
                            "waitprof of the same release as the library",
                            name, header->version, WP_REGION_VERSION);
    if (header->ready != 1)
        return wp_error_set(error, EAGAIN,
                            "%s is not complete: its program is just starting, or was killed then",
                            name);
    if (header->header_bytes < sizeof *header || header->header_bytes > header->size_bytes)
        return wp_error_set(error, EPROTO, "%s is damaged: header of %u bytes", name,
                            header->header_bytes);
    if (header->size_bytes > WP_READER_MAX_BYTES)
        return wp_error_set(error, EPROTO, "%s is damaged: it claims %llu bytes", name,
                            (unsigned long long)header->size_bytes);
    if (file_bytes < header->size_bytes)
        return wp_error_set(error, EPROTO, "%s is truncated: %llu of %llu bytes are left", name,
                            (unsigned long long)file_bytes, (unsigned long long)header->size_bytes);
    if (header->allocated_bytes > header->size_bytes ||
        header->allocated_bytes < header->header_bytes)
        return wp_error_set(error, EPROTO, "%s is damaged: %llu bytes allocated of %llu", name,
                            (unsigned long long)header->allocated_bytes,
                            (unsigned long long)header->size_bytes);
    if (header->max_depth > WP_REGION_MAX_DEPTH)
        return wp_error_set(error, EPROTO, "%s is damaged: stacks of %u frames", name,
                            header->max_depth);
    for (unsigned id = 0; id < WP_TABLE_COUNT; id++) {
        int result = copy_check_table(header, id, name, error);

        if (result != 0)
            return result;
    }
    return 0;
}

static int
copy_read_error(int result, const char *name, struct wp_error *error)
{
    if (result == -ENODATA)
        return wp_error_set(error, EPROTO, "%s is truncated: it ends while it is read", name);
    return wp_error_set(error, -result, "cannot read %s: %s", name, strerror(-result));
}

int
wp_region_copy_header(int fd, const char *name, struct wp_region_header *header,
                      struct wp_error *error)
{
    struct stat status;
    int result;

    if (fstat(fd, &status) != 0)
        return wp_error_set(error, errno, "cannot read %s: %s", name, strerror(errno));
    result = wp_region_copy_bytes(fd, header, sizeof *header, 0);
    if (result == -ENODATA)
        return wp_error_set(error, EPROTO, "%s is not a region: only %lld bytes long", name,
                            (long long)status.st_size);
    if (result != 0)
        return copy_read_error(result, name, error);
    if (memcmp(header->magic, WP_REGION_MAGIC, sizeof header->magic) != 0) {
        static const char zeros[sizeof header->magic];

        if (memcmp(header->magic, zeros, sizeof zeros) == 0 && header->ready == 0)
            return wp_error_set(error, EAGAIN,
                                "%s is empty: its program is just starting, or was killed then",
                                name);
        return wp_error_set(error, EPROTO, "%s is not a region of waitprof", name);
    }
    return copy_check_header(header, (uint64_t)status.st_size, name, error);
}

/* How much of a table there is to read, by a header that was read after all that refers to it. */
static size_t
copy_used_bytes(const struct wp_region_header *header, enum wp_region_table_id id)
{
    const struct wp_region_table *table = &header->tables[id];
    uint64_t rows = table->capacity;

    if (id == WP_TABLE_STACKS) {
        uint64_t allocated = header->allocated_bytes > table->offset
                                 ? (header->allocated_bytes - table->offset) / WP_STACK_UNIT_BYTES
                                 : 0;

        rows = header->stack_units_used < rows ? header->stack_units_used : rows;
        rows = allocated < rows ? allocated : rows;
    } else if (id != WP_TABLE_MODULES && id != WP_TABLE_BUCKETS && id != WP_TABLE_THREADS &&
               id != WP_TABLE_BUDGET) {
        rows = table->count < rows ? table->count : rows;
    }
    return (size_t)rows * table->stride;
}

static int
copy_table(int fd, const char *name, struct wp_region_copy *copy, enum wp_region_table_id id,
           struct wp_error *error)
{
    const struct wp_region_table *table = &copy->header.tables[id];
    size_t bytes = copy_used_bytes(&copy->header, id);
    int result;

    if (bytes > (id == WP_TABLE_STACKS ? STACKS_MAX_BYTES : TABLE_MAX_BYTES))
        return wp_error_set(error, EPROTO, "%s is damaged: its table of %s has %zu bytes", name,
                            table_rules[id].name, bytes);
    /* One byte more, zero: it ends a last string whatever the file says. */
    copy->tables[id] = malloc(bytes + 1);
    if (copy->tables[id] == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory to read %s (%zu bytes)", name, bytes);
    copy->tables[id][bytes] = '\0';
    copy->bytes[id] = bytes;
    result = wp_region_copy_bytes(fd, copy->tables[id], bytes, table->offset);
    return result == 0 ? 0 : copy_read_error(result, name, error);
}

/* Reads the header once more for its counts, which grow meanwhile. The rest must stay. */
static int
copy_refresh_header(int fd, const char *name, struct wp_region_copy *copy, struct wp_error *error)
{
    struct wp_region_header fresh;
    int result = wp_region_copy_header(fd, name, &fresh, error);

    if (result != 0)
        return result;
    for (unsigned id = 0; id < WP_TABLE_COUNT; id++) {
        if (fresh.tables[id].offset != copy->header.tables[id].offset ||
            fresh.tables[id].stride != copy->header.tables[id].stride ||
            fresh.tables[id].capacity != copy->header.tables[id].capacity)
            return wp_error_set(error, EPROTO, "%s is damaged: its tables move while it is read",
                                name);
    }
    copy->header = fresh;
    return 0;
}

int
wp_region_copy_all(int fd, const char *name, struct wp_region_copy *copy, struct wp_error *error)
{
    /* What refers to a thing is read before the thing: heads, stacks, then what stacks refer to,
     * then strings. A wait is counted before its sample, so that counts are read later. Before each
     * step the header, so that its counts cover all that was read. */
    static const enum wp_region_table_id order[] = {
        WP_TABLE_BUCKETS, WP_TABLE_STACKS,    WP_TABLE_WAITS,     WP_TABLE_THREADS, WP_TABLE_BUDGET,
        WP_TABLE_MODULES, WP_TABLE_FUNCTIONS, WP_TABLE_PROCESSES, WP_TABLE_STRINGS,
    };
    int result;

    memset(copy, 0, sizeof *copy);
    result = wp_region_copy_header(fd, name, &copy->header, error);
    for (size_t i = 0; i < sizeof order / sizeof order[0] && result == 0; i++) {
        result = copy_table(fd, name, copy, order[i], error);
        if (result == 0)
            result = copy_refresh_header(fd, name, copy, error);
    }
    if (result != 0)
        wp_region_copy_free(copy);
    return result;
}

void
wp_region_copy_free(struct wp_region_copy *copy)
{
    for (unsigned id = 0; id < WP_TABLE_COUNT; id++)
        free(copy->tables[id]);
    memset(copy, 0, sizeof *copy);
}
