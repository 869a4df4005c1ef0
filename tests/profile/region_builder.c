#include "profile/region_builder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 64u
#define STACK_UNIT 16u

static void
builder_require(int truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "region_builder: %s\n", what);
    abort();
}

struct wp_region_header *
region_builder_header(struct region_builder *builder)
{
    return (void *)builder->bytes;
}

void *
region_builder_rows(struct region_builder *builder, enum wp_region_table_id table)
{
    return builder->bytes + region_builder_header(builder)->tables[table].offset;
}

static uint64_t
builder_lay(struct wp_region_table *table, uint64_t offset, size_t stride, uint32_t capacity)
{
    table->offset = (uint32_t)offset;
    table->stride = (uint32_t)stride;
    table->capacity = capacity;
    return (offset + stride * capacity + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static uint32_t
builder_size(uint32_t wanted, uint32_t standard)
{
    return wanted != 0 ? wanted : standard;
}

/* Lays out the tables in the order of their ids; returns the length of the file. */
static uint64_t
builder_lay_all(struct wp_region_header *header, const struct region_builder_sizes *sizes)
{
    const struct {
        size_t stride;
        uint32_t capacity;
    } plan[WP_TABLE_COUNT] = {
        [WP_TABLE_FUNCTIONS] = {sizeof(struct wp_region_function),
                                builder_size(sizes->functions, 8)},
        [WP_TABLE_WAITS] = {(builder_size(sizes->functions, 8) * sizeof(uint64_t) + 63) & ~63ul,
                            WP_REGION_COUNTER_SHARDS},
        [WP_TABLE_PROCESSES] = {sizeof(struct wp_region_process),
                                builder_size(sizes->processes, 4)},
        [WP_TABLE_MODULES] = {sizeof(struct wp_region_module), builder_size(sizes->modules, 8)},
        [WP_TABLE_STRINGS] = {1, builder_size(sizes->string_bytes, 1024)},
        [WP_TABLE_BUCKETS] = {sizeof(uint32_t), builder_size(sizes->buckets, 16)},
        [WP_TABLE_THREADS] = {sizeof(struct wp_region_thread), builder_size(sizes->threads, 16)},
        [WP_TABLE_BUDGET] = {sizeof(struct wp_region_budget_turn), WP_REGION_BUDGET_TURNS},
        [WP_TABLE_STACKS] = {STACK_UNIT, builder_size(sizes->stack_units, 256)},
    };
    uint64_t end = 4096;

    for (unsigned id = 0; id < WP_TABLE_COUNT; id++)
        end = builder_lay(&header->tables[id], end, plan[id].stride, plan[id].capacity);
    return end;
}

void
region_builder_init(struct region_builder *builder, const struct region_builder_sizes *sizes)
{
    static const struct region_builder_sizes standard;
    static const char *const arguments[] = {"./sample", "--fast", NULL};
    struct wp_region_header plan;
    struct wp_region_header *header;

    memset(&plan, 0, sizeof plan);
    builder->size_bytes = builder_lay_all(&plan, sizes != NULL ? sizes : &standard);
    /* The header is aligned to a cache line, which calloc does not promise. */
    builder->bytes = aligned_alloc(4096, (builder->size_bytes + 4095) & ~(size_t)4095);
    builder_require(builder->bytes != NULL, "out of memory");
    memset(builder->bytes, 0, builder->size_bytes);
    header = region_builder_header(builder);
    memcpy(header->tables, plan.tables, sizeof plan.tables);
    memcpy(header->magic, WP_REGION_MAGIC, sizeof header->magic);
    header->version = WP_REGION_VERSION;
    header->header_bytes = sizeof *header;
    header->size_bytes = builder->size_bytes;
    header->allocated_bytes = builder->size_bytes;
    header->region_id = UINT64_C(0x0123456789abcdef);
    header->run_id = 77;
    header->start_realtime_ns = UINT64_C(1700000000000000000);
    header->start_monotonic_ns = UINT64_C(5000000000);
    header->start_ticks = 12345;
    header->pid = 4242;
    header->max_depth = WP_REGION_DEFAULT_DEPTH;
    header->block_rate_ns = header->base_block_rate_ns = 1;
    header->mutex_fraction = header->base_mutex_fraction = 1;
    header->rate_change_count = 1;
    header->rate_changes[0] = (struct wp_region_rate_change){
        .realtime_ns = header->start_realtime_ns, .block_rate_ns = 1, .mutex_fraction = 1};
    header->stack_units_used = 1;
    header->tables[WP_TABLE_STRINGS].count = 1;
    header->tables[WP_TABLE_FUNCTIONS].count = 1;
    header->tables[WP_TABLE_WAITS].count = WP_REGION_COUNTER_SHARDS;
    header->executable = region_builder_string(builder, "/opt/sample/bin/sample");
    header->directory = region_builder_string(builder, "/opt/sample");
    header->command = region_builder_string(builder, "sample");
    region_builder_arguments(builder, arguments);
    region_builder_process(builder, header->pid, 0);
    header->ready = 1;
}

void
region_builder_free(struct region_builder *builder)
{
    free(builder->bytes);
    builder->bytes = NULL;
}

uint32_t
region_builder_string(struct region_builder *builder, const char *text)
{
    struct wp_region_table *table = &region_builder_header(builder)->tables[WP_TABLE_STRINGS];
    uint32_t offset = table->count;
    size_t length = strlen(text) + 1;

    builder_require(offset + length <= table->capacity, "strings are full");
    memcpy((char *)region_builder_rows(builder, WP_TABLE_STRINGS) + offset, text, length);
    table->count += (uint32_t)length;
    return offset;
}

void
region_builder_arguments(struct region_builder *builder, const char *const *arguments)
{
    struct wp_region_header *header = region_builder_header(builder);

    header->arguments = header->tables[WP_TABLE_STRINGS].count;
    for (; *arguments != NULL; arguments++)
        region_builder_string(builder, *arguments);
    header->arguments_bytes = header->tables[WP_TABLE_STRINGS].count - header->arguments;
}

uint16_t
region_builder_function(struct region_builder *builder, const char *name, const char *kind,
                        uint32_t module, uint64_t vaddr)
{
    struct wp_region_table *table = &region_builder_header(builder)->tables[WP_TABLE_FUNCTIONS];
    struct wp_region_function *row = region_builder_rows(builder, WP_TABLE_FUNCTIONS);

    builder_require(table->count < table->capacity, "functions are full");
    row += table->count;
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->kind, sizeof row->kind, "%s", kind);
    row->module = module;
    row->vaddr = vaddr;
    return (uint16_t)table->count++;
}

struct wp_region_function *
region_builder_function_row(struct region_builder *builder, uint16_t function)
{
    return (struct wp_region_function *)region_builder_rows(builder, WP_TABLE_FUNCTIONS) + function;
}

uint64_t *
region_builder_waits(struct region_builder *builder, uint32_t shard, uint16_t function)
{
    const struct wp_region_table *table = &region_builder_header(builder)->tables[WP_TABLE_WAITS];
    unsigned char *row = region_builder_rows(builder, WP_TABLE_WAITS);

    builder_require(shard < table->capacity, "no such shard");
    return (uint64_t *)(void *)(row + (size_t)shard * table->stride) + function;
}

struct wp_region_module *
region_builder_module(struct region_builder *builder, uint32_t row, const char *path, uint64_t bias,
                      uint64_t text_vaddr, uint64_t text_bytes)
{
    struct wp_region_module *module = region_builder_rows(builder, WP_TABLE_MODULES);

    builder_require(row > 0 &&
                        row < region_builder_header(builder)->tables[WP_TABLE_MODULES].capacity,
                    "no such module row");
    module += row;
    module->key = UINT64_C(0x1000) + row;
    module->path = region_builder_string(builder, path);
    module->bias = bias;
    module->text_vaddr = text_vaddr;
    module->text_bytes = text_bytes;
    module->text_offset = text_vaddr;
    module->ready = 1;
    return module;
}

void
region_builder_build_id(struct wp_region_module *module, const void *bytes, size_t length)
{
    builder_require(length <= sizeof module->build_id, "build-id too long");
    memcpy(module->build_id, bytes, length);
    module->build_id_bytes = (uint32_t)length;
}

void
region_builder_process(struct region_builder *builder, uint32_t pid, uint32_t parent)
{
    struct wp_region_header *header = region_builder_header(builder);
    struct wp_region_table *table = &header->tables[WP_TABLE_PROCESSES];
    struct wp_region_process *row = region_builder_rows(builder, WP_TABLE_PROCESSES);

    builder_require(table->count < table->capacity, "processes are full");
    row += table->count++;
    row->pid = pid;
    row->parent = parent;
    row->start_monotonic_ns = header->start_monotonic_ns;
}

struct wp_region_stack *
region_builder_stack(struct region_builder *builder, uint32_t bucket,
                     enum wp_region_profile profile, uint16_t function, const uint64_t *frames,
                     uint16_t depth, struct region_builder_cost cost)
{
    struct wp_region_header *header = region_builder_header(builder);
    uint32_t *heads = region_builder_rows(builder, WP_TABLE_BUCKETS);
    struct wp_region_stack *stack;
    uint64_t unit = header->stack_units_used;
    size_t bytes = sizeof *stack + depth * sizeof frames[0];

    header->stack_units_used += (bytes + STACK_UNIT - 1) / STACK_UNIT;
    builder_require(header->stack_units_used <= header->tables[WP_TABLE_STACKS].capacity,
                    "stacks are full");
    builder_require(bucket < header->tables[WP_TABLE_BUCKETS].capacity, "no such bucket");
    stack = (void *)((unsigned char *)region_builder_rows(builder, WP_TABLE_STACKS) +
                     unit * STACK_UNIT);
    stack->depth = depth;
    stack->function = function;
    stack->profile = (uint8_t)profile;
    stack->contentions_fixed = cost.contentions_fixed;
    stack->delay_ns = cost.delay_ns;
    stack->samples = cost.samples;
    memcpy(&stack->variance_bits, &cost.variance, sizeof cost.variance);
    memcpy(&stack->squares_bits, &cost.variance, sizeof cost.variance);
    if (depth > 0)
        memcpy(stack->frames, frames, depth * sizeof frames[0]);
    stack->next = heads[bucket];
    heads[bucket] = (uint32_t)unit;
    return stack;
}

uint64_t
region_builder_frame(uint32_t module, uint64_t vaddr)
{
    return (uint64_t)module << WP_FRAME_MODULE_SHIFT | vaddr;
}

static void
builder_write_all(int fd, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(fd, bytes, length);

        builder_require(done > 0, "cannot write");
        bytes += done;
        length -= (size_t)done;
    }
}

int
region_builder_memfd(const struct region_builder *builder, size_t bytes)
{
    int fd = memfd_create("region", MFD_CLOEXEC);

    builder_require(fd >= 0, "no memfd");
    builder_write_all(fd, builder->bytes, bytes);
    return fd;
}

void
region_builder_write(const struct region_builder *builder, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    builder_require(fd >= 0, "cannot create the file");
    builder_write_all(fd, builder->bytes, builder->size_bytes);
    close(fd);
}
