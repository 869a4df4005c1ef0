#include "profile/profile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/own_cost.h"
#include "profile/profile_index.h"

int
wp_profile_no_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory for the profile");
}

/* Row 0 of modules and functions means "none". */
static int
profile_add_empty_rows(struct wp_profile *profile)
{
    struct wp_profile_index *index = profile->index;

    if (wp_array_reserve(&profile->modules, &index->module_capacity, 0, sizeof *profile->modules) !=
            0 ||
        wp_array_reserve(&profile->functions, &index->function_capacity, 0,
                         sizeof *profile->functions) != 0 ||
        wp_keyset_put(&index->modules, "", 0, NULL) == NULL ||
        wp_keyset_put(&index->functions, "", 0, NULL) == NULL)
        return -ENOMEM;
    memset(&profile->modules[0], 0, sizeof profile->modules[0]);
    profile->modules[0].path = "";
    profile->module_count = 1;
    memset(&profile->functions[0], 0, sizeof profile->functions[0]);
    profile->functions[0].name = "";
    profile->functions[0].kind = "";
    profile->functions[0].family = "";
    profile->function_count = 1;
    return 0;
}

struct wp_profile *
wp_profile_new(enum wp_region_profile type)
{
    struct wp_profile *profile = calloc(1, sizeof *profile);

    if (profile == NULL)
        return NULL;
    profile->type = type;
    profile->index = calloc(1, sizeof *profile->index);
    if (profile->index == NULL || wp_keyset_init(&profile->index->modules) != 0 ||
        wp_keyset_init(&profile->index->functions) != 0 ||
        wp_keyset_init(&profile->index->stacks) != 0 || profile_add_empty_rows(profile) != 0) {
        wp_profile_free(profile);
        return NULL;
    }
    return profile;
}

void
wp_profile_free(struct wp_profile *profile)
{
    if (profile == NULL)
        return;
    if (profile->index != NULL) {
        wp_keyset_free(&profile->index->modules);
        wp_keyset_free(&profile->index->functions);
        wp_keyset_free(&profile->index->stacks);
        wp_arena_free(&profile->index->arena);
        free(profile->index->by_key);
        free(profile->index);
    }
    free(profile->sources);
    free(profile->modules);
    free(profile->functions);
    free(profile->samples);
    free(profile);
}

const char *
wp_profile_type_name(enum wp_region_profile type)
{
    return type == WP_PROFILE_MUTEX ? "mutex" : "block";
}

const char *
wp_profile_copy_string(struct wp_profile *profile, const char *text)
{
    return wp_arena_string(&profile->index->arena, text, strlen(text));
}

/* --- Modules
 * ------------------------------------------------------------------------------------ */

/* What a module is: path and build-id, or path and where its code lies if it has no build-id. A
 * module that could not be read back is itself: the row of one region. */
struct wp_key *
wp_profile_module_key(struct wp_profile_index *index, const struct wp_profile_module *module,
                      bool add, bool *added)
{
    struct {
        uint64_t unknown;
        uint64_t text_vaddr;
        uint8_t build_id[32];
        char path[PATH_MAX];
    } key;
    size_t path_length = strnlen(module->path, sizeof key.path);
    size_t length = offsetof(__typeof__(key), path) + path_length;

    memset(&key, 0, offsetof(__typeof__(key), path));
    key.unknown = module->unknown;
    key.text_vaddr = module->build_id_bytes == 0 ? module->text_vaddr : 0;
    memcpy(key.build_id, module->build_id, module->build_id_bytes);
    memcpy(key.path, module->path, path_length);
    return add ? wp_keyset_put(&index->modules, &key, length, added)
               : wp_keyset_get(&index->modules, &key, length);
}

/* Adds a module unless it is there; returns its number, 0 and an error text when it cannot. The
 * path is the profile's own already, or is copied. */
