#include <errno.h>
#include <json-c/json.h>
#include <time.h>

#include "cli/timeline/output.h"
#include "profile/json_add.h"
#include "profile/profile.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)

/* As RFC 3339 has it, in UTC. */
static bool
add_time(struct json_object *object, const char *name, uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / UINT64_C(1000000000));
    char text[40], second[24];
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof text, "%s.%03uZ", second,
             (unsigned)(time_ns % UINT64_C(1000000000) / 1000000));
    return wp_json_add_text(object, name, text);
}

static struct json_object *
make_part(const struct wp_timeline *timeline, const struct wp_timeline_row *row,
          const struct wp_timeline_part *part)
{
    struct json_object *object = json_object_new_object();

    if (object != NULL &&
        wp_json_add_text(object, "function", timeline->functions[part->function].name) &&
        wp_json_add_double(object, "delay_ns", part->delay_ns) &&
        wp_json_add_double(object, "share", row->delay_ns > 0 ? part->delay_ns / row->delay_ns : 0))
        return object;
    json_object_put(object);
    return NULL;
}

static bool
add_parts(struct json_object *object, const struct wp_timeline *timeline,
          const struct wp_timeline_row *row, size_t top)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; array != NULL && i < row->part_count && i < top; i++) {
        struct json_object *part = make_part(timeline, row, &row->parts[i]);

        if (part == NULL || json_object_array_add(array, part) != 0) {
            json_object_put(part);
            json_object_put(array);
            return false;
        }
    }
    return wp_json_add(object, "functions", array);
}

/* Without a member for what is not known. */
static bool
add_interval(struct json_object *object, const struct wp_timeline_row *row)
{
    struct wp_interval interval;

    if (!wp_timeline_interval(row, &interval))
        return true;
    return wp_json_add_double(object, "delay_per_second_low", interval.low) &&
           wp_json_add_double(object, "delay_per_second_high", interval.high);
}

static struct json_object *
make_row(const struct wp_timeline *timeline, const struct wp_timeline_row *row, size_t top)
{
    struct json_object *object = json_object_new_object();

    if (object != NULL && add_time(object, "from", row->from_ns) &&
        add_time(object, "until", row->until_ns) &&
        wp_json_add_double(object, "recorded_seconds", row->recorded_ns / 1e9) &&
        wp_json_add_double(object, "delay_ns", row->delay_ns) &&
        wp_json_add_double(object, "contentions", row->contentions) &&
        wp_json_add_double(object, "delay_per_second", wp_timeline_rate(row)) &&
        add_interval(object, row) && add_parts(object, timeline, row, top))
        return object;
    json_object_put(object);
    return NULL;
}

static bool
add_rows(struct json_object *object, const struct wp_timeline *timeline, size_t top)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; array != NULL && i < timeline->row_count; i++) {
        struct json_object *row = make_row(timeline, &timeline->rows[i], top);

        if (row == NULL || json_object_array_add(array, row) != 0) {
            json_object_put(row);
            json_object_put(array);
            return false;
        }
    }
    return wp_json_add(object, "rows", array);
}

int
wp_timeline_print_json(const struct wp_timeline *timeline, const struct wp_timeline_output *output,
                       FILE *stream, struct wp_error *error)
{
    struct json_object *object = json_object_new_object();
    const char *text = NULL;
    int status = 0;

    if (object != NULL && wp_json_add_text(object, "source", output->source) &&
        wp_json_add_text(object, "profile", wp_profile_type_name(timeline->options.type)) &&
        add_time(object, "from", timeline->options.from_ns) &&
        add_time(object, "until", timeline->options.until_ns) &&
        wp_json_add_double(object, "row_seconds", (double)timeline->options.row_ns / 1e9) &&
        wp_json_add_number(object, "profiles", timeline->profile_count) &&
        wp_json_add_flag(object, "gaps_are_known", timeline->is_noted) &&
        add_rows(object, timeline, output->top))
        text = json_object_to_json_string_ext(object, JSON_FLAGS);
    if (text == NULL)
        status = wp_error_set(error, ENOMEM, "not enough memory for the document");
    else
        fprintf(stream, "%s\n", text);
    json_object_put(object);
    return status;
}
