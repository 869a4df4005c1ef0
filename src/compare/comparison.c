#include "compare/comparison.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/comparison_select.h"
#include "profile/keyset.h"
#include "profile/profile.h"

/* Of what is marked as a change, at most this share is noise. */
#define FALSE_DISCOVERY_RATE 0.05

#define NS_PER_S 1e9

/* What is handed out, and the memory behind it. */
struct comparison_owner {
    struct wp_comparison comparison; /* first: what others know */
    struct wp_arena arena;
    struct wp_selection selection; /* has the names */
};

struct maker {
    struct comparison_owner *owner;
    const struct wp_comparison_options *options;
    struct wp_pprof *const *captures[WP_SIDE_COUNT];
    size_t counts[WP_SIDE_COUNT];
    double operations[WP_SIDE_COUNT];
    bool tells_kinds;
    double *unknown;       /* the noise of what has no known one */
    struct wp_keyset keys; /* what a row is -> index of rows */
    uint32_t *words;       /* a key being made */
    size_t word_capacity;
    size_t row_capacity;
    double *largest; /* by row: delay of its stack */
    size_t largest_capacity;
    struct wp_error *error;
};

/* A stack of a capture, on its way into a row. */
struct addition {
    enum wp_comparison_side side;
    size_t number; /* of the capture on its side */
    const struct wp_pprof *capture;
    const struct wp_pprof_stack *stack;
    double unit;
};

static int
maker_out_of_memory(const struct maker *maker)
{
    return wp_error_set(maker->error, ENOMEM, "not enough memory to compare");
}

/* --- What can be compared
 * --------------------------------------------------------------------- */

static int
maker_check_unit(const struct maker *maker)
{
    bool is_per_operation = maker->operations[WP_SIDE_BASE] != 0;

    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        double operations = maker->operations[side];

        if (maker->counts[side] == 0)
            return wp_error_set(maker->error, EINVAL, "there are no captures of the %s side",
                                side == WP_SIDE_BASE ? "base" : "new");
        if (!(operations >= 0) || isinf(operations) || (operations != 0) != is_per_operation)
            return wp_error_set(maker->error, EINVAL,
                                "numbers of operations are positive, and are given for both sides");
        for (size_t i = 0; i < maker->counts[side]; i++) {
            if (!is_per_operation && maker->captures[side][i]->span_ns == 0)
                return wp_error_set(
                    maker->error, EINVAL,
                    "%s does not say how long it took: compare with --per operation N, or capture "
                    "a span: "
                    "`waitprof record PID --seconds 30`, or Go's /debug/pprof/...?seconds=30",
                    maker->captures[side][i]->path);
        }
    }
    return 0;
}

/* One type, which the comparison then has; files that do not tell go with any. */
static int
maker_check_types(const struct maker *maker)
{
    const struct wp_pprof *first = NULL;

    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        for (size_t i = 0; i < maker->counts[side]; i++) {
            const struct wp_pprof *capture = maker->captures[side][i];

            if (capture->type == 0)
                continue;
            if (first == NULL)
                first = capture;
            if (capture->type != first->type)
                return wp_error_set(maker->error, EINVAL,
                                    "%s is a %s profile and %s a %s profile: compare profiles of "
                                    "one type",
                                    first->path, wp_profile_type_name(first->type), capture->path,
                                    wp_profile_type_name(capture->type));
        }
    }
    maker->owner->comparison.type = first != NULL ? first->type : 0;
    return 0;
}

/* A kind tells rows apart only where both sides have it; else each would be new or gone. */
static bool
maker_tells_kinds(const struct maker *maker)
{
    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        for (size_t i = 0; i < maker->counts[side]; i++) {
            const struct wp_pprof *capture = maker->captures[side][i];

            if (!capture->has_kinds && capture->stack_count > 0)
                return false;
        }
    }
    return true;
}

/* --- Rows
 * --------------------------------------------------------------------------------------- */

