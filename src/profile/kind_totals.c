#include "profile/kind_totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile_index.h"

/* Rows being made. rows_of has the row of each function. */
struct totals {
    const struct wp_snapshot *snapshot;
    struct wp_kind_total *rows;
    size_t *row_of;
    size_t count;
};

static bool
totals_init(struct totals *totals)
{
    size_t rows = totals->snapshot->function_count + 1;

    totals->rows = calloc(rows, sizeof *totals->rows);
    totals->row_of = calloc(rows, sizeof *totals->row_of);
    return totals->rows != NULL && totals->row_of != NULL;
}

/* The row of a kind, made if it is new. There are a few dozen. */
static size_t
totals_row(struct totals *totals, const char *kind, const char *family)
{
    for (size_t i = 0; i < totals->count; i++) {
        if (strcmp(totals->rows[i].kind, kind) == 0)
            return i;
    }
    totals->rows[totals->count].kind = kind;
    totals->rows[totals->count].family = family;
    return totals->count++;
}

static void
totals_add_functions(struct totals *totals)
{
    const struct wp_snapshot *snapshot = totals->snapshot;

    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct wp_reader_function *function = &snapshot->functions[i];

        if (function->kind[0] != '\0')
            totals->row_of[i] = totals_row(totals, function->kind, function->family);
    }
    totals_row(totals, "", "");
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct wp_reader_function *function = &snapshot->functions[i];

        if (function->kind[0] == '\0')
            totals->row_of[i] = totals->count - 1;
        totals->rows[totals->row_of[i]].waits =
            wp_profile_sum(totals->rows[totals->row_of[i]].waits, function->waits);
    }
}

static void
totals_add_stacks(struct totals *totals)
{
    for (size_t i = 0; i < totals->snapshot->stack_count; i++) {
        const struct wp_reader_stack *stack = &totals->snapshot->stacks[i];
        struct wp_kind_amount *amount = &totals->rows[totals->row_of[stack->function]]
                                             .amount[stack->profile - WP_PROFILE_BLOCK];

        amount->contentions_fixed =
            wp_profile_sum(amount->contentions_fixed, stack->contentions_fixed);
        amount->delay_ns = wp_profile_sum(amount->delay_ns, stack->delay_ns);
        amount->samples = wp_profile_sum(amount->samples, stack->samples);
        amount->variance += stack->variance;
    }
    for (size_t i = 0; i < totals->count; i++) {
        for (unsigned type = 0; type < 2; type++) {
            struct wp_kind_amount *amount = &totals->rows[i].amount[type];

            amount->contentions = (double)amount->contentions_fixed / WP_REGION_COUNT_ONE;
        }
    }
}

int
wp_kind_totals(const struct wp_snapshot *snapshot, struct wp_kind_total **totals, size_t *count,
               struct wp_error *error)
{
    struct totals made = {.snapshot = snapshot};

    *totals = NULL;
    *count = 0;
    if (totals_init(&made)) {
        totals_add_functions(&made);
        totals_add_stacks(&made);
        *totals = made.rows;
        *count = made.count;
    } else {
        free(made.rows);
    }
    free(made.row_of);
    return *totals != NULL ? 0 : wp_error_set(error, ENOMEM, "not enough memory for totals");
}
