#include "agent/rendering.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/keyset.h"
#include "profile/symbolize.h"

/* An address takes some 250 bytes. */
#define REMEMBERED_MAX 400000u

/* A symbolizer, as long as anyone reads strings of it. */
struct renderer_memory {
    struct wp_symbolizer *symbolizer;
    unsigned references; /* guarded by the renderer's mutex */
};

/* An address of a profile. name NULL: it has none. */
struct renderer_name {
    uint64_t address;
    const char *name;
};

/* The addresses of both profiles of a region, sorted. */
struct renderer_names {
    uint64_t region_id;
    size_t stacks; /* that the region had */
    struct renderer_memory *memory;
    struct renderer_name *rows;
    size_t count;
    size_t capacity;
};

struct wp_renderer {
    pthread_mutex_t mutex; /* guards `memory` and what it points to */
    struct renderer_memory *memory;
    size_t remembered_max;
    pthread_mutex_t names_mutex; /* guards `names`; taken before the other */
    struct renderer_names names;
};

/* NULL and an error text when out of memory. */
static struct renderer_memory *
renderer_make_memory(struct wp_error *error)
{
    struct renderer_memory *made = calloc(1, sizeof *made);

    if (made == NULL) {
        wp_error_set(error, ENOMEM, "not enough memory for symbols");
        return NULL;
    }
    if (wp_symbolizer_new(NULL, &made->symbolizer, error) != 0) {
        free(made);
        return NULL;
    }
    made->references = 1;
    return made;
}

/* Under the mutex. */
static void
renderer_drop_memory(struct renderer_memory *memory)
{
    if (memory == NULL || --memory->references != 0)
        return;
    wp_symbolizer_free(memory->symbolizer);
    free(memory);
}

static void
renderer_release(struct wp_renderer *renderer, struct renderer_memory *memory)
{
    pthread_mutex_lock(&renderer->mutex);
    renderer_drop_memory(memory);
    pthread_mutex_unlock(&renderer->mutex);
}

int
wp_renderer_new(struct wp_renderer **renderer, struct wp_error *error)
{
    struct wp_renderer *made = calloc(1, sizeof *made);

    *renderer = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for symbols");
    made->memory = renderer_make_memory(error);
    if (made->memory == NULL) {
        free(made);
        return -ENOMEM;
    }
    made->remembered_max = REMEMBERED_MAX;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_mutex_init(&made->names_mutex, NULL);
    *renderer = made;
    return 0;
}

void
wp_renderer_free(struct wp_renderer *renderer)
{
    if (renderer == NULL)
        return;
    free(renderer->names.rows);
    renderer_drop_memory(renderer->names.memory);
    renderer_drop_memory(renderer->memory);
    pthread_mutex_destroy(&renderer->mutex);
    pthread_mutex_destroy(&renderer->names_mutex);
    free(renderer);
}

void
wp_renderer_limit(struct wp_renderer *renderer, size_t addresses)
{
    pthread_mutex_lock(&renderer->mutex);
    renderer->remembered_max = addresses;
    pthread_mutex_unlock(&renderer->mutex);
}

size_t
wp_renderer_remembers(struct wp_renderer *renderer)
{
    size_t addresses;

    pthread_mutex_lock(&renderer->mutex);
    addresses = wp_symbolizer_remembers(renderer->memory->symbolizer);
    pthread_mutex_unlock(&renderer->mutex);
    return addresses;
}

/* Under the mutex. When there is no memory for a new symbolizer, the old one stays. */
static void
renderer_bound_memory(struct wp_renderer *renderer)
{
    struct renderer_memory *fresh;

    if (wp_symbolizer_remembers(renderer->memory->symbolizer) <= renderer->remembered_max)
        return;
    fresh = renderer_make_memory(NULL);
    if (fresh == NULL)
        return;
    renderer_drop_memory(renderer->memory);
    renderer->memory = fresh;
}

/* On success *memory is the caller's to release, after the symbols. */
static int
renderer_symbolize(struct wp_renderer *renderer, const struct wp_profile *profile,
                   struct wp_symbols **symbols, struct renderer_memory **memory,
                   struct wp_error *error)
{
    int status;

