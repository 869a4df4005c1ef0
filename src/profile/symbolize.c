#include "profile/symbolize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/keyset.h"
#include "profile/layout.h"
#include "profile/symbol_module.h"
#include "profile/symbol_name.h"

#define MODULE_KEY_BYTES (sizeof(uint64_t) + 32u + 4096u)

/* What is known of an address: an answer stays, "no name" included. */
struct symbol_answer {
    const struct wp_line *lines;
    uint32_t line_count;
};

/* What is remembered of a module between profiles. */
struct symbol_cache {
    struct wp_keyset addresses; /* link-time address -> index of answers */
    struct symbol_answer *answers;
    size_t answer_capacity;
    bool has_dwarf;
    const char *trouble;
};

struct wp_symbolizer {
    struct wp_symbolizer_options options;
    struct wp_symbol_names names;
    struct wp_arena arena;
    struct wp_keyset modules; /* what a module is -> index of caches */
    struct symbol_cache **caches;
    size_t cache_capacity;
    size_t cache_count;
};

/* What a location is. `vaddr` of functions and special frames is their number. */
struct location_key {
    uint64_t vaddr;
    uint32_t module;
    uint32_t what; /* LOCATION_* */
};
enum { LOCATION_CODE, LOCATION_FUNCTION, LOCATION_SPECIAL };

struct wp_symbols_index {
    struct wp_symbolizer *symbolizer;
    struct wp_arena arena;    /* lines of functions and special frames */
    struct wp_keyset keys;    /* location_key -> index of locations */
    struct wp_wordmap frames; /* frame -> the same: each stack asks for each of its frames */
    size_t location_capacity;
    struct wp_keyset function_places; /* module and address -> first function there */
    uint32_t *first_functions;        /* function -> the first one of its name and place */
    /* Stacks as locations, leaf first. A sample's begin at starts[sample->key]: finding them is the
     * costly part, and every encoder asks. */
    uint32_t *stacks;
    size_t stack_used;
    uint64_t *starts;
    size_t start_count;
};

int
wp_symbolizer_new(const struct wp_symbolizer_options *options, struct wp_symbolizer **symbolizer,
                  struct wp_error *error)
{
    struct wp_symbolizer *made = calloc(1, sizeof *made);

    *symbolizer = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for symbols");
    if (options != NULL)
        made->options = *options;
    if (wp_symbol_names_init(&made->names) != 0 || wp_keyset_init(&made->modules) != 0) {
        wp_symbolizer_free(made);
        return wp_error_set(error, ENOMEM, "not enough memory for symbols");
    }
    if (!made->options.debuginfod)
        unsetenv("DEBUGINFOD_URLS");
    *symbolizer = made;
    return 0;
}

void
wp_symbolizer_free(struct wp_symbolizer *symbolizer)
{
    if (symbolizer == NULL)
        return;
    for (size_t i = 0; i < symbolizer->cache_count; i++) {
        wp_keyset_free(&symbolizer->caches[i]->addresses);
        free(symbolizer->caches[i]->answers);
        free(symbolizer->caches[i]);
    }
    free(symbolizer->caches);
    wp_keyset_free(&symbolizer->modules);
    wp_symbol_names_free(&symbolizer->names);
    wp_arena_free(&symbolizer->arena);
    free(symbolizer);
}

size_t
wp_symbolizer_remembers(const struct wp_symbolizer *symbolizer)
{
    size_t count = symbolizer->cache_count;

    for (size_t i = 0; i < symbolizer->cache_count; i++)
        count += symbolizer->caches[i]->addresses.count;
    return count;
}

/* The memory of a module, made on first sight; NULL when out of memory. */
static struct symbol_cache *
symbolizer_cache(struct wp_symbolizer *symbolizer, const struct wp_profile_module *module)
{
    char key[MODULE_KEY_BYTES] = {0};
    size_t path_length = strnlen(module->path, 4096);
    struct symbol_cache *cache;
    struct wp_key *found;
    bool added;

    memcpy(key, &module->build_id_bytes, sizeof(uint64_t));
    memcpy(key + sizeof(uint64_t), module->build_id, module->build_id_bytes);
    memcpy(key + sizeof(uint64_t) + 32, module->path, path_length);
    found = wp_keyset_put(&symbolizer->modules, key, sizeof(uint64_t) + 32 + path_length, &added);
    if (found == NULL)
        return NULL;
    if (!added)
        return symbolizer->caches[found->value];
    cache = calloc(1, sizeof *cache);
    if (cache == NULL || wp_keyset_init(&cache->addresses) != 0 ||
        wp_array_reserve(&symbolizer->caches, &symbolizer->cache_capacity, symbolizer->cache_count,
                         sizeof(struct symbol_cache *)) != 0) {
        free(cache);
        return NULL;
    }
    symbolizer->caches[symbolizer->cache_count++] = cache;
    return cache;
}

