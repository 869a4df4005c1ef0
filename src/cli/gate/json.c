#include <errno.h>
#include <math.h>

#include "cli/gate/outputs.h"
#include "cli/gate/words.h"
#include "profile/json_add.h"
#include "profile/profile.h"

/* JSON has no infinite numbers, and none that is unknown: null. */
static bool
add_figure(struct json_object *object, const char *name, double value)
{
    if (isfinite(value))
        return wp_json_add_double(object, name, value);
    return json_object_object_add(object, name, NULL) == 0;
}

static bool
add_text_or_null(struct json_object *object, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        return wp_json_add_text(object, name, text);
    return json_object_object_add(object, name, NULL) == 0;
}

static bool
add_row(struct json_object *object, const struct wp_comparison_row *row,
        const struct wp_judgement *judgement)
{
    const struct wp_change *change = &row->change;

    return wp_json_add_text(object, "verdict", wp_gate_verdict_name(judgement->verdict)) &&
           add_figure(object, "base_ns", change->base) &&
           add_figure(object, "new_ns", change->new) &&
           add_figure(object, "ratio", change->base > 0 ? change->new / change->base : NAN) &&
           add_figure(object, "ratio_low", judgement->ratio.low) &&
           add_figure(object, "ratio_high", judgement->ratio.high);
}

static bool
add_functions(struct json_object *object, const struct wp_gate_decision *decision)
{
    struct json_object *list = json_object_new_array();
    bool done = list != NULL;

    for (size_t i = 0; i < decision->function_count && done; i++) {
        const struct wp_gate_function *function = &decision->functions[i];
        struct json_object *item = json_object_new_object();

        done = item != NULL && wp_json_add_text(item, "function", function->row->name) &&
               add_text_or_null(item, "file", function->row->file) &&
               add_row(item, function->row, &function->judgement) &&
               json_object_array_add(list, item) == 0;
        if (!done)
            json_object_put(item);
    }
    if (done)
        return wp_json_add(object, "functions", list);
    json_object_put(list);
    return false;
}

static bool
add_shares(struct json_object *object, const struct wp_comparison *comparison)
{
    struct json_object *shares = json_object_new_object();

    return wp_json_add(object, "share_without_function", shares) &&
           add_figure(shares, "base", comparison->faults[WP_SIDE_BASE].noted_share) &&
           add_figure(shares, "new", comparison->faults[WP_SIDE_NEW].noted_share);
}

static bool
add_decision(struct json_object *object, const struct wp_gate_decision *decision)
{
    const struct wp_comparison *comparison = decision->comparison;
    struct json_object *total = json_object_new_object();
    char text[WP_GATE_SENTENCE_BYTES];

    if (total == NULL || !add_row(total, &comparison->total, &decision->total)) {
        json_object_put(total);
        return false;
    }
    return wp_json_add(object, "total", total) &&
           wp_json_add_text(object, "verdict", wp_gate_verdict_name(decision->verdict)) &&
           wp_json_add_text(object, "reason", wp_gate_describe_reason(decision, text)) &&
           add_text_or_null(object, "profile",
                            comparison->type != 0 ? wp_profile_type_name(comparison->type)
                                                  : NULL) &&
           wp_json_add_text(object, "unit", comparison->unit) &&
           add_figure(object, "max_regression", decision->tolerance) &&
           wp_json_add_number(object, "captures_base", comparison->captures[WP_SIDE_BASE]) &&
           wp_json_add_number(object, "captures_new", comparison->captures[WP_SIDE_NEW]) &&
           wp_json_add_number(object, "more_captures", decision->more_captures) &&
           add_shares(object, comparison) && add_functions(object, decision);
}

int
wp_gate_write_json(const struct wp_gate_decision *decision, FILE *stream, struct wp_error *error)
{
    struct json_object *object = json_object_new_object();
    const char *text = NULL;

    if (object != NULL && add_decision(object, decision))
        text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                          JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text != NULL)
        fprintf(stream, "%s\n", text);
    json_object_put(object);
    return text != NULL ? 0 : wp_error_set(error, ENOMEM, "out of memory");
}