    pthread_mutex_lock(&renderer->mutex);
    renderer_bound_memory(renderer);
    status = wp_symbolize(renderer->memory->symbolizer, profile, symbols, error);
    if (status == 0) {
        *memory = renderer->memory;
        (*memory)->references++;
    }
    pthread_mutex_unlock(&renderer->mutex);
    return status;
}

/* --- Profiles
 * ----------------------------------------------------------------------------------- */

/* A profile of one snapshot; the caller frees it, on failure too. */
static int
rendering_profile(enum wp_region_profile type, const struct wp_snapshot *snapshot,
                  struct wp_profile **profile, struct wp_error *error)
{
    *profile = wp_profile_new(type);
    if (*profile == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for a profile");
    return wp_profile_add(*profile, snapshot, error);
}

int
wp_rendering_base(enum wp_region_profile type, const struct wp_snapshot *earlier,
                  struct wp_delta_base **base, struct wp_error *error)
{
    struct wp_profile *profile = NULL;
    int status = rendering_profile(type, earlier, &profile, error);

    *base = NULL;
    if (status == 0)
        status = wp_delta_base_new(profile, base, error);
    wp_profile_free(profile);
    return status;
}

static int
rendering_requested(const struct wp_rendering_request *request, struct wp_profile **profile,
                    struct wp_error *error)
{
    struct wp_profile *earlier = NULL;
    int status = rendering_profile(request->type, request->now, profile, error);

    if (status == 0 && request->next != NULL)
        status = wp_delta_base_new(*profile, request->next, error);
    if (status == 0 && request->earlier != NULL) {
        status = rendering_profile(request->type, request->earlier, &earlier, error);
        if (status == 0)
            status = wp_profile_subtract(*profile, earlier, error);
        wp_profile_free(earlier);
    }
    if (status == 0 && request->base != NULL)
        status = wp_delta_base_subtract(request->base, *profile, error);
    if (status == 0 && request->kinds != NULL)
        status = wp_profile_select_kinds(*profile, request->kinds, error);
    if (status == 0)
        wp_profile_sort(*profile);
    return status;
}

static int
rendering_encode(const struct wp_rendering_request *request, const struct wp_profile *profile,
                 const struct wp_symbols *symbols, struct wp_rendering *rendering,
                 struct wp_error *error)
{
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);
    int status;

    if (stream == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory to write a profile");
    status = request->encoder->encode(profile, symbols, &request->encode, stream, error);
    if (fclose(stream) != 0 && status == 0)
        status = wp_error_set(error, ENOMEM, "not enough memory to write a profile");
    if (status != 0) {
        free(bytes);
        return status;
    }
    rendering->bytes = bytes;
    rendering->length = length;
    rendering->stacks = profile->sample_count;
    rendering->duration_ns = profile->duration_ns;
    return 0;
}

int
wp_render(struct wp_renderer *renderer, const struct wp_rendering_request *request,
          struct wp_rendering *rendering, struct wp_error *error)
{
    struct renderer_memory *memory = NULL;
    struct wp_profile *profile = NULL;
    struct wp_symbols *symbols = NULL;
    int status;