/* --- Locations
 * ---------------------------------------------------------------------------------- */

/* What a frame stands for: the byte before a return address belongs to the call. */
static struct location_key
location_of_frame(uint64_t frame)
{
    struct location_key key = {
        .vaddr = frame & WP_FRAME_ADDRESS_MASK,
        .module = (uint32_t)(frame >> WP_FRAME_MODULE_SHIFT),
        .what = LOCATION_CODE,
    };

    if (key.module == WP_FRAME_SPECIAL) {
        key.module = 0;
        key.what = LOCATION_SPECIAL;
    } else if ((frame & WP_FRAME_EXACT) == 0 && key.vaddr > 0) {
        key.vaddr--;
    }
    return key;
}

static const char *
location_special_name(uint64_t code)
{
    switch (code) {
#define SPECIAL_CASE(value, name, text)                                                            \
    case value:                                                                                    \
        return text;
        WP_SPECIAL_FRAMES(SPECIAL_CASE)
#undef SPECIAL_CASE
    default:
        return "[unknown]";
    }
}

/* Gives a location one line with that name and nothing else. */
static int
location_set_name(struct wp_symbols *symbols, struct wp_location *location, const char *name)
{
    struct wp_symbolizer *symbolizer = symbols->index->symbolizer;
    /* Of this profile: the symbolizer must not grow by it each time. */
    struct wp_line *line = wp_arena_take(&symbols->index->arena, sizeof *line);

    if (line == NULL)
        return -ENOMEM;
    line->function = wp_symbol_names_text(&symbolizer->names, name);
    line->linker_name = line->function;
    line->file = "";
    location->lines = line;
    location->line_count = 1;
    return 0;
}

/* A new location; NULL when out of memory. */
static struct wp_location *
symbols_new_location(struct wp_symbols *symbols)
{
    struct wp_location *location;

    if (wp_array_reserve(&symbols->locations, &symbols->index->location_capacity,
                         symbols->location_count, sizeof *symbols->locations) != 0)
        return NULL;
    location = &symbols->locations[symbols->location_count++];
    memset(location, 0, sizeof *location);
    return location;
}

/*
 * The location of an API function: its entry, by its own name. Where several names share an entry
 * (read and __read), the first has the address and the others get one of their own.
 */
static int
symbols_fill_function(struct wp_symbols *symbols, struct wp_location *location, uint32_t number)
{
    const struct wp_profile_function *function = &symbols->profile->functions[number];
    const uint64_t place[2] = {function->module, function->vaddr};
    const struct wp_key *first =
        wp_keyset_get(&symbols->index->function_places, place, sizeof place);

    location->module = function->module;
    location->vaddr = function->vaddr;
    location->address = first != NULL && first->value == number
                            ? wp_layout_address(symbols->profile, symbols->modules,
                                                function->module, function->vaddr)
                            : wp_layout_synthetic(WP_LAYOUT_FUNCTION, number);
    return location_set_name(symbols, location, function->name);
}

/* Makes the location of a key that was not there yet. */
static int
symbols_fill(struct wp_symbols *symbols, const struct location_key *key,
             struct wp_location *location)
{
    if (key->what == LOCATION_FUNCTION)
        return symbols_fill_function(symbols, location, (uint32_t)key->vaddr);
    location->vaddr = key->vaddr;
    if (key->what == LOCATION_SPECIAL) {
        location->address = wp_layout_synthetic(WP_LAYOUT_SPECIAL, key->vaddr);
        return location_set_name(symbols, location, location_special_name(key->vaddr));
    }
    location->module = key->module;
    location->address =
        wp_layout_address(symbols->profile, symbols->modules, key->module, key->vaddr);
    return 0;
}

/*
 * A frame at the very entry of an API function is that function: their addresses are one. And what
 * a function waited for makes it no other function.
 */
static struct location_key
symbols_canonical(const struct wp_symbols *symbols, struct location_key key)
{
    const uint64_t place[2] = {key.module, key.vaddr};
    const struct wp_key *function;

    if (key.what == LOCATION_FUNCTION)
        key.vaddr = symbols->index->first_functions[key.vaddr];

    if (key.what != LOCATION_CODE || key.module == 0)
        return key;
    function = wp_keyset_get(&symbols->index->function_places, place, sizeof place);
    if (function == NULL)
        return key;
    return (struct location_key){.vaddr = function->value, .what = LOCATION_FUNCTION};
}

