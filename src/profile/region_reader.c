#include "profile/region_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/clock.h"
#include "profile/keyset.h"
#include "profile/procfs.h"
#include "profile/region_clock.h"
#include "profile/region_copy.h"
#include "profile/region_rates.h"

/* Frames that name what is missing may follow the program's own. */
#define DEPTH_LIMIT (WP_REGION_MAX_DEPTH + 8u)

const struct wp_reader_counter wp_reader_counters[WP_COUNTER_COUNT] = {
#define READER_COUNTER(name, text) {#name, text},
    WP_REGION_COUNTERS(READER_COUNTER)
#undef READER_COUNTER
};

/* A snapshot together with the memory that its fields point into. */
struct reader {
    struct wp_snapshot snapshot; /* first: what the user holds */
    struct wp_region_copy copy;
    int64_t ahead_ns; /* by how much the region's clock is ahead of ours */
    struct wp_arena arena;
    const char *name; /* only while it is being made */
    struct wp_error *error;
};

static int
reader_no_memory(const struct reader *reader)
{
    return wp_error_set(reader->error, ENOMEM, "not enough memory to read %s", reader->name);
}

/* A time of the region by our clock, so that nothing that uses a snapshot knows two. */
static uint64_t
reader_time(const struct reader *reader, uint64_t region_ns)
{
    return wp_region_clock_to_ours(region_ns, reader->ahead_ns);
}

/* The string at `offset`, checked to end inside the table. */
static int
reader_string(const struct reader *reader, uint32_t offset, const char *what, const char **text)
{
    const char *strings = reader->copy.tables[WP_TABLE_STRINGS];
    size_t bytes = reader->copy.bytes[WP_TABLE_STRINGS];

    *text = "";
    if (offset == 0)
        return 0;
    if (offset >= bytes || memchr(strings + offset, '\0', bytes - offset) == NULL)
        return wp_error_set(reader->error, EPROTO,
                            "%s is damaged: %s is no string (byte %u of %zu)", reader->name, what,
                            offset, bytes);
    *text = strings + offset;
    return 0;
}

static int
reader_arguments(struct reader *reader)
{
    const struct wp_region_header *header = &reader->copy.header;
    const char *strings = reader->copy.tables[WP_TABLE_STRINGS];
    size_t bytes = reader->copy.bytes[WP_TABLE_STRINGS];
    const char *at = strings + header->arguments;
    const char **arguments;
    size_t count = 0;

    if (header->arguments == 0 || header->arguments_bytes == 0) {
        at = strings;
    } else {
        if (header->arguments >= bytes || header->arguments_bytes > bytes - header->arguments ||
            at[header->arguments_bytes - 1] != '\0')
            return wp_error_set(reader->error, EPROTO,
                                "%s is damaged: its arguments are no strings", reader->name);
        for (uint32_t i = 0; i < header->arguments_bytes; i++)
            count += at[i] == '\0';
    }
    arguments = wp_arena_take(&reader->arena, (count + 1) * sizeof *arguments);
    if (arguments == NULL)
        return reader_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        arguments[i] = at;
        at += strlen(at) + 1;
    }
    reader->snapshot.arguments = arguments;
    reader->snapshot.argument_count = count;
    return 0;
}

static int
reader_header(struct reader *reader)
{
    const struct wp_region_header *header = &reader->copy.header;
    struct wp_snapshot *snapshot = &reader->snapshot;
    int result;

    snapshot->region_id = header->region_id;
    snapshot->run_id = header->run_id;
    snapshot->start_realtime_ns = header->start_realtime_ns;
    snapshot->start_monotonic_ns = reader_time(reader, header->start_monotonic_ns);
    snapshot->start_ticks = header->start_ticks;
    snapshot->pid = header->pid;
    snapshot->uid = header->uid;
    snapshot->flags = header->flags;
    snapshot->max_depth = header->max_depth;
    snapshot->size_bytes = header->size_bytes;
    snapshot->allocated_bytes = header->allocated_bytes;
    snapshot->stack_bytes_used = reader->copy.bytes[WP_TABLE_STACKS];
    snapshot->stack_bytes_capacity =
        (uint64_t)header->tables[WP_TABLE_STACKS].capacity * WP_STACK_UNIT_BYTES;
    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++)
        snapshot->counters[i] = wp_region_copy_counter(header, i);
    wp_region_rates_read(header, reader->ahead_ns, snapshot);
    result =
        reader_string(reader, header->executable, "the executable's path", &snapshot->executable);
    if (result == 0)
        result = reader_string(reader, header->directory, "the directory", &snapshot->directory);
    if (result == 0)
        result = reader_string(reader, header->command, "the command", &snapshot->command);
    return result == 0 ? reader_arguments(reader) : result;
}