    *rendering = (struct wp_rendering){0};
    if (request->next != NULL)
        *request->next = NULL;
    status = rendering_requested(request, &profile, error);
    if (status == 0)
        status = renderer_symbolize(renderer, profile, &symbols, &memory, error);
    /* Symbols only refer to what the symbolizer never changes: encoding needs no turn. */
    if (status == 0)
        status = rendering_encode(request, profile, symbols, rendering, error);
    if (status != 0 && request->next != NULL) {
        wp_delta_base_free(*request->next);
        *request->next = NULL;
    }
    wp_symbols_free(symbols);
    renderer_release(renderer, memory);
    wp_profile_free(profile);
    return status;
}

/* --- Names of addresses
 * ------------------------------------------------------------------------- */

static int
names_compare(const void *left, const void *right)
{
    const struct renderer_name *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

/* How many stacks a profile of the snapshot has, or more: records with nothing in them yet are not
 * in profiles. Stacks only come, so that equal numbers mean equal stacks. */
static size_t
names_count_stacks(const struct wp_snapshot *snapshot)
{
    size_t count = 0;

    for (size_t i = 0; i < snapshot->stack_count; i++)
        count += snapshot->stacks[i].contentions_fixed != 0 || snapshot->stacks[i].delay_ns != 0;
    return count;
}

static void
names_clear(struct wp_renderer *renderer)
{
    free(renderer->names.rows);
    renderer_release(renderer, renderer->names.memory);
    renderer->names = (struct renderer_names){0};
}

static int
names_add(struct renderer_names *names, const struct wp_symbols *symbols)
{
    for (size_t i = 0; i < symbols->location_count; i++) {
        const struct wp_location *location = &symbols->locations[i];

        if (wp_array_reserve(&names->rows, &names->capacity, names->count, sizeof *names->rows) !=
            0)
            return -ENOMEM;
        /* Go has the innermost of inlined functions, too. */
        names->rows[names->count++] = (struct renderer_name){
            .address = location->address,
            .name = location->line_count > 0 ? location->lines[0].function : NULL,
        };
    }
    return 0;
}

/* Both profiles are symbolized together, so that their strings are of one symbolizer. */
static int
names_fill(struct wp_renderer *renderer, const struct wp_snapshot *snapshot)
{
    static const enum wp_region_profile types[] = {WP_PROFILE_BLOCK, WP_PROFILE_MUTEX};
    struct renderer_names *names = &renderer->names;
    struct wp_profile *profiles[2] = {NULL, NULL};
    struct wp_symbols *symbols = NULL;
    int status = 0;

    for (unsigned i = 0; i < 2 && status == 0; i++)
        status = rendering_profile(types[i], snapshot, &profiles[i], NULL);
    pthread_mutex_lock(&renderer->mutex);
    renderer_bound_memory(renderer);
    names->memory = renderer->memory;
    names->memory->references++;
    for (unsigned i = 0; i < 2 && status == 0; i++) {
        status = wp_symbolize(names->memory->symbolizer, profiles[i], &symbols, NULL);
        if (status == 0)
            status = names_add(names, symbols);
        wp_symbols_free(symbols);
        symbols = NULL;
    }
    pthread_mutex_unlock(&renderer->mutex);
    wp_profile_free(profiles[0]);
    wp_profile_free(profiles[1]);
    names->region_id = snapshot->region_id;
    names->stacks = names_count_stacks(snapshot);
    if (names->count > 1)
        qsort(names->rows, names->count, sizeof *names->rows, names_compare);
    return status;
}

static const struct renderer_name *
names_find(const struct renderer_names *names, uint64_t address)
{
    const struct renderer_name wanted = {.address = address};

    return names->count == 0
               ? NULL
               : bsearch(&wanted, names->rows, names->count, sizeof *names->rows, names_compare);
}

/* What is known of the snapshot's region has to do for addresses that it holds: they and their
 * names stay. For another address it must be of the same stacks. */
static const struct renderer_name *
names_look_up(struct wp_renderer *renderer, const struct wp_snapshot *snapshot, uint64_t address)
{
    struct renderer_names *names = &renderer->names;
    const struct renderer_name *found = NULL;
    bool same_region = names->memory != NULL && names->region_id == snapshot->region_id;

    if (same_region)
        found = names_find(names, address);
    if (found != NULL || (same_region && names->stacks >= names_count_stacks(snapshot)))
        return found;
    names_clear(renderer);
    if (names_fill(renderer, snapshot) != 0) {
        names_clear(renderer);
        return NULL;
    }
    return names_find(names, address);
}

bool
wp_renderer_symbol(struct wp_renderer *renderer, const struct wp_snapshot *snapshot,
                   uint64_t address, char *name, size_t size)
{
    const struct renderer_name *found;
    bool has_name;

    pthread_mutex_lock(&renderer->names_mutex);
    found = names_look_up(renderer, snapshot, address);
    has_name = found != NULL && found->name != NULL;
    if (has_name)
        snprintf(name, size, "%s", found->name);
    pthread_mutex_unlock(&renderer->names_mutex);
    return has_name;
}