/* Sets *index to the location of a key, made if it is new. */
static int
symbols_add(struct wp_symbols *symbols, struct location_key key, uint32_t *index)
{
    struct location_key canonical;
    struct wp_location *location;
    struct wp_key *found;
    bool added;
    int result;

    found = wp_keyset_put(&symbols->index->keys, &key, sizeof key, &added);
    if (found == NULL)
        return -ENOMEM;
    *index = found->value;
    if (!added)
        return 0;
    canonical = symbols_canonical(symbols, key);
    if (memcmp(&canonical, &key, sizeof key) != 0) {
        result = symbols_add(symbols, canonical, index);
        found->value = *index;
        return result;
    }
    location = symbols_new_location(symbols);
    if (location == NULL)
        return -ENOMEM;
    *index = found->value = (uint32_t)(symbols->location_count - 1);
    return symbols_fill(symbols, &key, location);
}

/* The key of a name and its place, whose value is the first function that had it. */
static struct wp_key *
symbols_put_function(struct wp_keyset *seen, const struct wp_profile_function *function,
                     uint32_t number)
{
    struct {
        uint64_t vaddr;
        uint64_t module;
        char name[64];
    } identity = {.vaddr = function->vaddr, .module = function->module};
    bool added;
    struct wp_key *key;

    memcpy(identity.name, function->name, strnlen(function->name, sizeof identity.name));
    key = wp_keyset_put(seen, &identity, sizeof identity, &added);
    if (key != NULL && added)
        key->value = number;
    return key;
}

/* Notes which functions differ in their kind alone. */
static int
symbols_note_kinds(struct wp_symbols *symbols)
{
    const struct wp_profile *profile = symbols->profile;
    uint32_t *first = calloc(profile->function_count, sizeof *first);
    struct wp_keyset seen; /* value: the first function */
    int result = wp_keyset_init(&seen);

    symbols->index->first_functions = first;
    if (first == NULL)
        result = -ENOMEM;
    for (size_t i = 1; i < profile->function_count && result == 0; i++) {
        const struct wp_profile_function *function = &profile->functions[i];
        struct wp_key *key = symbols_put_function(&seen, function, (uint32_t)i);

        if (key == NULL)
            result = -ENOMEM;
        else
            first[i] = key->value;
    }
    wp_keyset_free(&seen);
    return result;
}

/* Notes where each API function begins; the first of several names there is the one. */
static int
symbols_note_functions(struct wp_symbols *symbols)
{
    const struct wp_profile *profile = symbols->profile;

    for (size_t i = 1; i < profile->function_count; i++) {
        const uint64_t place[2] = {profile->functions[i].module, profile->functions[i].vaddr};
        struct wp_key *key;
        bool added;

        if (place[0] == 0)
            continue;
        key = wp_keyset_put(&symbols->index->function_places, place, sizeof place, &added);
        if (key == NULL)
            return -ENOMEM;
        if (added)
            key->value = (uint32_t)i;
    }
    return 0;
}

/* Adds to `stacks`, which has room, the location of a frame. */
static int
symbols_add_frame(struct wp_symbols *symbols, uint64_t frame)
{
    struct wp_symbols_index *index = symbols->index;
    bool added;
    uint32_t *location = wp_wordmap_put(&index->frames, frame, &added);
    int result = 0;

    if (location == NULL)
        return -ENOMEM;
    if (added)
        result = symbols_add(symbols, location_of_frame(frame), location);
    index->stacks[index->stack_used++] = *location;
    return result;
}

static int
symbols_add_sample(struct wp_symbols *symbols, const struct wp_profile_sample *sample)
{
    struct wp_symbols_index *index = symbols->index;
    int result = 0;

    index->starts[sample->key] = index->stack_used;
    if (sample->function != 0) {
        const struct location_key key = {.vaddr = sample->function, .what = LOCATION_FUNCTION};

        result = symbols_add(symbols, key, &index->stacks[index->stack_used++]);
    }
    for (unsigned i = 0; i < sample->depth && result == 0; i++)
        result = symbols_add_frame(symbols, sample->frames[i]);
    return result;
}

