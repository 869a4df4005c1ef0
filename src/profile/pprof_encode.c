#include "profile/pprof_encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/comments.h"
#include "profile/encode_rows.h"
#include "profile/keyset.h"
#include "profile/pprof_write.h"
#include "profile/symbol_name.h"

#include "profile.pb-c.h"

#define VALUE_COUNT 2u

typedef Wp__Pprof__Profile pprof_profile;
typedef Wp__Pprof__Sample pprof_sample;
typedef Wp__Pprof__Label pprof_label;
typedef Wp__Pprof__Mapping pprof_mapping;
typedef Wp__Pprof__Location pprof_location;
typedef Wp__Pprof__Line pprof_line;
typedef Wp__Pprof__Function pprof_function;
typedef Wp__Pprof__ValueType pprof_value_type;

/* The message being made. Everything that it points to is in the arena or in the sets. */
struct pprof_maker {
    const struct wp_profile *profile;
    const struct wp_symbols *symbols;
    const struct wp_encode_options *options;
    struct wp_arena arena;
    struct wp_keyset strings;
    char **string_table;
    size_t string_capacity;
    struct wp_keyset functions;
    struct wp_keyset lines; /* texts of a line, by where they are -> index of a function */
    pprof_function **function_table;
    size_t function_capacity;
    uint64_t *mapping_ids; /* by module number, 0 none */
    pprof_profile message;
    bool failed; /* memory ran out */
};

static void *
pprof_take(struct pprof_maker *maker, size_t bytes)
{
    void *memory = wp_arena_take(&maker->arena, bytes);

    if (memory == NULL)
        maker->failed = true;
    return memory;
}

/* The index of a string in the string table. The text is clean or is cleaned by the caller. */
static int64_t
pprof_string(struct pprof_maker *maker, const char *text)
{
    bool added;
    struct wp_key *key = wp_keyset_put(&maker->strings, text, strlen(text), &added);

    if (key == NULL || (added && wp_array_reserve(&maker->string_table, &maker->string_capacity,
                                                  key->value, sizeof(char *)) != 0)) {
        maker->failed = true;
        return 0;
    }
    if (added)
        maker->string_table[key->value] = (char *)(uintptr_t)key->bytes;
    return key->value;
}

static int64_t
pprof_clean_string(struct pprof_maker *maker, const char *text)
{
    char clean[4096 + 64];

    wp_symbol_clean(text, clean, sizeof clean);
    return pprof_string(maker, clean);
}

