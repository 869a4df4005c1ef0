#include "cli/report/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/rendering.h"
#include "cli/capture_directory.h"
#include "cli/untold_captures.h"
#include "profile/keyset.h"
#include "profile/region_find.h"

static size_t
count_arguments(char *const *arguments)
{
    size_t count = 0;

    while (arguments[count] != NULL)
        count++;
    return count;
}

static bool
is_directory(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* A file that does not begin as regions do is taken for a profile; so is a pipe, whose beginning
 * can be read but once. */
static bool
is_profile(const char *path)
{
    char magic[sizeof WP_REGION_MAGIC - 1] = "";
    struct stat facts;
    FILE *stream;
    bool is_region;

    if (stat(path, &facts) != 0)
        return false;
    if (!S_ISREG(facts.st_mode))
        return true;
    stream = fopen(path, "rbe");
    if (stream == NULL)
        return true;
    is_region = fread(magic, sizeof magic, 1, stream) == 1 &&
                memcmp(magic, WP_REGION_MAGIC, sizeof magic) == 0;
    fclose(stream);
    return !is_region;
}

static int
open_region(struct wp_report_source *source, const char *what, struct wp_error *error)
{
    struct wp_region_place place;
    int status = wp_region_find(what, &place, error);

    if (status == 0)
        status = wp_reader_open(&place, &source->regions[source->region_count], error);
    source->region_count += status == 0;
    return status;
}

/* A wp_capture_directory_visit. */
static int
add_file(const char *path, void *context, struct wp_error *error)
{
    struct wp_report_source *source = context;
    int status;

    if (wp_array_reserve(&source->files, &source->file_capacity, source->file_count,
                         sizeof source->files[0]) != 0)
        return wp_error_set(error, ENOMEM, "out of memory");
    status = wp_pprof_read(path, &source->files[source->file_count], error);
    source->file_count += status == 0;
    return status;
}

static int
open_arguments(struct wp_report_source *source, struct wp_error *error)
{
    int status = 0;

    for (size_t i = 0; source->arguments[i] != NULL && status == 0; i++) {
        const char *argument = source->arguments[i];

        if (is_directory(argument)) {
            if (!source->has_slices)
                status = wp_capture_directory_read(argument, add_file, source, error);
            continue;
        }
        if (!is_profile(argument) && source->has_slices)
            return wp_error_set(error, EINVAL,
                                "%s: a region cannot be reported together with a directory of "
                                "slices",
                                argument);
        if (!is_profile(argument)) {
            status = open_region(source, argument, error);
        } else if (!source->has_slices) {
            status = add_file(argument, source, error);
        }
    }
    return status;
}

/* Beside others that tell their type, what does not is left out. */
static void
drop_untold(struct wp_report_source *source)
{
    struct wp_untold_captures dropped = {.count = 0};
    bool is_type_told = source->region_count > 0;

    for (size_t i = 0; i < source->file_count; i++)
        is_type_told |= source->files[i]->type != 0;
    if (!is_type_told)
        return;
    wp_untold_captures_drop(source->files, &source->file_count, &dropped);
    wp_untold_captures_warn(&dropped);
}

int
wp_report_source_open(char *const *arguments, const struct wp_comparison_options *selection,
                      struct wp_report_source *source, struct wp_error *error)
{
    size_t count = count_arguments(arguments);
    int status;

    *source = (struct wp_report_source){.arguments = arguments, .selection = *selection};
    for (size_t i = 0; i < count; i++)
        source->has_slices |= is_directory(arguments[i]) && !wp_capture_directory_is(arguments[i]);
    source->regions = calloc(count, sizeof(struct wp_snapshot *));
    if (source->regions == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    status = wp_kind_functions_read(selection->kinds, &source->functions, error);
    source->selection.functions = source->functions.functions;
    source->selection.function_count = source->functions.count;
    if (status == 0)
        status = open_arguments(source, error);
    if (status == 0)
        drop_untold(source);
    return status;
}

void
wp_report_source_close(struct wp_report_source *source)
{
    for (size_t i = 0; i < source->region_count; i++)
        wp_snapshot_free(source->regions[i]);
    for (size_t i = 0; i < source->file_count; i++)
        wp_pprof_free(source->files[i]);
    free(source->regions);
    free(source->files);
    wp_kind_functions_free(&source->functions);
}

/* A region as the file that `export` would write of it, so that there is one way from profiles to
 * reports. */
static int
add_region(const struct wp_snapshot *snapshot, struct wp_renderer *renderer,
           struct wp_report_waits *waits, struct wp_error *error)
{
    const struct wp_rendering_request request = {
        .type = waits->type,
        .now = snapshot,
        .encode = {.labels = 1u << WP_LABEL_kind},
        .encoder = &wp_encoders[0],
    };
    struct wp_rendering rendering;
    struct wp_pprof *capture = NULL;
    int status = wp_render(renderer, &request, &rendering, error);

    if (status == 0)
        status =
            wp_pprof_decode(rendering.bytes, rendering.length, snapshot->command, &capture, error);
    if (status == 0)
        status = wp_report_waits_add(waits, capture, error);
    wp_pprof_free(capture);
    free(rendering.bytes);
    return status;
}

static int
add_regions(const struct wp_report_source *source, struct wp_report_waits *waits,
            struct wp_error *error)
{
    struct wp_renderer *renderer = NULL;
    int status = 0;

    if (source->region_count == 0)
        return 0;
    status = wp_renderer_new(&renderer, error);
    for (size_t i = 0; i < source->region_count && status == 0; i++)
        status = add_region(source->regions[i], renderer, waits, error);
    wp_renderer_free(renderer);
    return status;
}

static void
name_source(const struct wp_report_source *source, char name[WP_REPORT_SOURCE_BYTES])
{
    if (source->region_count == 1 && source->file_count == 0)
        snprintf(name, WP_REPORT_SOURCE_BYTES, "%.64s, pid %" PRIu32, source->regions[0]->command,
                 source->regions[0]->pid);
    else
        snprintf(name, WP_REPORT_SOURCE_BYTES, "%.160s%s", source->arguments[0],
                 source->arguments[1] != NULL ? " and others" : "");
}

int
wp_report_source_read(const struct wp_report_source *source, struct wp_report_waits *waits,
                      char name[WP_REPORT_SOURCE_BYTES], struct wp_error *error)
{
    int status = add_regions(source, waits, error);

    for (size_t i = 0; i < source->file_count && status == 0; i++) {
        /* What does not say its type is most likely of those that wait. */
        enum wp_region_profile type =
            source->files[i]->type != 0 ? source->files[i]->type : WP_PROFILE_BLOCK;

        if (type == waits->type)
            status = wp_report_waits_add(waits, source->files[i], error);
    }
    name_source(source, name);
    return status;
}

int
wp_report_source_add(const struct wp_pprof *capture, void *context, struct wp_error *error)
{
    return wp_report_waits_add(context, capture, error);
}