/* Copies a text field of fixed size, which must end in NUL, into the arena. */
static const char *
reader_field(struct reader *reader, const char *field, size_t size)
{
    size_t length = strnlen(field, size);

    return length < size ? wp_arena_string(&reader->arena, field, length) : NULL;
}

/* The same for a name that people type: one that could do harm on a terminal is none. */
static const char *
reader_word(struct reader *reader, const char *field, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *word = reader_field(reader, field, size);

    return word != NULL && word[strspn(word, letters)] == '\0' ? word : NULL;
}

/* The waits of a function, summed over the shards and kept at the maximum instead of wrapping. */
static uint64_t
reader_waits(const struct reader *reader, size_t function)
{
    size_t stride = reader->copy.header.tables[WP_TABLE_WAITS].stride;
    const char *shard = reader->copy.tables[WP_TABLE_WAITS];
    const char *end = shard + reader->copy.bytes[WP_TABLE_WAITS];
    uint64_t sum = 0;

    for (; shard < end; shard += stride) {
        uint64_t waits;

        memcpy(&waits, shard + function * sizeof waits, sizeof waits);
        if (__builtin_add_overflow(sum, waits, &sum))
            return UINT64_MAX;
    }
    return sum;
}

/* False: out of memory, or the row is damaged. */
static bool
reader_function(struct reader *reader, const struct wp_region_function *row, size_t number,
                struct wp_reader_function *function)
{
    function->name = reader_field(reader, row->name, sizeof row->name);
    function->kind = reader_word(reader, row->kind, sizeof row->kind);
    function->family = reader_word(reader, row->family, sizeof row->family);
    function->version = reader_field(reader, row->version, sizeof row->version);
    function->flags = row->flags;
    function->part_of = row->part_of;
    function->module = row->module;
    function->vaddr = row->vaddr;
    function->waits = reader_waits(reader, number);
    return function->name != NULL && function->kind != NULL && function->family != NULL &&
           function->version != NULL && (number == 0 || function->name[0] != '\0') &&
           (row->part_of == 0 || row->part_of < number) && row->vaddr <= WP_FRAME_ADDRESS_MASK &&
           row->module < reader->copy.header.tables[WP_TABLE_MODULES].capacity;
}

static int
reader_functions(struct reader *reader)
{
    size_t stride = reader->copy.header.tables[WP_TABLE_FUNCTIONS].stride;
    size_t count = reader->copy.bytes[WP_TABLE_FUNCTIONS] / stride;
    struct wp_reader_function *functions =
        wp_arena_take(&reader->arena, (count + 1) * sizeof *functions);

    if (functions == NULL)
        return reader_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        struct wp_region_function row;

        memcpy(&row, reader->copy.tables[WP_TABLE_FUNCTIONS] + i * stride, sizeof row);
        if (!reader_function(reader, &row, i, &functions[i]))
            return wp_error_set(reader->error, EPROTO, "%s is damaged: row %zu of its functions",
                                reader->name, i);
    }
    reader->snapshot.functions = functions;
    reader->snapshot.function_count = count;
    return 0;
}

static int
reader_processes(struct reader *reader)
{
    size_t stride = reader->copy.header.tables[WP_TABLE_PROCESSES].stride;
    size_t count = reader->copy.bytes[WP_TABLE_PROCESSES] / stride;
    struct wp_reader_process *processes =
        wp_arena_take(&reader->arena, (count + 1) * sizeof *processes);

    if (processes == NULL)
        return reader_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        struct wp_region_process row;

        memcpy(&row, reader->copy.tables[WP_TABLE_PROCESSES] + i * stride, sizeof row);
        if (row.pid > INT32_MAX ||
            row.parent > reader->copy.header.tables[WP_TABLE_PROCESSES].capacity)
            return wp_error_set(reader->error, EPROTO, "%s is damaged: row %zu of its processes",
                                reader->name, i);
        processes[i].pid = row.pid;
        processes[i].parent = row.parent;
        processes[i].start_monotonic_ns = reader_time(reader, row.start_monotonic_ns);
    }
    reader->snapshot.processes = processes;
    reader->snapshot.process_count = count;
    return 0;
}

/* Threads of processes that are not listed, and functions that are none, are as the row says: what
 * a killed thread left behind is no damage. */