uint32_t
wp_profile_add_module(struct wp_profile *profile, const struct wp_profile_module *module,
                      struct wp_error *error)
{
    struct wp_profile_index *index = profile->index;
    struct wp_profile_module *row;
    bool added;
    struct wp_key *key = wp_profile_module_key(index, module, true, &added);

    if (key == NULL) {
        wp_profile_no_memory(error);
        return 0;
    }
    if (!added)
        return key->value;
    if (profile->module_count >= WP_PROFILE_MODULES_MAX) {
        wp_error_set(error, E2BIG, "more than %u modules in one profile", WP_PROFILE_MODULES_MAX);
        return 0;
    }
    if (wp_array_reserve(&profile->modules, &index->module_capacity, profile->module_count,
                         sizeof *profile->modules) != 0) {
        wp_profile_no_memory(error);
        return 0;
    }
    row = &profile->modules[profile->module_count];
    *row = *module;
    row->path = wp_profile_copy_string(profile, module->path);
    if (row->path == NULL) {
        wp_profile_no_memory(error);
        return 0;
    }
    profile->module_count++;
    return key->value;
}

/* The path as the profile shows it: joined with the directory the program was started in, and the
 * vDSO by the name that every consumer knows. */
static void
profile_module_path(const char *path, const char *directory, char *out, size_t size)
{
    const char *base = strrchr(path, '/');

    base = base == NULL ? path : base + 1;
    if (strncmp(base, "linux-vdso", 10) == 0 || strncmp(base, "linux-gate", 10) == 0)
        snprintf(out, size, "[vdso]");
    else if (path[0] != '/' && path[0] != '[' && path[0] != '\0' && directory[0] == '/')
        snprintf(out, size, "%s/%s", directory, path);
    else
        snprintf(out, size, "%s", path);
}

int
wp_profile_map_init(struct wp_profile_map *map, size_t module_count, size_t function_count)
{
    map->module_count = module_count;
    map->function_count = function_count;
    map->modules = calloc(module_count + 1, sizeof *map->modules);
    map->functions = calloc(function_count + 1, sizeof *map->functions);
    return map->modules != NULL && map->functions != NULL ? 0 : -ENOMEM;
}

void
wp_profile_map_free(struct wp_profile_map *map)
{
    free(map->modules);
    free(map->functions);
}

/* A module row of a snapshot and its age, to be sorted. */
struct profile_aged {
    uint32_t age;
    uint32_t row;
};