static int
symbols_add_all(struct wp_symbols *symbols)
{
    const struct wp_profile *profile = symbols->profile;
    struct wp_symbols_index *index = symbols->index;
    size_t frame_count = 0;
    int result = symbols_note_functions(symbols);

    if (result == 0)
        result = symbols_note_kinds(symbols);
    for (size_t i = 0; i < profile->sample_count; i++) {
        if (profile->samples[i]->key >= index->start_count)
            index->start_count = profile->samples[i]->key + 1u;
        frame_count += profile->samples[i]->depth + 1u;
    }
    index->starts = calloc(index->start_count + 1, sizeof *index->starts);
    index->stacks = calloc(frame_count + 1, sizeof *index->stacks);
    if (index->starts == NULL || index->stacks == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < profile->sample_count && result == 0; i++)
        result = symbols_add_sample(symbols, profile->samples[i]);
    return result;
}

/* --- Names
 * -------------------------------------------------------------------------------------- */

/* Asks the module for an address and remembers the answer, whose index the key holds. */
static int
symbols_ask(struct wp_symbolizer *symbolizer, struct symbol_cache *cache,
            struct wp_symbol_module *module, uint64_t vaddr, uint32_t index)
{
    struct wp_line lines[WP_SYMBOL_LINES_MAX];
    struct symbol_answer answer = {0};
    struct wp_line *kept;

    answer.line_count = (uint32_t)wp_symbol_module_lookup(module, vaddr, &symbolizer->names, lines);
    if (answer.line_count > 0) {
        kept = wp_arena_take(&symbolizer->arena, answer.line_count * sizeof *kept);
        if (kept == NULL)
            return -ENOMEM;
        memcpy(kept, lines, answer.line_count * sizeof *kept);
        answer.lines = kept;
    }
    cache->answers[index] = answer;
    return 0;
}

/* Locations sorted by module: those of one module are named while its file is open, one file at a
 * time, which bounds memory by the largest of them. */
struct symbols_order {
    uint32_t module;
    uint32_t location;
};

static int
symbols_by_module(const void *left, const void *right)
{
    const struct symbols_order *a = left;
    const struct symbols_order *b = right;

    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    return (a->location > b->location) - (a->location < b->location);
}

/* Opens the file of a module, once an address is new, and notes what that brought. */
static struct wp_symbol_module *
symbols_open_module(struct wp_symbols *symbols, struct symbol_cache *cache, uint32_t number)
{
    const struct wp_profile_module *module = &symbols->profile->modules[number];
    const struct wp_profile_source *source = &symbols->profile->sources[module->source];
    char trouble[160] = "";
    struct wp_symbol_module *opened =
        wp_symbol_module_open(module, source->live_pid, trouble, sizeof trouble);

    cache->trouble = NULL;
    if (opened != NULL)
        cache->has_dwarf = wp_symbol_module_has_dwarf(opened);
    else
        cache->trouble = wp_symbol_names_text(&symbols->index->symbolizer->names, trouble);
    return opened;
}

/* Names the locations of one module from memory, or else from its file. */
static int
symbols_name_module(struct wp_symbols *symbols, const struct symbols_order *order, size_t count)
{
    struct wp_symbolizer *symbolizer = symbols->index->symbolizer;
    uint32_t number = order[0].module;
    struct symbol_cache *cache = symbolizer_cache(symbolizer, &symbols->profile->modules[number]);
    struct wp_symbol_module *opened = NULL;
    bool tried = false;
    int result = cache == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        struct wp_location *location = &symbols->locations[order[i].location];
        const struct wp_key *key =
            wp_keyset_get(&cache->addresses, &location->vaddr, sizeof location->vaddr);

        if (key == NULL && !tried)
            opened = symbols_open_module(symbols, cache, number);
        tried = tried || key == NULL;
        if (key == NULL && opened != NULL) {
            key = wp_keyset_put(&cache->addresses, &location->vaddr, sizeof location->vaddr, NULL);
            if (key == NULL || wp_array_reserve(&cache->answers, &cache->answer_capacity,
                                                key->value, sizeof *cache->answers) != 0)
                result = -ENOMEM;
            else
                result = symbols_ask(symbolizer, cache, opened, location->vaddr, key->value);
        }
        if (key == NULL || result != 0)
            continue;
        location->lines = cache->answers[key->value].lines;
        location->line_count = cache->answers[key->value].line_count;
    }
    wp_symbol_module_close(opened);
    if (cache != NULL) {
        symbols->modules[number].trouble = cache->trouble;
        symbols->modules[number].has_inline_frames = cache->has_dwarf;
    }
    return result;
}