static int
reader_threads(struct reader *reader)
{
    size_t stride = reader->copy.header.tables[WP_TABLE_THREADS].stride;
    size_t rows = reader->copy.bytes[WP_TABLE_THREADS] / stride;
    struct wp_reader_thread *threads = wp_arena_take(&reader->arena, (rows + 1) * sizeof *threads);
    size_t count = 0;

    if (threads == NULL)
        return reader_no_memory(reader);
    for (size_t i = 0; i < rows; i++) {
        struct wp_region_thread row;

        memcpy(&row, reader->copy.tables[WP_TABLE_THREADS] + i * stride, sizeof row);
        if (row.key >> 32 == 0 || (uint32_t)row.key > INT32_MAX)
            continue;
        threads[count++] = (struct wp_reader_thread){
            .tid = (uint32_t)row.key,
            .process = (uint32_t)(row.key >> 32) - 1,
            .waits = row.waits,
            .waited_ns = row.waited_ns,
            .last_monotonic_ns = reader_time(reader, row.last_monotonic_ns),
            .waiting_since_ns = reader_time(reader, row.waiting_since_ns),
            .waiting_function = row.waiting_function < reader->snapshot.function_count
                                    ? (uint16_t)row.waiting_function
                                    : 0,
        };
    }
    reader->snapshot.threads = threads;
    reader->snapshot.thread_count = count;
    return 0;
}

static int
reader_module(struct reader *reader, const struct wp_region_module *row, size_t number,
              struct wp_reader_module *module)
{
    int result;

    module->path = "";
    if (row->key == 0 || row->ready != 1)
        return 0;
    if (row->build_id_bytes > sizeof row->build_id || number == 0 ||
        row->text_bytes > WP_FRAME_ADDRESS_MASK || row->text_vaddr > WP_FRAME_ADDRESS_MASK)
        return wp_error_set(reader->error, EPROTO, "%s is damaged: row %zu of its modules",
                            reader->name, number);
    result = reader_string(reader, row->path, "a module's path", &module->path);
    if (result != 0)
        return result;
    module->known = true;
    module->is_executable = row->is_executable == 1;
    module->age = row->path;
    module->bias = row->bias;
    module->text_vaddr = row->text_vaddr;
    module->text_bytes = row->text_bytes;
    module->text_offset = row->text_offset;
    module->build_id_bytes = row->build_id_bytes;
    memcpy(module->build_id, row->build_id, row->build_id_bytes);
    return 0;
}

static int
reader_modules(struct reader *reader)
{
    size_t stride = reader->copy.header.tables[WP_TABLE_MODULES].stride;
    size_t count = reader->copy.bytes[WP_TABLE_MODULES] / stride;
    struct wp_reader_module *modules = wp_arena_take(&reader->arena, (count + 1) * sizeof *modules);

    if (modules == NULL)
        return reader_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        struct wp_region_module row;
        int result;

        memcpy(&row, reader->copy.tables[WP_TABLE_MODULES] + i * stride, sizeof row);
        result = reader_module(reader, &row, i, &modules[i]);
        if (result != 0)
            return result;
    }
    reader->snapshot.modules = modules;
    reader->snapshot.module_count = count;
    return 0;
}

/*
 * The records of stacks: first found by their chains, then checked and taken over in the order in
 * which they lie, which is how memory is read fast. A chain that comes to where another was is
 * damage, so that the walk ends after so many steps; so are two records that overlap.
 */
struct reader_walk {
    struct reader *reader;
    unsigned char *starts; /* one byte a unit: 1 where a record begins */
    size_t unit_count;
    size_t count; /* records found */
};

static int
reader_bad_stack(const struct reader_walk *walk, uint32_t unit, const char *reason)
{
    return wp_error_set(walk->reader->error, EPROTO, "%s is damaged: stack at unit %u of %zu: %s",
                        walk->reader->name, unit, walk->unit_count, reason);
}

static bool
reader_is_frame(const struct reader *reader, uint64_t frame)
{
    uint64_t module = frame >> WP_FRAME_MODULE_SHIFT;
    uint64_t address = frame & WP_FRAME_ADDRESS_MASK;

    if (module != WP_FRAME_SPECIAL)
        return module < reader->snapshot.module_count;
#define READER_IS_SPECIAL(code, name, text) || address == (code)
    return false WP_SPECIAL_FRAMES(READER_IS_SPECIAL);
#undef READER_IS_SPECIAL
}

