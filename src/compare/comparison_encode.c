#include "compare/comparison_encode.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profile/keyset.h"
#include "profile/pprof_write.h"

#include "profile.pb-c.h"

#define VALUE_COUNT 2u
#define LABEL_COUNT 2u
#define LINES_MAX                                                                                  \
    1024u /* inlined functions at one place; what is deeper becomes a place of its own */

typedef Wp__Pprof__Profile message_profile;
typedef Wp__Pprof__Sample message_sample;
typedef Wp__Pprof__Label message_label;
typedef Wp__Pprof__Mapping message_mapping;
typedef Wp__Pprof__Location message_location;
typedef Wp__Pprof__Line message_line;
typedef Wp__Pprof__Function message_function;
typedef Wp__Pprof__ValueType message_value_type;

/* Entries of one kind, numbered as they come: what makes them distinct, and their messages. */
struct table {
    struct wp_keyset keys;
    void **entries;
    size_t capacity;
};

/* Everything that the message points to is in the arena or in the tables. */
struct maker {
    const struct wp_comparison_encoding *encoding;
    struct wp_arena arena;
    struct table strings, functions, locations, mappings;
    message_profile message;
    bool failed; /* memory ran out */
};

static void *
take(struct maker *maker, size_t bytes)
{
    void *memory = wp_arena_take(&maker->arena, bytes);

    if (memory == NULL)
        maker->failed = true;
    return memory;
}

/* Where the entry of these bytes is, and its number; *entry is NULL if it is new and the caller
 * makes it. NULL when out of memory. */
static void **
find_entry(struct maker *maker, struct table *table, const void *bytes, size_t length,
           uint32_t *number)
{
    bool added = false;
    const struct wp_key *key = wp_keyset_put(&table->keys, bytes, length, &added);

    if (key == NULL || (added && wp_array_reserve(&table->entries, &table->capacity, key->value,
                                                  sizeof(void *)) != 0)) {
        maker->failed = true;
        return NULL;
    }
    *number = key->value;
    if (added)
        table->entries[key->value] = NULL;
    return &table->entries[key->value];
}

static int64_t
string_of(struct maker *maker, const char *text)
{
    uint32_t number = 0;
    size_t length = strlen(text);
    void **entry = find_entry(maker, &maker->strings, text, length, &number);

    if (entry != NULL && *entry == NULL)
        *entry = wp_arena_string(&maker->arena, text, length);
    if (entry != NULL && *entry == NULL)
        maker->failed = true;
    return number;
}

static uint64_t
mapping_of(struct maker *maker, const char *path)
{
    uint32_t number = 0;
    void **entry;
    message_mapping *mapping;

    if (path[0] == '\0')
        return 0;
    entry = find_entry(maker, &maker->mappings, path, strlen(path), &number);
    if (entry == NULL || *entry != NULL)
        return number + UINT64_C(1);
    mapping = take(maker, sizeof *mapping);
    if (mapping == NULL)
        return 0;
    wp__pprof__mapping__init(mapping);
    mapping->id = number + UINT64_C(1);
    mapping->filename = string_of(maker, path);
    /* Names are all there: nobody should look for them in a file. */
    mapping->has_functions = true;
    mapping->has_filenames = true;
    mapping->has_line_numbers = true;
    mapping->has_inline_frames = true;
    *entry = mapping;
    return mapping->id;
}

static uint64_t
function_of(struct maker *maker, const struct wp_pprof_frame *frame)
{
    const int64_t identity[] = {string_of(maker, frame->name), string_of(maker, frame->file)};
    uint32_t number = 0;
    void **entry = find_entry(maker, &maker->functions, identity, sizeof identity, &number);
    message_function *function;

    if (entry == NULL || *entry != NULL)
        return number + UINT64_C(1);
    function = take(maker, sizeof *function);
    if (function == NULL)
        return 0;
    wp__pprof__function__init(function);
    function->id = number + UINT64_C(1);
    function->name = identity[0];
    function->system_name = identity[0];
    function->filename = identity[1];
    *entry = function;
    return function->id;
}

/* What `count` frames, all but the last inlined into the next, make a place in the program. */
static uint64_t
location_of(struct maker *maker, const struct wp_pprof_frame *const *frames, size_t count)
{
    uint64_t identity[2 * LINES_MAX + 1];
    uint32_t number = 0;
    message_location *location;
    message_line *lines;
    void **entry;

    identity[0] = mapping_of(maker, frames[0]->mapping);
    for (size_t i = 0; i < count; i++) {
        identity[2 * i + 1] = function_of(maker, frames[i]);
        identity[2 * i + 2] = frames[i]->line;
    }
    entry = find_entry(maker, &maker->locations, identity, (2 * count + 1) * sizeof identity[0],
                       &number);
    if (entry == NULL || *entry != NULL)
        return number + UINT64_C(1);
    location = take(maker, sizeof *location);
    lines = take(maker, count * sizeof *lines);
    if (location == NULL || lines == NULL)
        return 0;
    wp__pprof__location__init(location);
    location->id = number + UINT64_C(1);
    location->mapping_id = identity[0];
    location->line = take(maker, count * sizeof(message_line *));
    for (size_t i = 0; i < count && location->line != NULL; i++) {
        wp__pprof__line__init(&lines[i]);
        lines[i].function_id = identity[2 * i + 1];
        lines[i].line = (int64_t)identity[2 * i + 2];
        location->line[i] = &lines[i];
    }
    location->n_line = location->line != NULL ? count : 0;
    *entry = location;
    return location->id;
}

