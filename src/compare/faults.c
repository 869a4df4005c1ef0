#include "compare/faults.h"

bool
wp_faults_is_note(const struct wp_pprof_frame *frame)
{
    return frame->name[0] == '[' && frame->mapping[0] == '\0' && !frame->is_unnamed;
}

bool
wp_faults_is_noted(const struct wp_pprof_stack *stack)
{
    for (size_t i = 0; i < stack->depth; i++) {
        if (!wp_faults_is_note(stack->frames[i]))
            return false;
    }
    return stack->depth > 0;
}

static bool
are_copies(const struct wp_pprof *one, const struct wp_pprof *other)
{
    return one->time_ns != 0 && one->time_ns == other->time_ns &&
           one->duration_ns == other->duration_ns && one->stack_count == other->stack_count &&
           one->delay_ns == other->delay_ns && one->contentions == other->contentions;
}

static bool
has_earlier_copy(struct wp_pprof *const *captures, size_t number)
{
    for (size_t i = 0; i < number; i++) {
        if (are_copies(captures[i], captures[number]))
            return true;
    }
    return false;
}

struct wp_faults
wp_faults_find(struct wp_pprof *const *captures, size_t count)
{
    struct wp_faults faults = {.note = ""};
    double delay_ns = 0, noted_ns = 0, largest_ns = 0;

    for (size_t i = 0; i < count; i++) {
        faults.copies += has_earlier_copy(captures, i);
        for (size_t j = 0; j < captures[i]->stack_count; j++) {
            const struct wp_pprof_stack *stack = &captures[i]->stacks[j];

            delay_ns += stack->delay_ns;
            if (!wp_faults_is_noted(stack))
                continue;
            noted_ns += stack->delay_ns;
            if (stack->delay_ns <= largest_ns)
                continue;
            largest_ns = stack->delay_ns;
            faults.note = stack->frames[0]->name;
        }
    }
    if (delay_ns > 0)
        faults.noted_share = noted_ns / delay_ns;
    return faults;
}
