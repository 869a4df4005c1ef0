/*
 * Rows of stacks and of kinds, made of the model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top/model.h"
#include "profile/kind.h"
#include "profile/symbol_name.h"

const char *const wp_top_sort_headings[WP_TOP_SORT_COUNT] = {
#define SORT_HEADING(word, heading) heading,
    WP_TOP_SORTS(SORT_HEADING)
#undef SORT_HEADING
};

static int
no_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory for the rows");
}

int
wp_top_filter_compile(regex_t *filter, const char *text, struct wp_error *error)
{
    int code = regcomp(filter, text, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    char reason[128];

    if (code == 0)
        return 0;
    regerror(code, filter, reason, sizeof reason);
    return wp_error_set(error, EINVAL, "%s: %s", text, reason);
}

/* --- Which stacks */

static bool
filter_matches(const regex_t *filter, const struct wp_top_stack *stack)
{
    for (size_t i = 0; i < stack->frame_count; i++) {
        if (regexec(filter, stack->frames[i].function, 0, NULL, 0) == 0 ||
            regexec(filter, stack->frames[i].file, 0, NULL, 0) == 0)
            return true;
    }
    return false;
}

static bool
is_wanted(struct wp_top_stack *stack, const struct wp_top_query *query)
{
    if (query->kinds != NULL && !wp_kind_matches(query->kinds, stack->kind, stack->family))
        return false;
    if (query->filter == NULL)
        return true;
    /* A filter that was asked already: its answer for a stack never changes. */
    if (stack->filter != query->filter_number) {
        stack->filter = query->filter_number;
        stack->matches = filter_matches(query->filter, stack);
    }
    return stack->matches;
}

static bool
is_there(const struct wp_top_stack *stack, const struct wp_top_query *query)
{
    return stack->record != NULL && stack->profile == query->profile;
}

static int
name_stacks(struct wp_top_model *model, struct wp_top_stack **nameless, size_t count,
            struct wp_error *error)
{
    if (count == 0 || model->namer.name == NULL)
        return 0;
    return model->namer.name(model->namer.context, model->snapshot, nameless, count, error);
}

static int
name_all(struct wp_top_model *model, const struct wp_top_query *query, struct wp_error *error)
{
    struct wp_top_stack **nameless = calloc(model->stack_count + 1, sizeof *nameless);
    size_t count = 0;
    int status;

    if (nameless == NULL)
        return no_memory(error);
    for (size_t i = 0; i < model->stack_count; i++) {
        if (is_there(model->stacks[i], query) && model->stacks[i]->frames == NULL)
            nameless[count++] = model->stacks[i];
    }
    status = name_stacks(model, nameless, count, error);
    free(nameless);
    return status;
}

int
wp_top_rows_name(const struct wp_top_rows *rows, size_t from, size_t count,
                 struct wp_top_model *model, struct wp_error *error)
{
    struct wp_top_stack **nameless = calloc(count + 1, sizeof *nameless);
    size_t found = 0;
    int status;

    if (nameless == NULL)
        return no_memory(error);
    for (size_t i = from; i < rows->count && i - from < count; i++) {
        struct wp_top_stack *stack = rows->rows[i].stack;

        if (stack->frames == NULL && stack->record != NULL)
            nameless[found++] = stack;
    }
    status = name_stacks(model, nameless, found, error);
    free(nameless);
    return status;
}

/* --- What a row says */

static double
growth(uint64_t now, uint64_t before)
{
    return now > before ? (double)(now - before) : 0;
}

/* Of a delay, or of a delay by the second over `span_s`. */
static struct wp_top_interval
interval_of(double delay_ns, double variance, double samples, double span_s)
{
    struct wp_top_interval interval = {0};

    interval.is_known =
        span_s > 0 && wp_interval_of_delay(delay_ns, variance, samples, &interval.bounds);
    if (!interval.is_known)
        return (struct wp_top_interval){0};
    interval.bounds.low /= span_s;
    interval.bounds.high /= span_s;
    return interval;
}

/* Variances of two spans that follow each other add up, so what is between two looks is their
 * difference. Rounding must not make it negative. */
static double
variance_growth(double now, double before)
{
    return now > before ? now - before : 0;
}

static void
add_amounts(struct wp_top_row *row, const struct wp_top_stack *stack)
{
    row->delay_ns += (double)stack->now.delay_ns;
    row->contentions += (double)stack->now.contentions_fixed / WP_REGION_COUNT_ONE;
    row->samples += stack->now.samples;
    row->variance += stack->now.variance;
    row->span_samples += (uint64_t)growth(stack->now.samples, stack->before.samples);
    row->span_variance += variance_growth(stack->now.variance, stack->before.variance);
    /* Not yet by the second. */
    row->delay_per_s += growth(stack->now.delay_ns, stack->before.delay_ns);
    row->contentions_per_s +=
        growth(stack->now.contentions_fixed, stack->before.contentions_fixed) / WP_REGION_COUNT_ONE;
}