static void
set_label(struct maker *maker, message_sample *sample, const char *name, const char *text)
{
    message_label *label = take(maker, sizeof *label);

    if (label == NULL)
        return;
    wp__pprof__label__init(label);
    label->key = string_of(maker, name);
    label->str = string_of(maker, text);
    sample->label[sample->n_label++] = label;
}

static int64_t
whole(double value)
{
    return value < (double)INT64_MAX ? llround(value) : INT64_MAX;
}

/* The sample of one side; `ids` are the places of its stack. */
static void
add_sample(struct maker *maker, const struct wp_comparison_row *row, enum wp_comparison_side side,
           uint64_t *ids, size_t id_count)
{
    const struct wp_comparison_encoding *encoding = maker->encoding;
    double delay_ns = wp_values_mean(&row->delay[side]) * encoding->units;
    double contentions = wp_values_mean(&row->contentions[side]) * encoding->units;
    message_sample *sample;

    if (!(delay_ns > 0) && !(contentions > 0))
        return;
    sample = take(maker, sizeof *sample);
    if (sample == NULL)
        return;
    wp__pprof__sample__init(sample);
    sample->value = take(maker, VALUE_COUNT * sizeof *sample->value);
    sample->label = take(maker, LABEL_COUNT * sizeof(message_label *));
    if (maker->failed)
        return;
    sample->value[0] = side == WP_SIDE_BASE ? -whole(contentions) : whole(contentions);
    sample->value[1] = side == WP_SIDE_BASE ? -whole(delay_ns) : whole(delay_ns);
    sample->n_value = VALUE_COUNT;
    sample->location_id = ids;
    sample->n_location_id = id_count;
    if (side == WP_SIDE_BASE)
        set_label(maker, sample, "pprof::base", "true");
    if (encoding->label_name != NULL)
        set_label(maker, sample, encoding->label_name, encoding->label(&row->change));
    maker->message.sample[maker->message.n_sample++] = sample;
}

static void
add_row(struct maker *maker, const struct wp_comparison_row *row)
{
    const struct wp_pprof_stack *stack = row->stack;
    uint64_t *ids = take(maker, (stack->depth + 1) * sizeof *ids);
    size_t id_count = 0;

    for (size_t from = 0, to; from < stack->depth && !maker->failed; from = to) {
        to = from + 1;
        while (to < stack->depth && to - from < LINES_MAX && stack->frames[to - 1]->is_inlined)
            to++;
        ids[id_count++] = location_of(maker, stack->frames + from, to - from);
    }
    for (unsigned side = 0; side < WP_SIDE_COUNT && !maker->failed; side++)
        add_sample(maker, row, side, ids, id_count);
}

static message_value_type *
value_type(struct maker *maker, const char *type, const char *unit)
{
    message_value_type *value = take(maker, sizeof *value);

    if (value == NULL)
        return NULL;
    wp__pprof__value_type__init(value);
    value->type = string_of(maker, type);
    value->unit = string_of(maker, unit);
    return value;
}

static void
add_header(struct maker *maker)
{
    message_profile *message = &maker->message;

    wp__pprof__profile__init(message);
    string_of(maker, "");
    message->sample_type = take(maker, VALUE_COUNT * sizeof(message_value_type *));
    message->comment = take(maker, sizeof *message->comment);
    if (maker->failed)
        return;
    message->sample_type[0] = value_type(maker, "contentions", "count");
    message->sample_type[1] = value_type(maker, "delay", "nanoseconds");
    message->n_sample_type = VALUE_COUNT;
    message->period_type = message->sample_type[0];
    message->period = 1;
    message->time_nanos = (int64_t)maker->encoding->time_ns;
    message->duration_nanos = (int64_t)maker->encoding->duration_ns;
    message->comment[0] = string_of(maker, maker->encoding->comment);
    message->n_comment = 1;
}

static void
set_tables(struct maker *maker)
{
    message_profile *message = &maker->message;

    message->mapping = (message_mapping **)maker->mappings.entries;
    message->n_mapping = maker->mappings.keys.count;
    message->location = (message_location **)maker->locations.entries;
    message->n_location = maker->locations.keys.count;
    message->function = (message_function **)maker->functions.entries;
    message->n_function = maker->functions.keys.count;
    message->string_table = (char **)maker->strings.entries;
    message->n_string_table = maker->strings.keys.count;
}

int
wp_comparison_encode(const struct wp_comparison *comparison,
                     const struct wp_comparison_encoding *encoding, FILE *stream,
                     struct wp_error *error)
{
    struct maker maker = {.encoding = encoding};
    struct table *const tables[] = {&maker.strings, &maker.functions, &maker.locations,
                                    &maker.mappings};
    int result;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        maker.failed = wp_keyset_init(&tables[i]->keys) != 0 || maker.failed;
    if (!maker.failed)
        add_header(&maker);
    if (!maker.failed)
        mapping_of(&maker, encoding->program); /* the first is taken for the executable */
    maker.message.sample =
        take(&maker, (WP_SIDE_COUNT * comparison->row_count + 1) * sizeof(message_sample *));
    for (size_t i = 0; i < comparison->row_count && !maker.failed; i++)
        add_row(&maker, &comparison->rows[i]);
    set_tables(&maker);
    if (maker.failed)
        result = wp_error_set(error, ENOMEM, "not enough memory to encode the comparison");
    else
        result = wp_pprof_write(&maker.message, stream, error);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        wp_keyset_free(&tables[i]->keys);
        free(tables[i]->entries);
    }
    wp_arena_free(&maker.arena);
    return result;
}