/* The values of a row, which begin as 0, with the noise of what was not seen. */
static int
row_init(struct maker *maker, struct wp_comparison_row *row)
{
    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        size_t count = maker->counts[side];
        double *delay = wp_arena_take(&maker->owner->arena, count * sizeof *delay);
        double *contentions = wp_arena_take(&maker->owner->arena, count * sizeof *contentions);
        double *noise = wp_arena_take(&maker->owner->arena, count * sizeof *noise);
        double *sampling = wp_arena_take(&maker->owner->arena, count * sizeof *sampling);
        double *samples = wp_arena_take(&maker->owner->arena, count * sizeof *samples);

        if (delay == NULL || contentions == NULL || noise == NULL || sampling == NULL ||
            samples == NULL)
            return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
            bool has_errors = maker->captures[side][i]->has_errors;

            noise[i] = sampling[i] = samples[i] = has_errors ? 0 : NAN;
        }
        row->delay[side] =
            (struct wp_values){.value = delay,
                               .noise = noise,
                               .sampling = sampling,
                               .samples = samples,
                               .count = count,
                               .has_copies = maker->owner->comparison.faults[side].copies > 0};
        row->contentions[side] = (struct wp_values){.value = contentions,
                                                    .noise = maker->unknown,
                                                    .sampling = maker->unknown,
                                                    .count = count};
    }
    return 0;
}

static void
row_add(struct wp_comparison_row *row, const struct addition *addition)
{
    const struct wp_pprof_stack *stack = addition->stack;
    /* The values are const for others alone. */
    double *delay = (double *)(uintptr_t)row->delay[addition->side].value;
    double *noise = (double *)(uintptr_t)row->delay[addition->side].noise;
    double *sampling = (double *)(uintptr_t)row->delay[addition->side].sampling;
    double *samples = (double *)(uintptr_t)row->delay[addition->side].samples;
    double unit_squared = addition->unit * addition->unit;
    double *contentions = (double *)(uintptr_t)row->contentions[addition->side].value;

    delay[addition->number] += stack->delay_ns / addition->unit;
    contentions[addition->number] += stack->contentions / addition->unit;
    noise[addition->number] += stack->has_error ? stack->squares / unit_squared : NAN;
    sampling[addition->number] += stack->has_error ? stack->variance / unit_squared : NAN;
    samples[addition->number] += stack->has_error ? stack->samples : NAN;
}

static int
key_add(struct maker *maker, size_t *used, const struct wp_pprof *capture, const char *text)
{
    const struct wp_selection_name *name =
        wp_selection_name(&maker->owner->selection, capture, text);

    if (name == NULL ||
        wp_array_reserve(&maker->words, &maker->word_capacity, *used, sizeof *maker->words) != 0)
        return -ENOMEM;
    maker->words[(*used)++] = name->id;
    return 0;
}

/* Writes what makes a row the same row as another into `words`. */
static int
key_make(struct maker *maker, const struct addition *addition, const struct wp_pprof_frame *caller,
         size_t *used)
{
    const struct wp_pprof_stack *stack = addition->stack;
    int result = 0;

    *used = 0;
    result = key_add(maker, used, addition->capture, maker->tells_kinds ? stack->kind : "");
    if (maker->options->grouping == WP_COMPARE_FUNCTIONS && stack->depth > 0) {
        if (result == 0)
            result = key_add(maker, used, addition->capture, stack->frames[0]->name);
        if (result == 0)
            result = key_add(maker, used, addition->capture, caller->name);
        return result;
    }
    for (size_t i = 0; i < stack->depth && result == 0; i++)
        result = key_add(maker, used, addition->capture, stack->frames[i]->name);
    return result;
}

/* What stands for the row when it is shown: of all its stacks, the one with the most delay. */
static int
row_describe(struct maker *maker, struct wp_comparison_row *row, const struct addition *addition,
             const struct wp_pprof_frame *caller)
{
    static const char *const none = "[no stack]";
    const struct wp_pprof_stack *stack = addition->stack;
    const struct wp_selection_name *name;

    row->stack = stack;
    row->kind = maker->tells_kinds ? stack->kind : "";
    row->name = row->leaf = none;
    row->file = "";
    if (caller == NULL)
        return 0;
    row->file = caller->file;
    name = wp_selection_name(&maker->owner->selection, addition->capture, caller->name);
    if (name == NULL)
        return -ENOMEM;
    row->name = name->text;
    name = wp_selection_name(&maker->owner->selection, addition->capture, stack->frames[0]->name);
    if (name == NULL)
        return -ENOMEM;
    row->leaf = name->text;
    return 0;
}