static const struct wp_region_stack *
reader_record(const struct reader_walk *walk, size_t unit)
{
    return (const void *)(walk->reader->copy.tables[WP_TABLE_STACKS] + unit * WP_STACK_UNIT_BYTES);
}

static size_t
reader_record_units(const struct wp_region_stack *record)
{
    size_t bytes = sizeof *record + record->depth * sizeof record->frames[0];

    return (bytes + WP_STACK_UNIT_BYTES - 1) / WP_STACK_UNIT_BYTES;
}

/* Checks all of a record but its frames, which are further away. */
static int
reader_check_stack(const struct reader_walk *walk, uint32_t unit,
                   const struct wp_region_stack *record)
{
    if (record->depth > DEPTH_LIMIT)
        return reader_bad_stack(walk, unit, "too many frames");
    if (reader_record_units(record) > walk->unit_count - unit)
        return reader_bad_stack(walk, unit, "it ends behind the last");
    if (record->profile != WP_PROFILE_BLOCK && record->profile != WP_PROFILE_MUTEX)
        return reader_bad_stack(walk, unit, "it belongs to no profile");
    if (record->function >= walk->reader->snapshot.function_count)
        return reader_bad_stack(walk, unit, "its function is not in the table");
    if (record->depth == 0 && record->function == 0)
        return reader_bad_stack(walk, unit, "it has neither function nor frames");
    if (walk->starts[unit] != 0)
        return reader_bad_stack(walk, unit, "it overlaps another, or its chain is a ring");
    return 0;
}

/* The rows of the ring, the oldest first. One whose time is 0 is just being written. */
static void
reader_budget_turns(struct reader *reader)
{
    const struct wp_region_header *header = &reader->copy.header;
    size_t stride = header->tables[WP_TABLE_BUDGET].stride;
    size_t rows = reader->copy.bytes[WP_TABLE_BUDGET] / stride;
    uint64_t written = header->budget.turn_count;
    struct wp_snapshot *snapshot = &reader->snapshot;

    for (size_t i = 0; i < rows; i++) {
        struct wp_region_budget_turn row;

        memcpy(&row, reader->copy.tables[WP_TABLE_BUDGET] + (written + i) % rows * stride,
               sizeof row);
        if (row.realtime_ns == 0)
            continue;
        snapshot->budget_turns[snapshot->budget_turns_known++] = (struct wp_reader_budget_turn){
            .realtime_ns = row.realtime_ns,
            .span_ns = row.span_ns,
            .block_rate_ns = row.block_rate_ns,
            .mutex_fraction = row.mutex_fraction,
            .wait_fraction = row.wait_fraction > 1 ? row.wait_fraction : 1,
            .cost_ns = row.cost_ns,
            .waits = row.waits,
            .samples = row.samples,
            .is_unsplit = row.unsplit != 0,
        };
    }
}

static double
reader_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return isfinite(value) && value > 0 ? value : 0;
}

/* Marks the records of one chain, from its head on. */
static int
reader_chain(struct reader_walk *walk, uint32_t unit)
{
    while (unit != 0) {
        const struct wp_region_stack *record;
        int result;

        if (unit >= walk->unit_count ||
            walk->unit_count - unit < sizeof(struct wp_region_stack) / WP_STACK_UNIT_BYTES)
            return reader_bad_stack(walk, unit, "it lies behind the last");
        record = reader_record(walk, unit);
        result = reader_check_stack(walk, unit, record);
        if (result != 0)
            return result;
        walk->starts[unit] = 1;
        walk->count++;
        unit = record->next;
    }
    return 0;
}

/* Takes the marked records over into `stacks`, which has room for them. */
static int
reader_take_stacks(const struct reader_walk *walk, struct wp_reader_stack *stacks)
{
    const unsigned char *starts = walk->starts;
    size_t end = 0; /* of the record before */

    for (size_t i = 0, unit = 0; i < walk->count; i++, unit++) {
        const struct wp_region_stack *record;

        unit += (size_t)((const unsigned char *)memchr(starts + unit, 1, walk->unit_count - unit) -
                         (starts + unit));
        record = reader_record(walk, unit);
        if (unit < end)
            return reader_bad_stack(walk, (uint32_t)unit, "it overlaps another");
        for (unsigned frame = 0; frame < record->depth; frame++) {
            if (!reader_is_frame(walk->reader, record->frames[frame]))
                return reader_bad_stack(walk, (uint32_t)unit, "a frame names no module");
        }
        end = unit + reader_record_units(record);
        stacks[i] = (struct wp_reader_stack){
            .frames = record->frames,
            .depth = record->depth,
            .function = record->function,
            .profile = record->profile,
            .contentions_fixed = record->contentions_fixed,
            .delay_ns = record->delay_ns,
            .samples = record->samples,
            .variance = reader_double(record->variance_bits),
            .squares =
                fmax(reader_double(record->squares_bits), reader_double(record->variance_bits)),
            .last_monotonic_ns = reader_time(walk->reader, record->last_monotonic_ns),
        };
    }
    return 0;
}