static int
symbols_name_all(struct wp_symbols *symbols)
{
    struct symbols_order *order = calloc(symbols->location_count + 1, sizeof *order);
    size_t count = 0;
    int result = 0;

    if (order == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < symbols->location_count; i++) {
        const struct wp_location *location = &symbols->locations[i];

        if (location->module != 0 && location->line_count == 0)
            order[count++] = (struct symbols_order){location->module, (uint32_t)i};
    }
    if (count > 1)
        qsort(order, count, sizeof *order, symbols_by_module);
    for (size_t from = 0, to; from < count && result == 0; from = to) {
        for (to = from + 1; to < count && order[to].module == order[from].module; to++)
            ;
        result = symbols_name_module(symbols, order + from, to - from);
    }
    free(order);
    return result;
}

/* Says of each module only what holds for all of its locations. */
static void
symbols_set_flags(struct wp_symbols *symbols)
{
    for (size_t i = 0; i < symbols->location_count; i++) {
        const struct wp_location *location = &symbols->locations[i];
        struct wp_module_symbols *module = &symbols->modules[location->module];

        if (!module->used)
            module->has_functions = module->has_filenames = module->has_line_numbers = true;
        module->used = true;
        if (location->line_count == 0)
            module->has_functions = module->has_filenames = module->has_line_numbers = false;
        for (uint32_t j = 0; j < location->line_count; j++) {
            module->has_functions = module->has_functions && location->lines[j].function[0] != '\0';
            module->has_filenames = module->has_filenames && location->lines[j].file[0] != '\0';
            module->has_line_numbers = module->has_line_numbers && location->lines[j].line != 0;
        }
    }
    for (size_t i = 0; i < symbols->profile->module_count; i++) {
        struct wp_module_symbols *module = &symbols->modules[i];

        module->has_inline_frames = module->has_inline_frames && module->has_filenames;
    }
}

int
wp_symbolize(struct wp_symbolizer *symbolizer, const struct wp_profile *profile,
             struct wp_symbols **symbols, struct wp_error *error)
{
    struct wp_symbols *made = calloc(1, sizeof *made);
    int result = -ENOMEM;

    *symbols = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for symbols");
    made->profile = profile;
    made->modules = calloc(profile->module_count, sizeof *made->modules);
    made->index = calloc(1, sizeof *made->index);
    if (made->modules != NULL && made->index != NULL) {
        made->index->symbolizer = symbolizer;
        result = wp_keyset_init(&made->index->keys);
        if (result == 0)
            result = wp_keyset_init(&made->index->function_places);
    }
    if (result == 0) {
        wp_layout_place(profile, made->modules);
        result = symbols_add_all(made);
    }
    if (result == 0 && !symbolizer->options.offline)
        result = symbols_name_all(made);
    if (result != 0) {
        wp_symbols_free(made);
        return wp_error_set(error, ENOMEM, "not enough memory for symbols");
    }
    symbols_set_flags(made);
    *symbols = made;
    return 0;
}

void
wp_symbols_free(struct wp_symbols *symbols)
{
    if (symbols == NULL)
        return;
    if (symbols->index != NULL) {
        wp_arena_free(&symbols->index->arena);
        wp_keyset_free(&symbols->index->keys);
        wp_wordmap_free(&symbols->index->frames);
        wp_keyset_free(&symbols->index->function_places);
        free(symbols->index->stacks);
        free(symbols->index->starts);
        free(symbols->index->first_functions);
        free(symbols->index);
    }
    free(symbols->locations);
    free(symbols->modules);
    free(symbols);
}

/* --- Reading
 * ------------------------------------------------------------------------------------ */

size_t
wp_symbols_stack(const struct wp_symbols *symbols, const struct wp_profile_sample *sample,
                 const uint32_t **locations)
{
    const struct wp_symbols_index *index = symbols->index;

    if (sample->key >= index->start_count)
        return 0;
    *locations = index->stacks + index->starts[sample->key];
    return sample->depth + (sample->function != 0 ? 1u : 0u);
}

const char *
wp_symbols_unnamed(const struct wp_symbols *symbols, const struct wp_location *location, char *text,
                   size_t size)
{
    const char *path = symbols->profile->modules[location->module].path;
    const char *base = strrchr(path, '/');
    char clean[256];

    base = base == NULL ? path : base + 1;
    wp_symbol_clean(base, clean, sizeof clean);
    if (location->module != 0 && clean[0] != '\0')
        snprintf(text, size, "[%s+0x%llx]", clean, (unsigned long long)location->vaddr);
    else
        snprintf(text, size, "[0x%llx]", (unsigned long long)location->vaddr);
    return text;
}