static int
maker_add_to_row(struct maker *maker, const struct addition *addition)
{
    struct wp_comparison *comparison = &maker->owner->comparison;
    const struct wp_pprof_frame *caller = wp_selection_caller(addition->capture, addition->stack);
    double delay = addition->stack->delay_ns / addition->unit;
    const struct wp_key *key;
    struct wp_comparison_row *row;
    size_t words = 0;
    bool added;

    if (key_make(maker, addition, caller, &words) != 0)
        return -ENOMEM;
    key = wp_keyset_put(&maker->keys, maker->words, words * sizeof *maker->words, &added);
    if (key == NULL ||
        wp_array_reserve(&comparison->rows, &maker->row_capacity, key->value,
                         sizeof *comparison->rows) != 0 ||
        wp_array_reserve(&maker->largest, &maker->largest_capacity, key->value,
                         sizeof *maker->largest) != 0)
        return -ENOMEM;
    row = &comparison->rows[key->value];
    if (added) {
        *row = (struct wp_comparison_row){.name = ""};
        comparison->row_count = maker->keys.count;
        if (row_init(maker, row) != 0)
            return -ENOMEM;
    }
    if (added || delay > maker->largest[key->value]) {
        maker->largest[key->value] = delay;
        if (row_describe(maker, row, addition, caller) != 0)
            return -ENOMEM;
    }
    row_add(row, addition);
    return 0;
}

static int
maker_add_capture(struct maker *maker, enum wp_comparison_side side, size_t number)
{
    struct wp_comparison *comparison = &maker->owner->comparison;
    const struct wp_pprof *capture = maker->captures[side][number];
    double operations = maker->operations[side];
    struct addition addition = {
        .side = side,
        .number = number,
        .capture = capture,
        .unit = operations > 0 ? operations : (double)capture->span_ns / NS_PER_S,
    };
    size_t kindless = 0;

    for (size_t i = 0; i < capture->stack_count; i++) {
        enum wp_selection_verdict verdict;

        addition.stack = &capture->stacks[i];
        verdict = wp_selection_judge(&maker->owner->selection, capture, addition.stack);
        kindless += verdict == WP_SELECTION_KINDLESS;
        if (verdict == WP_SELECTION_UNKNOWN)
            return maker_out_of_memory(maker);
        if (verdict != WP_SELECTION_IN)
            continue;
        row_add(&comparison->total, &addition);
        if (maker_add_to_row(maker, &addition) != 0)
            return maker_out_of_memory(maker);
    }
    comparison->kindless_stacks += kindless;
    if (kindless == 0 || kindless < capture->stack_count)
        return 0;
    return wp_error_set(maker->error, EINVAL,
                        "nothing in %s tells what kinds its waits are of: capture with `waitprof "
                        "record --labels kind`, or compare without kinds",
                        capture->path);
}

/* --- Changes
 * ---------------------------------------------------------------------------------- */

static double
row_difference(const struct wp_comparison_row *row)
{
    return fabs(row->change.new - row->change.base);
}

static int
row_order(const void *left, const void *right)
{
    const struct wp_comparison_row *a = left;
    const struct wp_comparison_row *b = right;
    double a_difference = row_difference(a), b_difference = row_difference(b);
    int order;

    if (a_difference != b_difference)
        return a_difference > b_difference ? -1 : 1;
    if (a->change.base != b->change.base)
        return a->change.base > b->change.base ? -1 : 1;
    order = strcmp(a->name, b->name);
    return order != 0 ? order : strcmp(a->leaf, b->leaf);
}

static void
row_measure(struct wp_comparison_row *row)
{
    for (size_t side = 0; side < WP_SIDE_COUNT; side++)
        row->samples[side] = wp_values_samples(&row->delay[side]);
    wp_change_measure(&row->delay[WP_SIDE_BASE], &row->delay[WP_SIDE_NEW], &row->change);
}

