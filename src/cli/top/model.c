#include "cli/top/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top/threads.h"

/* What tells stacks apart: profile and function, then the frames. */
struct identity {
    uint64_t profile_and_function;
    uint64_t frames[WP_REGION_MAX_DEPTH];
};

static int
no_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory for the view");
}

int
wp_top_model_init(struct wp_top_model *model, struct wp_top_namer namer, struct wp_error *error)
{
    *model = (struct wp_top_model){.namer = namer};
    return wp_keyset_init(&model->keys) == 0 ? 0 : no_memory(error);
}

void
wp_top_model_free(struct wp_top_model *model)
{
    wp_keyset_free(&model->keys);
    wp_arena_free(&model->arena);
    free(model->stacks);
    free(model->kinds);
    free(model->kinds_before);
    free(model->threads_before);
    wp_snapshot_free(model->snapshot);
    *model = (struct wp_top_model){0};
}

static void
add_saturated(uint64_t *sum, uint64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = UINT64_MAX;
}

/* The text as the model's own: equal texts need not be equal pointers. */
static const char *
copy_text(struct wp_top_model *model, const char *text)
{
    return wp_arena_string(&model->arena, text, strlen(text));
}

static struct wp_top_stack *
add_stack(struct wp_top_model *model, const struct wp_snapshot *snapshot,
          const struct wp_reader_stack *record)
{
    const struct wp_reader_function *function = &snapshot->functions[record->function];
    struct wp_top_stack *stack = wp_arena_take(&model->arena, sizeof *stack);

    if (stack == NULL || wp_array_reserve(&model->stacks, &model->stack_capacity,
                                          model->stack_count, sizeof(struct wp_top_stack *)) != 0)
        return NULL;
    stack->profile = (enum wp_region_profile)record->profile;
    stack->kind = copy_text(model, function->kind);
    stack->family = copy_text(model, function->family);
    stack->is_part = function->part_of != 0;
    stack->has_function = record->function != 0;
    if (stack->kind == NULL || stack->family == NULL)
        return NULL;
    model->stacks[model->stack_count++] = stack;
    return stack;
}

/* The stack of a record, made if it is new; NULL when out of memory. */
static struct wp_top_stack *
find_stack(struct wp_top_model *model, const struct wp_snapshot *snapshot,
           const struct wp_reader_stack *record)
{
    struct identity identity;
    struct wp_key *key;
    bool added;

    identity.profile_and_function = (uint64_t)record->profile << 32 | record->function;
    memcpy(identity.frames, record->frames, record->depth * sizeof identity.frames[0]);
    key = wp_keyset_put(&model->keys, &identity, (record->depth + 1u) * sizeof(uint64_t), &added);
    if (key == NULL)
        return NULL;
    if (added)
        key->value = (uint32_t)model->stack_count;
    return added ? add_stack(model, snapshot, record) : model->stacks[key->value];
}

static int
update_stacks(struct wp_top_model *model, const struct wp_snapshot *snapshot)
{
    for (size_t i = 0; i < model->stack_count; i++) {
        model->stacks[i]->before = model->stacks[i]->now;
        model->stacks[i]->now = (struct wp_top_amount){0};
        model->stacks[i]->record = NULL;
    }
    for (size_t i = 0; i < snapshot->stack_count; i++) {
        const struct wp_reader_stack *record = &snapshot->stacks[i];
        struct wp_top_stack *stack;

        /* Records are made before their first sample. */
        if (record->contentions_fixed == 0 && record->delay_ns == 0)
            continue;
        stack = find_stack(model, snapshot, record);
        if (stack == NULL)
            return -ENOMEM;
        stack->record = record;
        add_saturated(&stack->now.contentions_fixed, record->contentions_fixed);
        add_saturated(&stack->now.delay_ns, record->delay_ns);
        add_saturated(&stack->now.samples, record->samples);
        stack->now.variance += record->variance;
    }
    return 0;
}

/* Notes of the look before what rates are made from. */
static int
keep_past(struct wp_top_model *model)
{
    free(model->kinds_before);
    model->kinds_before = model->kinds;
    model->kind_before_count = model->kind_count;
    model->kinds = NULL;
    model->kind_count = 0;
    if (model->snapshot == NULL)
        return 0;
    memcpy(model->counters_before, model->snapshot->counters, sizeof model->counters_before);
    model->read_before_ns = model->snapshot->read_monotonic_ns;
    return wp_top_threads_keep(model);
}

int
wp_top_model_update(struct wp_top_model *model, struct wp_snapshot *snapshot,
                    struct wp_error *error)
{
    struct wp_snapshot *earlier = model->snapshot;
    int status = keep_past(model);

    model->span_s = 0;
    if (earlier != NULL && snapshot->read_monotonic_ns > earlier->read_monotonic_ns)
        model->span_s = (double)(snapshot->read_monotonic_ns - earlier->read_monotonic_ns) / 1e9;
    model->snapshot = snapshot;
    if (status == 0)
        status = update_stacks(model, snapshot);
    wp_snapshot_free(earlier);
    if (status != 0)
        return no_memory(error);
    return wp_kind_totals(snapshot, &model->kinds, &model->kind_count, error);
}

double
wp_top_model_rate(const struct wp_top_model *model, enum wp_region_counter counter)
{
    uint64_t before = model->counters_before[counter];
    uint64_t now = model->snapshot != NULL ? model->snapshot->counters[counter] : 0;

    if (model->span_s <= 0 || now < before)
        return 0;
    return (double)(now - before) / model->span_s;
}

struct wp_own_cost
wp_top_model_own_cost(const struct wp_top_model *model, bool in_span)
{
    const struct wp_snapshot *snapshot = model->snapshot;
    uint64_t counters[WP_COUNTER_COUNT] = {0};

    if (!in_span)
        return wp_own_cost_of(snapshot->counters, wp_own_cost_span_ns(snapshot, model->has_ended));
    for (unsigned i = 0; i < WP_COUNTER_COUNT && model->span_s > 0; i++) {
        if (snapshot->counters[i] > model->counters_before[i])
            counters[i] = snapshot->counters[i] - model->counters_before[i];
    }
    return wp_own_cost_of(counters, (uint64_t)(model->span_s * 1e9));
}
