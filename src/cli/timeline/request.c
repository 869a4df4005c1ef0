#include "cli/timeline/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/kind_functions.h"
#include "cli/message.h"
#include "cli/time_text.h"

/* The range of a request: what was stored, or the part that was asked for. */
static int
choose_range(const struct wp_timeline_values *values, const struct wp_stored_slices *slices,
             struct wp_timeline_options *options, struct wp_error *error)
{
    bool utc = values->utc;
    int status = 0;

    options->from_ns = slices->from_ns;
    options->until_ns = slices->until_ns;
    if (values->from != NULL)
        status = wp_time_parse(values->from, utc, slices->until_ns, WP_TIME_BEFORE,
                               &options->from_ns, error);
    if (status == 0 && values->to != NULL && values->from != NULL && values->to[0] != '-')
        status = wp_time_parse(values->to, utc, options->from_ns, WP_TIME_AFTER, &options->until_ns,
                               error);
    else if (status == 0 && values->to != NULL)
        status = wp_time_parse(values->to, utc, slices->until_ns, WP_TIME_BEFORE,
                               &options->until_ns, error);
    /* A clock time that only the next day has: the end was a moment before it. */
    if (status == 0 && values->from == NULL && values->to != NULL &&
        options->until_ns <= slices->from_ns)
        status = wp_time_parse(values->to, utc, slices->from_ns, WP_TIME_AFTER, &options->until_ns,
                               error);
    if (status == 0 && options->until_ns <= options->from_ns && values->from != NULL)
        status = wp_error_set(error, EINVAL, "--from %s: nothing is that late%s", values->from,
                              values->to != NULL ? ", or --to is before it" : "");
    if (status == 0 && options->until_ns <= options->from_ns)
        status = wp_error_set(error, EINVAL, "there are no profiles of that type and time");
    return status;
}

static void
name_source(char *const *arguments, const struct wp_stored_slices *slices,
            char source[WP_TIMELINE_SOURCE_BYTES])
{
    size_t others = slices->program_count;

    if (slices->program_count == 1)
        snprintf(source, WP_TIMELINE_SOURCE_BYTES, "%s", slices->programs[0].name);
    else if (others > 1)
        snprintf(source, WP_TIMELINE_SOURCE_BYTES, "%.160s (%zu programs)", arguments[0], others);
    else if (arguments[1] != NULL)
        snprintf(source, WP_TIMELINE_SOURCE_BYTES, "%.160s and others", arguments[0]);
    else
        snprintf(source, WP_TIMELINE_SOURCE_BYTES, "%s", arguments[0]);
}

static void
tell_reading(const struct wp_stored_reading *reading)
{
    if (reading->unreadable > 1)
        wp_message_warning(NULL, NULL, "%zu profiles in all could not be read and are left out",
                           reading->unreadable);
    if (reading->without_span > 0)
        wp_message_warning(NULL, NULL,
                           "profiles that do not say of what span of time they are are left out: "
                           "%zu",
                           reading->without_span);
}

int
wp_timeline_of_arguments(char *const *arguments, const struct wp_timeline_values *values,
                         const struct wp_timeline_request *request, struct wp_timeline **timeline,
                         char source[WP_TIMELINE_SOURCE_BYTES], struct wp_error *error)
{
    struct wp_stored_slices slices;
    struct wp_kind_functions functions = {0};
    struct wp_timeline_options options = {
        .type = request->type,
        .row_ns = request->row_ns,
        .rows_max = request->rows_max,
        .utc = values->utc,
        .selection = {.function = values->function, .kinds = values->kinds},
    };
    int status = wp_stored_slices_find(arguments, request->type, &slices, error);

    *timeline = NULL;
    if (status == 0)
        status = choose_range(values, &slices, &options, error);
    if (status == 0)
        status = wp_kind_functions_read(values->kinds, &functions, error);
    options.selection.functions = functions.functions;
    options.selection.function_count = functions.count;
    if (status == 0)
        status =
            wp_timeline_make(&slices, &options, request->visit, request->context, timeline, error);
    if (status == 0) {
        tell_reading(&(*timeline)->reading);
        name_source(arguments, &slices, source);
    }
    wp_kind_functions_free(&functions);
    wp_stored_slices_free(&slices);
    return status;
}
