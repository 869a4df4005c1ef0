#include "cli/top/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/symbolize.h"

struct wp_top_names {
    struct wp_symbolizer *symbolizer;
    struct wp_arena arena;
};

int
wp_top_names_new(struct wp_top_names **names, struct wp_error *error)
{
    int status;

    *names = calloc(1, sizeof **names);
    if (*names == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for names");
    status = wp_symbolizer_new(NULL, &(*names)->symbolizer, error);
    if (status != 0) {
        wp_top_names_free(*names);
        *names = NULL;
    }
    return status;
}

void
wp_top_names_free(struct wp_top_names *names)
{
    if (names == NULL)
        return;
    wp_symbolizer_free(names->symbolizer);
    wp_arena_free(&names->arena);
    free(names);
}

/* --- From locations to lines */

static size_t
count_lines(const struct wp_symbols *symbols, const uint32_t *locations, size_t depth)
{
    size_t lines = 0;

    for (size_t i = 0; i < depth; i++) {
        uint32_t count = symbols->locations[locations[i]].line_count;

        lines += count > 0 ? count : 1;
    }
    return lines;
}

static int
fill_unnamed(struct wp_top_names *names, struct wp_top_frame *frame,
             const struct wp_symbols *symbols, const struct wp_location *location)
{
    char text[320];

    wp_symbols_unnamed(symbols, location, text, sizeof text);
    frame->file = "";
    frame->function = wp_arena_string(&names->arena, text, strlen(text));
    return frame->function != NULL ? 0 : -ENOMEM;
}

static int
fill_frames(struct wp_top_names *names, struct wp_top_stack *stack,
            const struct wp_symbols *symbols, const struct wp_profile_sample *sample)
{
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(symbols, sample, &locations);
    size_t count = count_lines(symbols, locations, depth), used = 0;
    struct wp_top_frame *frames = wp_arena_take(&names->arena, (count + 1) * sizeof *frames);

    if (frames == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < depth; i++) {
        const struct wp_location *location = &symbols->locations[locations[i]];

        for (uint32_t j = 0; j < location->line_count; j++)
            frames[used++] = (struct wp_top_frame){
                .function = location->lines[j].function,
                .file = location->lines[j].file,
                .line = location->lines[j].line,
                .inlined = j + 1 < location->line_count,
            };
        if (location->line_count == 0 &&
            fill_unnamed(names, &frames[used++], symbols, location) != 0)
            return -ENOMEM;
    }
    stack->frames = frames;
    stack->frame_count = used;
    return 0;
}

/* --- One profile of all that want names */

/*
 * A snapshot of those stacks alone: finding a name must not cost a walk over all. The time of the
 * latest sample serves as a mark of which stack a sample of the profile stands for.
 */
static void
make_excerpt(struct wp_snapshot *excerpt, const struct wp_snapshot *snapshot,
             struct wp_reader_stack *records, struct wp_top_stack *const *stacks, size_t count)
{
    *excerpt = *snapshot;
    for (size_t i = 0; i < count; i++) {
        records[i] = *stacks[i]->record;
        records[i].last_monotonic_ns = i + 1;
    }
    excerpt->stacks = records;
    excerpt->stack_count = count;
}

static int
name_profile(struct wp_top_names *names, const struct wp_snapshot *excerpt,
             enum wp_region_profile type, struct wp_top_stack *const *stacks,
             struct wp_error *error)
{
    struct wp_profile *profile = wp_profile_new(type);
    struct wp_symbols *symbols = NULL;
    int status;

    if (profile == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for names");
    status = wp_profile_add(profile, excerpt, error);
    if (status == 0)
        status = wp_symbolize(names->symbolizer, profile, &symbols, error);
    for (size_t i = 0; i < profile->sample_count && status == 0; i++) {
        const struct wp_profile_sample *sample = profile->samples[i];

        if (fill_frames(names, stacks[sample->last_monotonic_ns - 1], symbols, sample) != 0)
            status = wp_error_set(error, ENOMEM, "not enough memory for names");
    }
    wp_symbols_free(symbols);
    wp_profile_free(profile);
    return status;
}

/* Those of a type; returns how many. */
static size_t
select_type(struct wp_top_stack **selected, struct wp_top_stack *const *stacks, size_t count,
            enum wp_region_profile type)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (stacks[i]->profile == type && stacks[i]->frames == NULL && stacks[i]->record != NULL)
            selected[found++] = stacks[i];
    }
    return found;
}

static int
name_type(struct wp_top_names *names, const struct wp_snapshot *snapshot,
          struct wp_top_stack **selected, size_t count, enum wp_region_profile type,
          struct wp_error *error)
{
    struct wp_reader_stack *records = calloc(count + 1, sizeof *records);
    int status = 0;

    if (records == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for names");
    /* Stacks that differ in the region may be one in a profile, which then names the last of them:
     * each round names at least one. */
    for (size_t left = count + 1; count > 0 && count < left && status == 0;) {
        struct wp_snapshot excerpt;

        left = count;
        make_excerpt(&excerpt, snapshot, records, selected, count);
        status = name_profile(names, &excerpt, type, selected, error);
        count = select_type(selected, selected, count, type);
    }
    free(records);
    return status;
}

static int
name_stacks(void *context, const struct wp_snapshot *snapshot, struct wp_top_stack *const *stacks,
            size_t count, struct wp_error *error)
{
    static const enum wp_region_profile types[] = {WP_PROFILE_BLOCK, WP_PROFILE_MUTEX};
    struct wp_top_stack **selected = calloc(count + 1, sizeof *selected);
    int status = 0;

    if (selected == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for names");
    for (size_t i = 0; i < 2 && status == 0; i++) {
        size_t found = select_type(selected, stacks, count, types[i]);

        status = name_type(context, snapshot, selected, found, types[i], error);
    }
    free(selected);
    return status;
}

struct wp_top_namer
wp_top_names_namer(struct wp_top_names *names)
{
    return (struct wp_top_namer){.name = name_stacks, .context = names};
}