static void
finish_row(struct wp_top_row *row, double span_s, double all_delay_ns)
{
    if (span_s > 0 && row->contentions_per_s > 0)
        row->mean_ns = row->delay_per_s / row->contentions_per_s;
    else if (row->contentions > 0)
        row->mean_ns = row->delay_ns / row->contentions;
    row->delay_95 = interval_of(row->delay_ns, row->variance, (double)row->samples, 1);
    row->delay_per_s_95 =
        interval_of(row->delay_per_s, row->span_variance, (double)row->span_samples, span_s);
    row->delay_per_s = span_s > 0 ? row->delay_per_s / span_s : 0;
    row->contentions_per_s = span_s > 0 ? row->contentions_per_s / span_s : 0;
    row->share = all_delay_ns > 0 ? row->delay_ns / all_delay_ns : 0;
}

static double
sort_value(const struct wp_top_row *row, enum wp_top_sort sort)
{
    switch (sort) {
    case WP_TOP_SORT_RATE:
        return row->delay_per_s;
    case WP_TOP_SORT_WAITS_RATE:
        return row->contentions_per_s;
    case WP_TOP_SORT_MEAN:
        return row->mean_ns;
    case WP_TOP_SORT_WAITS:
        return row->contentions;
    default:
        return row->delay_ns;
    }
}

/* The largest first; rows that are equal in that by what they cost since the start. */
static int
compare_rows(const void *left, const void *right, void *context)
{
    const struct wp_top_row *a = left, *b = right;
    enum wp_top_sort sort = *(const enum wp_top_sort *)context;
    double a_value = sort_value(a, sort), b_value = sort_value(b, sort);

    if (a_value != b_value)
        return a_value > b_value ? -1 : 1;
    if (a->delay_ns != b->delay_ns)
        return a->delay_ns > b->delay_ns ? -1 : 1;
    return (a->stack > b->stack) - (a->stack < b->stack);
}

/* --- Grouping */

const struct wp_top_frame *
wp_top_stack_caller(const struct wp_top_stack *stack)
{
    for (size_t i = 1; i < stack->frame_count; i++) {
        const struct wp_top_frame *frame = &stack->frames[i];

        /* "[truncated]" and the like only name what is missing. */
        if (frame->function[0] != '[' && !wp_symbol_is_runtime(frame->function, frame->file))
            return frame;
    }
    return NULL;
}

/* The leaf and its caller, by text: what one row a function means. */
static struct wp_key *
find_group(struct wp_keyset *groups, const struct wp_top_stack *stack, bool *added)
{
    const struct wp_top_frame *caller = wp_top_stack_caller(stack);
    const char *texts[] = {
        stack->is_part ? stack->kind : "",
        stack->frame_count > 0 ? stack->frames[0].function : "",
        caller != NULL ? caller->function : "",
    };
    char key[1024];
    size_t used = 0;

    for (size_t i = 0; i < 3; i++) {
        size_t length = strnlen(texts[i], sizeof key / 3 - 1);

        memcpy(key + used, texts[i], length);
        used += length;
        key[used++] = '\0';
    }
    return wp_keyset_put(groups, key, used, added);
}

static int
add_row(struct wp_top_rows *rows, struct wp_keyset *groups, struct wp_top_stack *stack)
{
    struct wp_top_row *row = &rows->rows[rows->count];
    struct wp_key *group;
    bool added = true;

    if (groups != NULL) {
        group = find_group(groups, stack, &added);
        if (group == NULL)
            return -ENOMEM;
        row = &rows->rows[group->value];
    }
    if (added)
        rows->count++;
    if (row->stack == NULL || stack->now.delay_ns > row->stack->now.delay_ns)
        row->stack = stack;
    add_amounts(row, stack);
    add_amounts(&rows->total, stack);
    return 0;
}

static int
collect_rows(struct wp_top_rows *rows, const struct wp_top_model *model,
             const struct wp_top_query *query)
{
    bool grouped = query->grouping == WP_REPORT_FUNCTIONS;
    struct wp_keyset groups;
    int status = grouped ? wp_keyset_init(&groups) : 0;

    if (status != 0)
        return status;
    for (size_t i = 0; i < model->stack_count && status == 0; i++) {
        struct wp_top_stack *stack = model->stacks[i];

        if (!is_there(stack, query))
            continue;
        if (is_wanted(stack, query))
            status = add_row(rows, grouped ? &groups : NULL, stack);
        else
            rows->hidden++;
    }
    if (grouped)
        wp_keyset_free(&groups);
    return status;
}

