#include <json-c/json.h>
#include <math.h>

#include "cli/diff/difference.h"
#include "profile/json_add.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static const char *const side_names[WP_SIDE_COUNT] = {"base", "new"};

static const char *const basis_names[] = {
    [WP_BASIS_CAPTURES] = "captures", [WP_BASIS_SAMPLES] = "samples", [WP_BASIS_NONE] = "none"};

/* JSON has no infinity: null, as what is not known. */
static struct json_object *
number(double value)
{
    return isfinite(value) ? json_object_new_double(value) : NULL;
}

static void
add_figure(struct json_object *object, const char *name, double value)
{
    json_object_object_add(object, name, number(value));
}

/* NULL: nothing is claimed. */
static void
add_interval(struct json_object *object, const char *name, const struct wp_interval *interval)
{
    struct json_object *bounds = NULL;

    if (interval != NULL) {
        bounds = json_object_new_array();
        json_object_array_add(bounds, number(interval->low));
        json_object_array_add(bounds, number(interval->high));
    }
    json_object_object_add(object, name, bounds);
}

static void
add_values(struct json_object *object, const char *name, const struct wp_values *values)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < values->count; i++)
        json_object_array_add(array, number(values->value[i]));
    json_object_object_add(object, name, array);
}

static void
add_row_side(struct json_object *object, const struct wp_comparison_row *row,
             enum wp_comparison_side side)
{
    const struct wp_change *change = &row->change;
    struct json_object *figures = json_object_new_object();

    add_figure(figures, "delay_ns", wp_difference_delay(change, side));
    add_interval(figures, "delay_interval_ns", wp_difference_bounds(change, side));
    add_values(figures, "delays_ns", &row->delay[side]);
    add_values(figures, "contentions", &row->contentions[side]);
    add_figure(figures, "samples", row->samples[side]);
    json_object_object_add(object, side_names[side], figures);
}

static void
add_change(struct json_object *object, const struct wp_comparison_row *row)
{
    const struct wp_change *change = &row->change;
    bool is_known = change->basis != WP_BASIS_NONE;

    wp_json_add_text(object, "change", wp_difference_word(wp_difference_state_of(change)));
    wp_json_add_text(object, "basis", basis_names[change->basis]);
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        add_row_side(object, row, side);
    add_figure(object, "difference_ns", change->new - change->base);
    add_interval(object, "difference_interval_ns", is_known ? &change->difference : NULL);
    add_figure(object, "ratio", change->base > 0 ? change->new / change->base : NAN);
    add_interval(object, "ratio_interval", is_known ? &change->ratio : NULL);
    add_figure(object, "p", is_known ? change->p : NAN);
}

static void
add_frames(struct json_object *object, const struct wp_pprof_stack *stack)
{
    struct json_object *frames = json_object_new_array();

    for (size_t i = 0; i < stack->depth; i++) {
        const struct wp_pprof_frame *from = stack->frames[i];
        struct json_object *frame = json_object_new_object();

        wp_json_add_text(frame, "function", from->name);
        if (from->file[0] != '\0')
            wp_json_add_text(frame, "file", from->file);
        if (from->line != 0)
            wp_json_add_number(frame, "line", from->line);
        if (from->mapping[0] != '\0')
            wp_json_add_text(frame, "module", from->mapping);
        if (from->is_inlined)
            wp_json_add_flag(frame, "inlined", true);
        json_object_array_add(frames, frame);
    }
    json_object_object_add(object, "frames", frames);
}

static struct json_object *
make_row(const struct wp_comparison_row *row)
{
    struct json_object *object = json_object_new_object();

    wp_json_add_text(object, "function", row->name);
    wp_json_add_text(object, "file", row->file);
    wp_json_add_text(object, "leaf", row->leaf);
    wp_json_add_text(object, "kind", row->kind);
    wp_json_add_flag(object, "has_function", !wp_comparison_row_is_noted(row));
    add_change(object, row);
    if (row->stack != NULL)
        add_frames(object, row->stack);
    return object;
}

static struct json_object *
make_captures(const struct wp_difference *difference, enum wp_comparison_side side)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < difference->comparison->captures[side]; i++) {
        const struct wp_pprof *pprof = difference->sides->captures[side][i];
        struct json_object *capture = json_object_new_object();

        wp_json_add_text(capture, "file", pprof->path);
        wp_json_add_number(capture, "time_ns", pprof->time_ns);
        wp_json_add_number(capture, "span_ns", pprof->span_ns);
        add_figure(capture, "delay_ns", pprof->delay_ns);
        add_figure(capture, "contentions", pprof->contentions);
        json_object_array_add(array, capture);
    }
    return array;
}

static struct json_object *
make_header(const struct wp_difference *difference)
{
    const struct wp_comparison *comparison = difference->comparison;
    struct json_object *object = json_object_new_object();
    struct json_object *captures = json_object_new_object();
    struct json_object *total = json_object_new_object();
    struct json_object *shares = json_object_new_object();

    wp_json_add_text(object, "waitprof", WAITPROF_VERSION);
    wp_json_add_text(object, "profile", wp_difference_type(difference));
    wp_json_add_text(object, "per", comparison->unit);
    wp_json_add_text(object, "by",
                     difference->grouping == WP_COMPARE_STACKS ? "stack" : "function");
    wp_json_add_text(object, "basis", basis_names[difference->basis]);
    wp_json_add_text(object, "noise", wp_difference_basis_text(difference));
    wp_json_add_number(object, "changes", difference->change_count);
    wp_json_add_number(object, "row_count", difference->row_count);
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        json_object_object_add(captures, side_names[side], make_captures(difference, side));
    json_object_object_add(object, "captures", captures);
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++)
        add_figure(shares, side_names[side], comparison->faults[side].noted_share);
    json_object_object_add(object, "share_without_function", shares);
    add_change(total, &comparison->total);
    json_object_object_add(object, "total", total);
    return object;
}

/* One object; rows are written one by one, each on a line of its own, so that memory stays
 * small. */
int
wp_difference_write_json(const struct wp_difference *difference,
                         const struct wp_difference_view *view, FILE *stream,
                         struct wp_error *error)
{
    struct json_object *header = make_header(difference);
    size_t length = 0;
    const char *text = json_object_to_json_string_length(header, JSON_FLAGS, &length);

    /* The header without its closing brace, to which the rows are added. */
    fwrite(text, 1, length > 0 ? length - 1 : 0, stream);
    json_object_put(header);
    fputs(",\n\"rows\":[", stream);
    for (size_t i = 0; i < difference->row_count && i < view->rows; i++) {
        struct json_object *row = make_row(difference->rows[i]);

        fputs(i == 0 ? "\n" : ",\n", stream);
        fputs(json_object_to_json_string_ext(row, JSON_FLAGS), stream);
        json_object_put(row);
    }
    fputs("\n]}\n", stream);
    (void)error;
    return 0;
}