static int
maker_measure(struct maker *maker)
{
    struct wp_comparison *comparison = &maker->owner->comparison;
    struct wp_change *total = &comparison->total.change;
    struct wp_change **changes = calloc(comparison->row_count + 1, sizeof *changes);

    if (changes == NULL)
        return maker_out_of_memory(maker);
    for (size_t i = 0; i < comparison->row_count; i++) {
        row_measure(&comparison->rows[i]);
        changes[i] = &comparison->rows[i].change;
    }
    wp_changes_mark(changes, comparison->row_count, FALSE_DISCOVERY_RATE);
    /* A claim of its own, not one among the rows of which a share may be noise. */
    row_measure(&comparison->total);
    wp_changes_mark(&total, 1, FALSE_DISCOVERY_RATE);
    free(changes);
    if (comparison->row_count > 1)
        qsort(comparison->rows, comparison->row_count, sizeof *comparison->rows, row_order);
    return 0;
}

/* --- All of it
 * -------------------------------------------------------------------------------- */

static int
maker_prepare(struct maker *maker)
{
    struct wp_comparison *comparison = &maker->owner->comparison;
    size_t most = 0;

    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        comparison->captures[side] = maker->counts[side];
        comparison->faults[side] = wp_faults_find(maker->captures[side], maker->counts[side]);
        most = maker->counts[side] > most ? maker->counts[side] : most;
    }
    comparison->unit = maker->operations[WP_SIDE_BASE] > 0 ? "operation" : "s";
    maker->tells_kinds = maker_tells_kinds(maker);
    maker->unknown = wp_arena_take(&maker->owner->arena, most * sizeof *maker->unknown);
    if (maker->unknown == NULL || wp_keyset_init(&maker->keys) != 0)
        return maker_out_of_memory(maker);
    for (size_t i = 0; i < most; i++)
        maker->unknown[i] = NAN;
    comparison->total =
        (struct wp_comparison_row){.name = "total", .file = "", .leaf = "", .kind = ""};
    if (row_init(maker, &comparison->total) != 0)
        return maker_out_of_memory(maker);
    return 0;
}

static int
maker_run(struct maker *maker)
{
    int result = maker_check_unit(maker);

    if (result == 0)
        result = maker_check_types(maker);
    if (result == 0)
        result = wp_selection_init(&maker->owner->selection, maker->options,
                                   maker->owner->comparison.type, maker->error);
    if (result == 0)
        result = maker_prepare(maker);
    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        for (size_t i = 0; i < maker->counts[side] && result == 0; i++)
            result = maker_add_capture(maker, (enum wp_comparison_side)side, i);
    }
    if (result == 0)
        result = maker_measure(maker);
    wp_keyset_free(&maker->keys);
    free(maker->words);
    free(maker->largest);
    return result;
}

int
wp_comparison_make(struct wp_pprof *const *captures[WP_SIDE_COUNT],
                   const size_t counts[WP_SIDE_COUNT], const struct wp_comparison_options *options,
                   struct wp_comparison **comparison, struct wp_error *error)
{
    struct maker maker = {.options = options, .error = error};
    int result;

    *comparison = NULL;
    for (size_t side = 0; side < WP_SIDE_COUNT; side++) {
        maker.captures[side] = captures[side];
        maker.counts[side] = counts[side];
        maker.operations[side] = options->operations[side];
    }
    maker.owner = calloc(1, sizeof *maker.owner);
    if (maker.owner == NULL)
        return maker_out_of_memory(&maker);
    result = maker_run(&maker);
    if (result == 0)
        *comparison = &maker.owner->comparison;
    else
        wp_comparison_free(&maker.owner->comparison);
    return result;
}

bool
wp_comparison_row_is_noted(const struct wp_comparison_row *row)
{
    return row->stack != NULL && wp_faults_is_noted(row->stack);
}

void
wp_comparison_free(struct wp_comparison *comparison)
{
    struct comparison_owner *owner = (struct comparison_owner *)comparison;

    if (owner == NULL)
        return;
    wp_selection_free(&owner->selection);
    wp_arena_free(&owner->arena);
    free(comparison->rows);
    free(owner);
}