static int
profile_by_age(const void *left, const void *right)
{
    const struct profile_aged *a = left;
    const struct profile_aged *b = right;

    if (a->age != b->age)
        return a->age < b->age ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static int
profile_add_snapshot_module(struct wp_profile *profile, const struct wp_snapshot *snapshot,
                            uint32_t row, struct wp_profile_map *map, struct wp_error *error)
{
    const struct wp_reader_module *from = &snapshot->modules[row];
    char path[PATH_MAX];
    struct wp_profile_module module = {
        .path = path,
        .source = (uint32_t)profile->source_count - 1,
        .known = from->known,
        .unknown = from->known ? 0 : (snapshot->region_id | 1) + row,
        .is_executable = from->is_executable,
        .bias = from->bias,
        .text_vaddr = from->text_vaddr,
        .text_bytes = from->text_bytes,
        .text_offset = from->text_offset,
        .build_id_bytes = from->build_id_bytes,
    };

    memcpy(module.build_id, from->build_id, from->build_id_bytes);
    profile_module_path(from->path, snapshot->directory, path, sizeof path);
    map->modules[row] = wp_profile_add_module(profile, &module, error);
    return map->modules[row] != 0 ? 0 : -ENOMEM;
}

/*
 * Adds the known modules, oldest first: the numbers that a module gets here never change when the
 * program loads more, and with them addresses that had to be moved stay where they are.
 */
static int
profile_add_modules(struct wp_profile *profile, const struct wp_snapshot *snapshot,
                    struct wp_profile_map *map, struct wp_error *error)
{
    struct profile_aged *aged = calloc(snapshot->module_count + 1, sizeof *aged);
    size_t count = 0;
    int result = 0;

    if (aged == NULL)
        return wp_profile_no_memory(error);
    for (uint32_t row = 1; row < snapshot->module_count; row++) {
        if (snapshot->modules[row].known)
            aged[count++] = (struct profile_aged){.age = snapshot->modules[row].age, .row = row};
    }
    if (count > 1)
        qsort(aged, count, sizeof *aged, profile_by_age);
    for (size_t i = 0; i < count && result == 0; i++)
        result = profile_add_snapshot_module(profile, snapshot, aged[i].row, map, error);
    free(aged);
    return result;
}

/* --- Functions
 * ---------------------------------------------------------------------------------- */

/* What a function is: name, kind and address. Not its module: whether that was known is no
 * difference. */
struct wp_key *
wp_profile_function_key(struct wp_profile_index *index, const struct wp_profile_function *function,
                        bool add, bool *added)
{
    struct {
        uint64_t vaddr;
        char kind[16];
        char name[64];
    } key;
    size_t name_length = strnlen(function->name, sizeof key.name);
    size_t length = offsetof(__typeof__(key), name) + name_length;

    memset(&key, 0, offsetof(__typeof__(key), name));
    key.vaddr = function->vaddr;
    memcpy(key.kind, function->kind, strnlen(function->kind, sizeof key.kind));
    memcpy(key.name, function->name, name_length);
    return add ? wp_keyset_put(&index->functions, &key, length, added)
               : wp_keyset_get(&index->functions, &key, length);
}

/* Returns the function's number, 0 when out of memory. */
uint32_t
wp_profile_add_function(struct wp_profile *profile, const struct wp_profile_function *function)
{
    struct wp_profile_index *index = profile->index;
    struct wp_profile_function *row;
    bool added;
    struct wp_key *key = wp_profile_function_key(index, function, true, &added);

    if (key == NULL || !added)
        return key == NULL ? 0 : key->value;
    if (profile->function_count > UINT16_MAX ||
        wp_array_reserve(&profile->functions, &index->function_capacity, profile->function_count,
                         sizeof *profile->functions) != 0)
        return 0;
    row = &profile->functions[profile->function_count];
    *row = *function;
    row->name = wp_profile_copy_string(profile, function->name);
    row->kind = wp_profile_copy_string(profile, function->kind);
    row->family = wp_profile_copy_string(profile, function->family);
    if (row->name == NULL || row->kind == NULL || row->family == NULL)
        return 0;
    profile->function_count++;
    return key->value;
}

static int
profile_add_functions(struct wp_profile *profile, const struct wp_snapshot *snapshot,
                      struct wp_profile_map *map, struct wp_error *error)
{
    for (size_t i = 1; i < snapshot->function_count; i++) {
        const struct wp_reader_function *from = &snapshot->functions[i];
        struct wp_profile_function function = {
            .name = from->name,
            .kind = from->kind,
            .family = from->family,
            .is_part = from->part_of != 0,
            .is_off = (from->flags & WP_REGION_FUNCTION_OFF) != 0,
            .module = map->modules[from->module],
            .vaddr = from->vaddr,
        };

        map->functions[i] = wp_profile_add_function(profile, &function);
        if (map->functions[i] == 0)
            return wp_profile_no_memory(error);
    }
    return 0;
}

/* --- Stacks
 * ------------------------------------------------------------------------------------- */

uint64_t
wp_profile_sum(uint64_t left, uint64_t right)
{
    uint64_t sum;

    return __builtin_add_overflow(left, right, &sum) ? UINT64_MAX : sum;
}

static uint64_t
profile_frame(uint64_t frame, const uint32_t *modules)
{
    uint64_t number = frame >> WP_FRAME_MODULE_SHIFT;
    uint64_t rest = frame & ((UINT64_C(1) << WP_FRAME_MODULE_SHIFT) - 1);

    if (number == 0 || number == WP_FRAME_SPECIAL)
        return frame;
    return rest | (uint64_t)modules[number] << WP_FRAME_MODULE_SHIFT;
}

/* Writes the identity in numbers of the profile; returns its length in bytes. */
size_t
wp_profile_identity(uint64_t *identity, const uint64_t *frames, size_t depth, uint16_t function,
                    const struct wp_profile_map *map)
{
    identity[0] = map->functions[function];
    for (size_t i = 0; i < depth; i++)
        identity[i + 1] = profile_frame(frames[i], map->modules);
    return (depth + 1) * sizeof identity[0];
}

/* The sample with that identity, made if it is new; NULL when out of memory. */
struct wp_profile_sample *
wp_profile_sample_of(struct wp_profile *profile, const uint64_t *identity, size_t bytes)
{
    struct wp_profile_index *index = profile->index;
    struct wp_profile_sample *sample;
    size_t depth = bytes / sizeof identity[0] - 1;
    bool added;
    struct wp_key *key = wp_keyset_put(&index->stacks, identity, bytes, &added);

    if (key == NULL)
        return NULL;
    if (!added && index->by_key[key->value] != NULL)
        return index->by_key[key->value];
    if (wp_array_reserve(&index->by_key, &index->by_key_capacity, key->value,
                         sizeof(struct wp_profile_sample *)) != 0 ||
        wp_array_reserve(&profile->samples, &index->sample_capacity, profile->sample_count,
                         sizeof(struct wp_profile_sample *)) != 0)
        return NULL;
    sample = wp_arena_take(&index->arena, sizeof *sample + depth * sizeof sample->frames[0]);
    if (sample == NULL)
        return NULL;
    sample->key = key->value;
    sample->function = (uint16_t)identity[0];
    sample->depth = (uint16_t)depth;
    memcpy(sample->frames, identity + 1, depth * sizeof identity[0]);
    index->by_key[key->value] = sample;
    profile->samples[profile->sample_count++] = sample;
    return sample;
}

static int
profile_add_stack(struct wp_profile *profile, const struct wp_snapshot *snapshot,
                  const struct wp_reader_stack *stack, struct wp_profile_map *map,
                  struct wp_error *error)
{
    uint64_t identity[WP_PROFILE_IDENTITY_WORDS];
    struct wp_profile_sample *sample;
    size_t bytes;

    /* Records are made before their first sample, some of them at the start of the program. */
    if (stack->contentions_fixed == 0 && stack->delay_ns == 0)
        return 0;
    /* Modules whose rows were still being written. */
    for (unsigned i = 0; i < stack->depth; i++) {
        uint64_t number = stack->frames[i] >> WP_FRAME_MODULE_SHIFT;

        if (number == 0 || number == WP_FRAME_SPECIAL || map->modules[number] != 0)
            continue;
        if (profile_add_snapshot_module(profile, snapshot, (uint32_t)number, map, error) != 0)
            return -ENOMEM;
    }
    bytes = wp_profile_identity(identity, stack->frames, stack->depth, stack->function, map);
    sample = wp_profile_sample_of(profile, identity, bytes);
    if (sample == NULL)
        return wp_profile_no_memory(error);
    sample->contentions_fixed = wp_profile_sum(sample->contentions_fixed, stack->contentions_fixed);
    sample->delay_ns = wp_profile_sum(sample->delay_ns, stack->delay_ns);
    sample->samples = wp_profile_sum(sample->samples, stack->samples);
    sample->variance += stack->variance;
    sample->squares += stack->squares;
    if (stack->last_monotonic_ns > sample->last_monotonic_ns)
        sample->last_monotonic_ns = stack->last_monotonic_ns;
    return 0;
}

/* --- Sources
 * ------------------------------------------------------------------------------------ */

static const char *
profile_command_line(struct wp_profile *profile, const struct wp_snapshot *snapshot)
{
    size_t length = 1;
    char *text;
    char *at;

    for (size_t i = 0; i < snapshot->argument_count; i++)
        length += strlen(snapshot->arguments[i]) + 1;
    text = wp_arena_take(&profile->index->arena, length);
    if (text == NULL)
        return NULL;
    at = text;
    for (size_t i = 0; i < snapshot->argument_count; i++) {
        if (i > 0)
            *at++ = ' ';
        at = stpcpy(at, snapshot->arguments[i]);
    }
    return text;
}

static int
profile_add_source(struct wp_profile *profile, const struct wp_snapshot *snapshot,
                   struct wp_error *error)
{
    struct wp_profile_source *source;

    if (wp_array_reserve(&profile->sources, &profile->index->source_capacity, profile->source_count,
                         sizeof *profile->sources) != 0)
        return wp_profile_no_memory(error);
    source = &profile->sources[profile->source_count];
    memset(source, 0, sizeof *source);
    source->region_id = snapshot->region_id;
    source->start_realtime_ns = snapshot->start_realtime_ns;
    source->read_realtime_ns = snapshot->read_realtime_ns;
    source->pid = snapshot->pid;
    source->flags = snapshot->flags;
    source->max_depth = snapshot->max_depth;
    wp_snapshot_state(snapshot, &source->live_pid);
    source->run_ns = wp_own_cost_span_ns(snapshot, source->live_pid == 0);
    source->budget_range = wp_budget_range_of(snapshot->budget_turns, snapshot->budget_turns_known);
    source->command = wp_profile_copy_string(profile, snapshot->command);
    source->command_line = profile_command_line(profile, snapshot);
    source->directory = wp_profile_copy_string(profile, snapshot->directory);
    source->block_rate_ns = snapshot->block_rate_ns;
    source->mutex_fraction = snapshot->mutex_fraction;
    source->wait_fraction = snapshot->wait_fraction;
    source->budget_cost_ns_per_s = snapshot->budget_cost_ns_per_s;
    source->budget_samples_per_s = snapshot->budget_samples_per_s;
    source->rate_change_count = snapshot->rate_change_count;
    memcpy(source->rate_changes, snapshot->rate_changes, sizeof source->rate_changes);
    source->rate_changes_known = snapshot->rate_changes_known;
    memcpy(source->counters, snapshot->counters, sizeof source->counters);
    source->process_count = snapshot->process_count;
    if (source->command == NULL || source->command_line == NULL || source->directory == NULL)
        return wp_profile_no_memory(error);
    profile->source_count++;
    return 0;
}

/* The latest of the times at which the parts of a profile were read. */
void
wp_profile_note_time(struct wp_profile *profile, uint64_t realtime_ns, uint64_t monotonic_ns)
{
    if (realtime_ns > profile->time_ns)
        profile->time_ns = realtime_ns;
    if (monotonic_ns > profile->read_monotonic_ns)
        profile->read_monotonic_ns = monotonic_ns;
}

int
wp_profile_add(struct wp_profile *profile, const struct wp_snapshot *snapshot,
               struct wp_error *error)
{
    struct wp_profile_map map;
    int result;

    if (wp_profile_map_init(&map, snapshot->module_count, snapshot->function_count) != 0) {
        wp_profile_map_free(&map);
        return wp_profile_no_memory(error);
    }
    result = profile_add_source(profile, snapshot, error);
    if (result == 0)
        result = profile_add_modules(profile, snapshot, &map, error);
    if (result == 0)
        result = profile_add_functions(profile, snapshot, &map, error);
    for (size_t i = 0; i < snapshot->stack_count && result == 0; i++) {
        if (snapshot->stacks[i].profile == profile->type)
            result = profile_add_stack(profile, snapshot, &snapshot->stacks[i], &map, error);
    }
    wp_profile_map_free(&map);
    wp_profile_note_time(profile, snapshot->read_realtime_ns, snapshot->read_monotonic_ns);
    return result;
}
