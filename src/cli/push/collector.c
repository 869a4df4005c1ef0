#include "cli/push/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rendering.h"
#include "cli/message.h"
#include "profile/profile.h"

#define TYPES 2u

static const enum wp_region_profile types[TYPES] = {WP_PROFILE_BLOCK, WP_PROFILE_MUTEX};

struct program {
    struct wp_target *target;
    struct wp_delta_base *bases[TYPES]; /* NULL: counted from the program's start */
    uint64_t from_ns;
    bool has_begun;    /* it is in the list of regions */
    bool has_ended;    /* there is one more delta at most */
    bool is_unsafe;    /* the sink did not take what there was */
    bool told_trouble; /* what is wrong with it was said */
};

struct wp_collector {
    struct wp_collector_options options;
    struct wp_renderer *renderer;
    struct program *programs;
    size_t count, capacity;
    bool told_unsafe; /* that the sink takes nothing was said */
};

int
wp_collector_new(const struct wp_collector_options *options, struct wp_collector **collector,
                 struct wp_error *error)
{
    struct wp_collector *made = calloc(1, sizeof *made);
    int status;

    *collector = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    made->options = *options;
    status = wp_renderer_new(&made->renderer, error);
    if (status != 0) {
        free(made);
        return status;
    }
    *collector = made;
    return 0;
}

static void
free_bases(struct wp_delta_base *bases[TYPES])
{
    for (unsigned i = 0; i < TYPES; i++)
        wp_delta_base_free(bases[i]);
}

/* All or none. */
static int
make_bases(const struct wp_snapshot *snapshot, struct wp_delta_base *bases[TYPES],
           struct wp_error *error)
{
    int status = 0;

    for (unsigned i = 0; i < TYPES; i++)
        bases[i] = NULL;
    for (unsigned i = 0; status == 0 && i < TYPES; i++)
        status = wp_rendering_base(types[i], snapshot, &bases[i], error);
    if (status != 0)
        free_bases(bases);
    return status;
}

static void
free_program(struct program *program)
{
    free_bases(program->bases);
    wp_target_release(program->target);
}

void
wp_collector_free(struct wp_collector *collector)
{
    if (collector == NULL)
        return;
    for (size_t i = 0; i < collector->count; i++)
        free_program(&collector->programs[i]);
    free(collector->programs);
    wp_renderer_free(collector->renderer);
    free(collector);
}

int
wp_collector_add(struct wp_collector *collector, struct wp_target *target, bool from_start,
                 struct wp_error *error)
{
    struct program program = {.from_ns = target->start_realtime_ns};

    program.has_begun = wp_begun_regions_have(collector->options.begun, target->region_id);
    if (!from_start || program.has_begun) {
        struct wp_snapshot *now = NULL;
        int status = wp_target_read(target, &now, error);

        if (status == 0)
            status = make_bases(now, program.bases, error);
        if (status == 0)
            program.from_ns = now->read_realtime_ns;
        wp_snapshot_free(now);
        if (status != 0)
            return status;
    }
    if (collector->count == collector->capacity) {
        size_t capacity = collector->capacity > 0 ? 2 * collector->capacity : 16;
        struct program *programs =
            reallocarray(collector->programs, capacity, sizeof *collector->programs);

        if (programs == NULL) {
            free_bases(program.bases);
            return wp_error_set(error, ENOMEM, "out of memory");
        }
        collector->programs = programs;
        collector->capacity = capacity;
    }
    program.target = wp_target_hold(target);
    collector->programs[collector->count++] = program;
    wp_message_detail("%s %" PRIu32 ": counted from %s on", target->command, target->pid,
                      program.bases[0] == NULL ? "its start" : "now");
    return 0;
}

static void
tell_trouble(struct program *program, const char *text)
{
    if (!program->told_trouble)
        wp_message_warning(program->target->command, NULL, "pid %" PRIu32 ": %s",
                           program->target->pid, text);
    program->told_trouble = true;
}

/* The first of many is said; and when it is over. */
static void
tell_unsafe(struct wp_collector *collector, struct program *program, const char *text)
{
    if (text == NULL && collector->told_unsafe)
        wp_message_note("profiles can be kept again");
    if (text != NULL && !collector->told_unsafe)
        wp_message_warning(NULL, NULL,
                           "%s; until that is mended, the time goes into later profiles", text);
    collector->told_unsafe = text != NULL;
    program->is_unsafe = text != NULL;
}

/* Both deltas; those with no stack are left out. *made is the number of renderings, which are the
 * caller's to free. */