int
wp_top_rows_make(struct wp_top_rows *rows, struct wp_top_model *model,
                 const struct wp_top_query *query, struct wp_error *error)
{
    enum wp_top_sort sort = query->sort;
    int status = 0;

    wp_top_rows_free(rows);
    rows->rows = calloc(model->stack_count + 1, sizeof *rows->rows);
    if (rows->rows == NULL)
        return no_memory(error);
    if (query->filter != NULL || query->grouping == WP_REPORT_FUNCTIONS)
        status = name_all(model, query, error);
    if (status == 0 && collect_rows(rows, model, query) != 0)
        status = no_memory(error);
    if (status != 0) {
        wp_top_rows_free(rows);
        return status;
    }
    for (size_t i = 0; i < rows->count; i++)
        finish_row(&rows->rows[i], model->span_s, rows->total.delay_ns);
    finish_row(&rows->total, model->span_s, rows->total.delay_ns);
    if (rows->count > 1)
        qsort_r(rows->rows, rows->count, sizeof *rows->rows, compare_rows, &sort);
    return 0;
}

void
wp_top_rows_free(struct wp_top_rows *rows)
{
    free(rows->rows);
    *rows = (struct wp_top_rows){0};
}

/* --- Kinds */

/* The same kind in the look before. Regions list their functions in one order for ever; a list that
 * does not is a damaged one, and its kinds then start from zero. */
static const struct wp_kind_total *
find_before(const struct wp_top_model *model, size_t index)
{
    return index < model->kind_before_count && model->kind_before_count == model->kind_count
               ? &model->kinds_before[index]
               : NULL;
}

static void
fill_kind(struct wp_top_kind *row, const struct wp_kind_total *now,
          const struct wp_kind_total *before, double span_s)
{
    static const struct wp_kind_total nothing;

    if (before == NULL)
        before = &nothing;
    *row = (struct wp_top_kind){.kind = now->kind, .family = now->family, .waits = now->waits};
    if (span_s > 0)
        row->waits_per_s = growth(now->waits, before->waits) / span_s;
    for (unsigned i = 0; i < 2; i++) {
        const struct wp_kind_amount *amount = &now->amount[i], *past = &before->amount[i];

        row->delay_ns[i] = (double)amount->delay_ns;
        row->contentions[i] = amount->contentions;
        row->delay_95[i] =
            interval_of(row->delay_ns[i], amount->variance, (double)amount->samples, 1);
        if (span_s <= 0)
            continue;
        row->delay_per_s_95[i] = interval_of(growth(amount->delay_ns, past->delay_ns),
                                             variance_growth(amount->variance, past->variance),
                                             growth(amount->samples, past->samples), span_s);
        row->delay_per_s[i] = growth(amount->delay_ns, past->delay_ns) / span_s;
        row->contentions_per_s[i] = growth(amount->contentions_fixed, past->contentions_fixed) /
                                    WP_REGION_COUNT_ONE / span_s;
    }
}

static int
compare_kinds(const void *left, const void *right)
{
    const struct wp_top_kind *a = left, *b = right;
    double difference =
        a->delay_per_s[0] + a->delay_per_s[1] - b->delay_per_s[0] - b->delay_per_s[1];

    if (difference == 0)
        difference = a->delay_ns[0] + a->delay_ns[1] - b->delay_ns[0] - b->delay_ns[1];
    if (difference != 0)
        return difference > 0 ? -1 : 1;
    return strcmp(a->kind, b->kind);
}

int
wp_top_kinds_make(struct wp_top_kinds *kinds, const struct wp_top_model *model, const char *list,
                  struct wp_error *error)
{
    wp_top_kinds_free(kinds);
    kinds->rows = calloc(model->kind_count + 1, sizeof *kinds->rows);
    if (kinds->rows == NULL)
        return no_memory(error);
    for (size_t i = 0; i < model->kind_count; i++) {
        const struct wp_kind_total *total = &model->kinds[i];
        bool seen =
            total->waits != 0 || total->amount[0].samples != 0 || total->amount[1].samples != 0;

        if (seen && (list == NULL || wp_kind_matches(list, total->kind, total->family)))
            fill_kind(&kinds->rows[kinds->count++], total, find_before(model, i), model->span_s);
    }
    if (kinds->count > 1)
        qsort(kinds->rows, kinds->count, sizeof *kinds->rows, compare_kinds);
    return 0;
}

void
wp_top_kinds_free(struct wp_top_kinds *kinds)
{
    free(kinds->rows);
    *kinds = (struct wp_top_kinds){0};
}
