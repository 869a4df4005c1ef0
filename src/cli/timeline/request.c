#include "cli/timeline/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/kind_functions.h"
#include "cli/message.h"
#include "cli/time_text.h"
#include "profile/profile.h"

/* Nothing that was found is of the type and says of what span it is: which of the two is wrong. */
static int
explain_nothing(const struct wp_stored_slices *slices, enum wp_region_profile type,
                struct wp_error *error)
{
    const char *other =
        wp_profile_type_name(type == WP_PROFILE_BLOCK ? WP_PROFILE_MUTEX : WP_PROFILE_BLOCK);

    if (slices->timeless_path != NULL)
        return wp_error_set(error, EINVAL,
                            "%s does not say of what span of time it is; profiles of `waitprof "
                            "record` do",
                            slices->timeless_path);
    if (slices->type_count == 0 && slices->other_path != NULL)
        return wp_error_set(error, EINVAL,
                            "%s: what is there is of the %s profile; give --profile "
                            "%s",
                            slices->other_path, other, other);
    return wp_error_set(error, EINVAL,
                        "there are no profiles that can be read and say of what span they are");
}

/* What was asked for has nothing of what is stored. */
static int
explain_range(const struct wp_timeline_values *values, const struct wp_stored_slices *slices,
              const struct wp_timeline_options *options, struct wp_error *error)
{
    char from[WP_TIME_TEXT_BYTES], until[WP_TIME_TEXT_BYTES], what[128];

    if (options->from_ns >= slices->until_ns)
        snprintf(what, sizeof what, "--from %.64s: nothing is that late", values->from);
    else if (options->until_ns <= slices->from_ns)
        snprintf(what, sizeof what, "--to %.64s: nothing is that early", values->to);
    else
        snprintf(what, sizeof what, "--to %.64s: that is not after --from", values->to);
    return wp_error_set(error, EINVAL, "%s; what is stored is from %s to %s", what,
                        wp_time_format(slices->from_ns, values->utc, WP_TIME_FULL, from),
                        wp_time_format(slices->until_ns, values->utc, WP_TIME_FULL, until));
}

/* The range of a request: what was stored, or the part that was asked for; the same for both
 * types. */
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
    if (status == 0 && (slices->until_ns <= slices->from_ns ||
                        (slices->type_count == 0 && slices->span_count == 0)))
        return explain_nothing(slices, options->type, error);
    if (status == 0 &&
        (options->until_ns <= options->from_ns || options->until_ns <= slices->from_ns ||
         options->from_ns >= slices->until_ns))
        status = explain_range(values, slices, options, error);
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
    if (status == 0 && request->is_optional && slices.type_count == 0 && slices.span_count == 0) {
        wp_stored_slices_free(&slices);
        return 0;
    }
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