static int
render(struct wp_collector *collector, const struct program *program, const struct wp_snapshot *now,
       struct wp_rendering renderings[TYPES], enum wp_region_profile of[TYPES], size_t *made,
       struct wp_error *error)
{
    struct wp_rendering_request request = {
        .now = now,
        .kinds = collector->options.view.kinds,
        .encode = collector->options.view.encode,
        .encoder = wp_encoder_find("pprof"),
    };
    int status = 0;

    *made = 0;
    for (unsigned i = 0; status == 0 && i < TYPES; i++) {
        struct wp_rendering *rendering = &renderings[*made];

        request.type = types[i];
        request.base = program->bases[i];
        *rendering = (struct wp_rendering){0};
        status = wp_render(collector->renderer, &request, rendering, error);
        if (status != 0)
            break;
        of[*made] = request.type;
        if (rendering->stacks == 0)
            free(rendering->bytes);
        else
            ++*made;
    }
    return status;
}

/* Renderings to the sink. The region is put down in the list first: were it the other way round, a
 * crash in between would make the next command count this time again. */
static int
hand_over(struct wp_collector *collector, struct program *program, const struct wp_snapshot *now,
          const struct wp_rendering *renderings, const enum wp_region_profile *of, size_t count,
          struct wp_error *error)
{
    const struct wp_target *target = program->target;
    struct wp_push_profile profiles[TYPES];
    char series[WP_SERIES_NAME_BYTES];
    int status = wp_begun_regions_mend(collector->options.begun, error);

    if (status == 0 && !program->has_begun)
        status = wp_begun_regions_add(collector->options.begun, target->region_id, error);
    if (status != 0)
        return status;
    program->has_begun = true;
    wp_series_name(collector->options.naming, target->command, target->pid, series);
    for (size_t i = 0; i < count; i++) {
        profiles[i] = (struct wp_push_profile){
            .type = of[i],
            .series = series,
            .command = target->command,
            .pid = target->pid,
            .from_ns = program->from_ns,
            .until_ns = now->read_realtime_ns,
            .bytes = renderings[i].bytes,
            .length = renderings[i].length,
        };
    }
    return collector->options.sink->put(collector->options.sink, profiles, count, error);
}

static void
collect_program(struct wp_collector *collector, struct program *program)
{
    struct wp_rendering renderings[TYPES];
    enum wp_region_profile of[TYPES];
    struct wp_delta_base *bases[TYPES] = {NULL};
    struct wp_snapshot *now = NULL;
    struct wp_error error = {""};
    size_t count = 0;
    int status = wp_target_read(program->target, &now, &error);

    if (status == 0)
        status = render(collector, program, now, renderings, of, &count, &error);
    /* Before anything is handed over: what was must not be counted again for want of memory. */
    if (status == 0 && (count > 0 || program->bases[0] != NULL))
        status = make_bases(now, bases, &error);
    if (status != 0) {
        tell_trouble(program, error.text);
    } else if (count > 0) {
        status = hand_over(collector, program, now, renderings, of, count, &error);
        tell_unsafe(collector, program, status != 0 ? error.text : NULL);
    }
    for (size_t i = 0; i < count; i++)
        free(renderings[i].bytes);
    if (status == 0 && bases[0] != NULL) {
        program->from_ns = now->read_realtime_ns;
        free_bases(program->bases);
        memcpy(program->bases, bases, sizeof bases);
    } else {
        free_bases(bases);
    }
    wp_snapshot_free(now);
}

/* Those that have ended are done with, unless the sink may still take their last profiles. */
static void
forget_ended(struct wp_collector *collector)
{
    size_t kept = 0;

    for (size_t i = 0; i < collector->count; i++) {
        struct program *program = &collector->programs[i];

        if (program->has_ended && !program->is_unsafe)
            free_program(program);
        else
            collector->programs[kept++] = *program;
    }
    collector->count = kept;
}

void
wp_collector_end(struct wp_collector *collector, const struct wp_target *target)
{
    for (size_t i = 0; i < collector->count; i++) {
        struct program *program = &collector->programs[i];

        if (program->target != target || program->has_ended)
            continue;
        program->has_ended = true;
        collect_program(collector, program);
        wp_message_detail("%s %" PRIu32 ": has ended", target->command, target->pid);
    }
    forget_ended(collector);
}

void
wp_collector_collect(struct wp_collector *collector)
{
    for (size_t i = 0; i < collector->count; i++)
        collect_program(collector, &collector->programs[i]);
    forget_ended(collector);
}

size_t
wp_collector_programs(const struct wp_collector *collector)
{
    return collector->count;
}

bool
wp_collector_is_stuck(const struct wp_collector *collector)
{
    for (size_t i = 0; i < collector->count; i++) {
        if (collector->programs[i].is_unsafe)
            return true;
    }
    return false;
}
