#include "compare/pprof_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void *
builder_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);

    if (memory == NULL)
        abort();
    return memory;
}

/* Makes room for one more at the end of a repeated field. */
static void
builder_grow(void *items, size_t count, size_t size)
{
    void *grown;

    memcpy(&grown, items, sizeof grown);
    grown = reallocarray(grown, count + 1, size);
    if (grown == NULL)
        abort();
    memcpy(items, &grown, sizeof grown);
}

static char *
builder_copy(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        abort();
    return copy;
}

int64_t
pprof_builder_string(struct pprof_builder *builder, const char *text)
{
    Wp__Pprof__Profile *profile = builder->profile;

    builder_grow(&profile->string_table, profile->n_string_table, sizeof(char *));
    profile->string_table[profile->n_string_table] = builder_copy(text);
    return (int64_t)profile->n_string_table++;
}

void
pprof_builder_comment(struct pprof_builder *builder, const char *text)
{
    Wp__Pprof__Profile *profile = builder->profile;

    builder_grow(&profile->comment, profile->n_comment, sizeof *profile->comment);
    profile->comment[profile->n_comment++] = pprof_builder_string(builder, text);
}

void
pprof_builder_type(struct pprof_builder *builder, const char *type, const char *unit)
{
    Wp__Pprof__Profile *profile = builder->profile;
    Wp__Pprof__ValueType *value = builder_allocate(sizeof *value);

    wp__pprof__value_type__init(value);
    value->type = pprof_builder_string(builder, type);
    value->unit = pprof_builder_string(builder, unit);
    builder_grow(&profile->sample_type, profile->n_sample_type, sizeof value);
    profile->sample_type[profile->n_sample_type++] = value;
}

void
pprof_builder_init(struct pprof_builder *builder)
{
    builder->profile = builder_allocate(sizeof *builder->profile);
    wp__pprof__profile__init(builder->profile);
    pprof_builder_string(builder, "");
    pprof_builder_type(builder, "contentions", "count");
    pprof_builder_type(builder, "delay", "nanoseconds");
}

void
pprof_builder_free(struct pprof_builder *builder)
{
    wp__pprof__profile__free_unpacked(builder->profile, NULL);
}

uint64_t
pprof_builder_mapping(struct pprof_builder *builder, const char *path, uint64_t start,
                      uint64_t offset)
{
    Wp__Pprof__Profile *profile = builder->profile;
    Wp__Pprof__Mapping *mapping = builder_allocate(sizeof *mapping);

    wp__pprof__mapping__init(mapping);
    builder_grow(&profile->mapping, profile->n_mapping, sizeof mapping);
    profile->mapping[profile->n_mapping++] = mapping;
    mapping->id = profile->n_mapping;
    mapping->memory_start = start;
    mapping->memory_limit = start + 0x100000;
    mapping->file_offset = offset;
    mapping->filename = pprof_builder_string(builder, path);
    return mapping->id;
}

uint64_t
pprof_builder_function(struct pprof_builder *builder, const char *name, const char *file)
{
    Wp__Pprof__Profile *profile = builder->profile;
    Wp__Pprof__Function *function = builder_allocate(sizeof *function);

    wp__pprof__function__init(function);
    builder_grow(&profile->function, profile->n_function, sizeof function);
    profile->function[profile->n_function++] = function;
    function->id = profile->n_function;
    function->name = pprof_builder_string(builder, name);
    function->filename = pprof_builder_string(builder, file);
    return function->id;
}

uint64_t
pprof_builder_location(struct pprof_builder *builder, uint64_t mapping, uint64_t address)
{
    Wp__Pprof__Profile *profile = builder->profile;
    Wp__Pprof__Location *location = builder_allocate(sizeof *location);

    wp__pprof__location__init(location);
    builder_grow(&profile->location, profile->n_location, sizeof location);
    profile->location[profile->n_location++] = location;
    location->id = profile->n_location;
    location->mapping_id = mapping;
    location->address = address;
    return location->id;
}

void
pprof_builder_line(struct pprof_builder *builder, uint64_t location, uint64_t function,
                   int64_t line_number)
{
    Wp__Pprof__Location *at = builder->profile->location[location - 1];
    Wp__Pprof__Line *line = builder_allocate(sizeof *line);

    wp__pprof__line__init(line);
    line->function_id = function;
    line->line = line_number;
    builder_grow(&at->line, at->n_line, sizeof line);
    at->line[at->n_line++] = line;
}

uint64_t
pprof_builder_frame(struct pprof_builder *builder, const char *name)
{
    uint64_t function = pprof_builder_function(builder, name, "");
    uint64_t location = pprof_builder_location(builder, 0, 0x1000 * function);

    pprof_builder_line(builder, location, function, 0);
    return location;
}

Wp__Pprof__Sample *
pprof_builder_sample(struct pprof_builder *builder, const uint64_t *locations, size_t depth,
                     int64_t first, int64_t second)
{
    Wp__Pprof__Profile *profile = builder->profile;
    Wp__Pprof__Sample *sample = builder_allocate(sizeof *sample);

    wp__pprof__sample__init(sample);
    sample->location_id = builder_allocate(depth * sizeof *locations);
    memcpy(sample->location_id, locations, depth * sizeof *locations);
    sample->n_location_id = depth;
    sample->value = builder_allocate(2 * sizeof *sample->value);
    sample->value[0] = first;
    sample->value[1] = second;
    sample->n_value = 2;
    builder_grow(&profile->sample, profile->n_sample, sizeof sample);
    profile->sample[profile->n_sample++] = sample;
    return sample;
}

void
pprof_builder_label(struct pprof_builder *builder, Wp__Pprof__Sample *sample, const char *key,
                    const char *text)
{
    Wp__Pprof__Label *label = builder_allocate(sizeof *label);

    wp__pprof__label__init(label);
    label->key = pprof_builder_string(builder, key);
    label->str = pprof_builder_string(builder, text);
    builder_grow(&sample->label, sample->n_label, sizeof label);
    sample->label[sample->n_label++] = label;
}

struct pprof_bytes
pprof_builder_pack(const struct pprof_builder *builder)
{
    struct pprof_bytes packed = {.length = wp__pprof__profile__get_packed_size(builder->profile)};

    packed.bytes = builder_allocate(packed.length);
    wp__pprof__profile__pack(builder->profile, packed.bytes);
    return packed;
}

struct pprof_bytes
pprof_bytes_gzip(const void *bytes, size_t length)
{
    struct pprof_bytes packed = {.length = length + length / 1000 + 1024};
    z_stream zlib = {0};

    packed.bytes = builder_allocate(packed.length);
    zlib.next_in = (Bytef *)(uintptr_t)bytes;
    zlib.avail_in = (uInt)length;
    zlib.next_out = packed.bytes;
    zlib.avail_out = (uInt)packed.length;
    if (deflateInit2(&zlib, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&zlib, Z_FINISH) != Z_STREAM_END)
        abort();
    packed.length = zlib.total_out;
    deflateEnd(&zlib);
    return packed;
}