static int64_t
pprof_build_id(struct pprof_maker *maker, const struct wp_profile_module *module)
{
    char hex[2 * sizeof module->build_id + 1] = "";

    for (size_t i = 0; i < module->build_id_bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
    return pprof_string(maker, hex);
}

static void
pprof_add_mapping(struct pprof_maker *maker, size_t number)
{
    const struct wp_profile_module *module = &maker->profile->modules[number];
    const struct wp_module_symbols *symbols = &maker->symbols->modules[number];
    pprof_mapping *mapping = pprof_take(maker, sizeof *mapping);

    if (mapping == NULL)
        return;
    wp__pprof__mapping__init(mapping);
    maker->message.mapping[maker->message.n_mapping++] = mapping;
    mapping->id = maker->message.n_mapping;
    mapping->memory_start = symbols->start;
    mapping->memory_limit = symbols->limit;
    mapping->file_offset = symbols->file_offset;
    mapping->filename = pprof_clean_string(maker, module->path);
    mapping->build_id = pprof_build_id(maker, module);
    mapping->has_functions = symbols->has_functions;
    mapping->has_filenames = symbols->has_filenames;
    mapping->has_line_numbers = symbols->has_line_numbers;
    mapping->has_inline_frames = symbols->has_inline_frames;
    maker->mapping_ids[number] = mapping->id;
}

/* The executable first, used or not: consumers name the profile after the first mapping. */
static void
pprof_add_mappings(struct pprof_maker *maker)
{
    size_t count = maker->profile->module_count;
    size_t executable = 0;

    maker->message.mapping = pprof_take(maker, count * sizeof(pprof_mapping *));
    maker->mapping_ids = pprof_take(maker, count * sizeof *maker->mapping_ids);
    if (maker->failed)
        return;
    for (size_t i = count - 1; i > 0; i--) {
        if (maker->profile->modules[i].is_executable)
            executable = i;
    }
    if (executable != 0)
        pprof_add_mapping(maker, executable);
    for (size_t i = 1; i < count && !maker->failed; i++) {
        if (i != executable && maker->symbols->modules[i].used)
            pprof_add_mapping(maker, i);
    }
}

/* The index of a function in the table, put there if it is new. */
static uint32_t
pprof_function_index(struct pprof_maker *maker, const struct wp_line *line)
{
    const int64_t identity[4] = {
        pprof_string(maker, line->function),
        pprof_string(maker, line->linker_name),
        pprof_string(maker, line->file),
        line->function_line,
    };
    pprof_function *function;
    bool added;
    struct wp_key *key = wp_keyset_put(&maker->functions, identity, sizeof identity, &added);

    if (key == NULL) {
        maker->failed = true;
        return 0;
    }
    if (!added)
        return key->value;
    function = pprof_take(maker, sizeof *function);
    if (function == NULL || wp_array_reserve(&maker->function_table, &maker->function_capacity,
                                             key->value, sizeof(pprof_function *)) != 0) {
        maker->failed = true;
        return 0;
    }
    wp__pprof__function__init(function);
    function->id = key->value + 1u;
    function->name = identity[0];
    function->system_name = identity[1];
    function->filename = identity[2];
    function->start_line = identity[3];
    maker->function_table[key->value] = function;
    return key->value;
}

/* A function has many lines, whose texts are the same pointers: they need not be read again. */
static uint64_t
pprof_function_id(struct pprof_maker *maker, const struct wp_line *line)
{
    const struct {
        const char *function, *linker_name, *file;
        uint64_t function_line;
    } identity = {line->function, line->linker_name, line->file, line->function_line};
    bool added;
    struct wp_key *key = wp_keyset_put(&maker->lines, &identity, sizeof identity, &added);

    if (key == NULL) {
        maker->failed = true;
        return 0;
    }
    if (added)
        key->value = pprof_function_index(maker, line);
    return key->value + 1u;
}

static void
pprof_add_location(struct pprof_maker *maker, const struct wp_location *from)
{
    pprof_location *location = pprof_take(maker, sizeof *location);
    pprof_line *lines = pprof_take(maker, from->line_count * sizeof *lines);
    pprof_line **table = pprof_take(maker, from->line_count * sizeof(pprof_line *));

    if (maker->failed)
        return;
    wp__pprof__location__init(location);
    maker->message.location[maker->message.n_location++] = location;
    location->id = maker->message.n_location;
    location->mapping_id = maker->mapping_ids[from->module];
    location->address = from->address;
    for (uint32_t i = 0; i < from->line_count; i++) {
        wp__pprof__line__init(&lines[i]);
        lines[i].function_id = pprof_function_id(maker, &from->lines[i]);
        lines[i].line = from->lines[i].line;
        table[i] = &lines[i];
    }
    location->line = table;
    location->n_line = from->line_count;
}

static void
pprof_add_locations(struct pprof_maker *maker)
{
    size_t count = maker->symbols->location_count;

    maker->message.location = pprof_take(maker, count * sizeof(pprof_location *));
    for (size_t i = 0; i < count && !maker->failed; i++)
        pprof_add_location(maker, &maker->symbols->locations[i]);
}

static void
pprof_add_label(struct pprof_maker *maker, pprof_sample *sample, const char *name, const char *text)
{
    pprof_label *label;

    if (text == NULL)
        return;
    label = pprof_take(maker, sizeof *label);
    sample->label = pprof_take(maker, sizeof(pprof_label *));
    if (maker->failed)
        return;
    wp__pprof__label__init(label);
    label->key = pprof_string(maker, name);
    label->str = pprof_clean_string(maker, text);
    sample->label[0] = label;
    sample->n_label = 1;
}

static void
pprof_add_sample(struct pprof_maker *maker, const struct wp_encode_row *from)
{
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(maker->symbols, from->sample, &locations);
    pprof_sample *sample = pprof_take(maker, sizeof *sample);
    uint64_t *ids = pprof_take(maker, depth * sizeof *ids);
    int64_t *values = pprof_take(maker, VALUE_COUNT * sizeof *values);

    if (maker->failed)
        return;
    wp__pprof__sample__init(sample);
    for (size_t i = 0; i < depth; i++)
        ids[i] = locations[i] + 1u;
    values[0] = wp_profile_contentions(maker->profile, from->contentions_fixed);
    values[1] = from->delay_ns > INT64_MAX ? INT64_MAX : (int64_t)from->delay_ns;
    sample->location_id = ids;
    sample->n_location_id = depth;
    sample->value = values;
    sample->n_value = VALUE_COUNT;
    sample->kept_samples = from->samples;
    sample->variance = from->variance;
    sample->squares = from->squares;
    pprof_add_label(maker, sample, "kind", from->kind);
    maker->message.sample[maker->message.n_sample++] = sample;
}

static void
pprof_add_samples(struct pprof_maker *maker)
{
    struct wp_encode_rows rows;

    if (wp_encode_rows_make(maker->profile, maker->symbols, maker->options, &rows) != 0) {
        maker->failed = true;
        return;
    }
    maker->message.sample = pprof_take(maker, rows.count * sizeof(pprof_sample *));
    for (size_t i = 0; i < rows.count && !maker->failed; i++)
        pprof_add_sample(maker, &rows.rows[i]);
    wp_encode_rows_free(&rows);
}

static pprof_value_type *
pprof_value(struct pprof_maker *maker, const char *type, const char *unit)
{
    pprof_value_type *value = pprof_take(maker, sizeof *value);

    if (value == NULL)
        return NULL;
    wp__pprof__value_type__init(value);
    value->type = pprof_string(maker, type);
    value->unit = pprof_string(maker, unit);
    return value;
}

/* Of the program that ran longest. */
static uint64_t
pprof_run_ns(const struct wp_profile *profile)
{
    uint64_t run_ns = 0;

    for (size_t i = 0; i < profile->source_count; i++) {
        if (profile->sources[i].run_ns > run_ns)
            run_ns = profile->sources[i].run_ns;
    }
    return run_ns;
}

static void
pprof_add_header(struct pprof_maker *maker)
{
    pprof_profile *message = &maker->message;

    wp__pprof__profile__init(message);
    pprof_string(maker, "");
    message->sample_type = pprof_take(maker, VALUE_COUNT * sizeof(pprof_value_type *));
    if (maker->failed)
        return;
    message->sample_type[0] = pprof_value(maker, "contentions", "count");
    message->sample_type[1] = pprof_value(maker, "delay", "nanoseconds");
    message->n_sample_type = VALUE_COUNT;
    message->period_type = message->sample_type[0];
    message->period = 1;
    message->time_nanos = (int64_t)maker->profile->time_ns;
    message->duration_nanos = (int64_t)maker->profile->duration_ns;
    if (maker->profile->duration_ns == 0)
        message->run_nanos = pprof_run_ns(maker->profile);
}

static void
pprof_add_comments(struct pprof_maker *maker)
{
    struct wp_comments comments;

    if (wp_comments_make(maker->profile, maker->symbols, &comments) != 0) {
        maker->failed = true;
        return;
    }
    maker->message.comment = pprof_take(maker, comments.count * sizeof *maker->message.comment);
    for (size_t i = 0; i < comments.count && !maker->failed; i++)
        maker->message.comment[maker->message.n_comment++] = pprof_string(maker, comments.lines[i]);
    wp_comments_free(&comments);
}

int
wp_pprof_encode(const struct wp_profile *profile, const struct wp_symbols *symbols,
                const struct wp_encode_options *options, FILE *stream, struct wp_error *error)
{
    struct pprof_maker maker = {.profile = profile, .symbols = symbols, .options = options};
    int result;

    maker.failed = wp_keyset_init(&maker.strings) != 0 || wp_keyset_init(&maker.functions) != 0 ||
                   wp_keyset_init(&maker.lines) != 0;
    if (!maker.failed)
        pprof_add_header(&maker);
    if (!maker.failed)
        pprof_add_mappings(&maker);
    if (!maker.failed)
        pprof_add_locations(&maker);
    if (!maker.failed)
        pprof_add_samples(&maker);
    if (!maker.failed)
        pprof_add_comments(&maker);
    maker.message.function = maker.function_table;
    maker.message.n_function = maker.functions.count;
    maker.message.string_table = maker.string_table;
    maker.message.n_string_table = maker.strings.count;
    if (maker.failed)
        result = wp_error_set(error, ENOMEM, "not enough memory to encode the profile");
    else
        result = wp_pprof_write(&maker.message, stream, error);
    wp_arena_free(&maker.arena);
    wp_keyset_free(&maker.strings);
    wp_keyset_free(&maker.functions);
    wp_keyset_free(&maker.lines);
    free(maker.string_table);
    free(maker.function_table);
    return result;
}