static int
reader_stacks(struct reader *reader)
{
    const uint32_t *heads = (const void *)reader->copy.tables[WP_TABLE_BUCKETS];
    size_t head_count = reader->copy.bytes[WP_TABLE_BUCKETS] / sizeof *heads;
    struct reader_walk walk = {
        .reader = reader,
        .unit_count = reader->copy.bytes[WP_TABLE_STACKS] / WP_STACK_UNIT_BYTES,
    };
    struct wp_reader_stack *stacks;
    int result = 0;

    walk.starts = calloc(walk.unit_count + 1, 1);
    if (walk.starts == NULL)
        return reader_no_memory(reader);
    for (size_t i = 0; i < head_count && result == 0; i++)
        result = reader_chain(&walk, heads[i]);
    if (result == 0) {
        stacks = calloc(walk.count + 1, sizeof *stacks);
        reader->snapshot.stacks = stacks;
        reader->snapshot.stack_count = walk.count;
        result = stacks != NULL ? reader_take_stacks(&walk, stacks) : reader_no_memory(reader);
    }
    free(walk.starts);
    return result;
}

/* `is_live`: the program may run, so that its clock may be asked for. */
static int
reader_read(int fd, const char *name, bool is_live, struct wp_snapshot **snapshot,
            struct wp_error *error)
{
    /* It holds a region's header, which is aligned more than calloc promises. */
    struct reader *reader = aligned_alloc(_Alignof(struct reader), sizeof *reader);
    int result;

    *snapshot = NULL;
    if (reader == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory to read %s", name);
    memset(reader, 0, sizeof *reader);
    reader->name = name;
    reader->error = error;
    /* Before the copy: a sample later than this is part of the next delta. */
    reader->snapshot.read_realtime_ns = wp_clock_ns(CLOCK_REALTIME);
    reader->snapshot.read_monotonic_ns = wp_clock_ns(CLOCK_MONOTONIC);
    result = wp_region_copy_all(fd, name, &reader->copy, error);
    if (result == 0) {
        if (is_live)
            reader->ahead_ns = wp_region_clock_ahead_ns(fd, &reader->copy.header);
        result = reader_header(reader);
    }
    if (result == 0)
        result = reader_modules(reader);
    if (result == 0)
        result = reader_functions(reader);
    if (result == 0)
        result = reader_processes(reader);
    if (result == 0)
        result = reader_threads(reader);
    if (result == 0)
        result = reader_stacks(reader);
    if (result == 0)
        reader_budget_turns(reader);
    if (result != 0) {
        wp_snapshot_free(&reader->snapshot);
        return result;
    }
    *snapshot = &reader->snapshot;
    return 0;
}

int
wp_reader_read(int fd, const char *name, struct wp_snapshot **snapshot, struct wp_error *error)
{
    return reader_read(fd, name, false, snapshot, error);
}

int
wp_reader_read_place(int fd, const struct wp_region_place *place, struct wp_snapshot **snapshot,
                     struct wp_error *error)
{
    int result = reader_read(fd, place->path, true, snapshot, error);

    if (result == 0)
        (*snapshot)->place = *place;
    return result;
}

int
wp_reader_open(const struct wp_region_place *place, struct wp_snapshot **snapshot,
               struct wp_error *error)
{
    int fd = wp_region_place_open(place, O_RDONLY, error);
    int result;

    *snapshot = NULL;
    if (fd < 0)
        return fd;
    result = wp_reader_read_place(fd, place, snapshot, error);
    close(fd);
    return result;
}

void
wp_snapshot_free(struct wp_snapshot *snapshot)
{
    /* The snapshot is the first member of what was allocated. */
    struct reader *reader = (struct reader *)snapshot;

    if (reader == NULL)
        return;
    free((void *)(uintptr_t)snapshot->stacks);
    wp_region_copy_free(&reader->copy);
    wp_arena_free(&reader->arena);
    free(reader);
}
