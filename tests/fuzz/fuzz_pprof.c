#include <math.h>
#include <string.h>

#include "compare/comparison.h"
#include "compare/pprof_file.h"
#include "fuzz/fuzz_target.h"

static void
fuzz_check_stack(const struct wp_pprof_stack *stack)
{
    fuzz_require(stack->kind != NULL, "a kind is NULL");
    fuzz_require(stack->contentions >= 0 && stack->delay_ns >= 0 && isfinite(stack->delay_ns),
                 "a value is no number");
    fuzz_require(stack->variance >= 0 && stack->squares >= 0 && isfinite(stack->squares),
                 "an error is no number");
    for (size_t i = 0; i < stack->depth; i++) {
        const struct wp_pprof_frame *frame = stack->frames[i];

        fuzz_require(frame->name[0] != '\0', "a frame has no name");
        fuzz_require(strlen(frame->file) + strlen(frame->mapping) < SIZE_MAX, "a text is NULL");
    }
}

/* Compared with itself, nothing differs. */
static void
fuzz_compare(struct wp_pprof *pprof, enum wp_comparison_grouping grouping)
{
    static const struct wp_comparison_function functions[] = {
        {"pthread_mutex_lock", "mutex", "sync"}};
    struct wp_comparison_options options = {
        .grouping = grouping,
        .function = "a|b",
        .functions = functions,
        .function_count = 1,
        .operations = {1, 1},
    };
    struct wp_pprof *const *captures[] = {&pprof, &pprof};
    const size_t counts[] = {1, 1};
    struct wp_comparison *comparison;
    struct wp_error error = {""};
    size_t selected;

    fuzz_require(wp_comparison_make(captures, counts, &options, &comparison, &error) == 0,
                 error.text);
    selected = comparison->row_count;
    wp_comparison_free(comparison);
    options.function = NULL;
    fuzz_require(wp_comparison_make(captures, counts, &options, &comparison, &error) == 0,
                 error.text);
    fuzz_require(comparison->row_count >= selected, "an expression made rows");
    fuzz_require(comparison->row_count <= pprof->stack_count, "there are more rows than stacks");
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct wp_change *change = &comparison->rows[i].change;

        fuzz_require(change->base == change->new && !change->is_change,
                     "a file differs from itself");
    }
    wp_comparison_free(comparison);
    options.kinds = "mutex";
    if (wp_comparison_make(captures, counts, &options, &comparison, &error) == 0)
        wp_comparison_free(comparison);
    else
        fuzz_require(error.text[0] != '\0', "kinds were refused without a reason");
}

int
fuzz_target(const uint8_t *bytes, size_t size, struct wp_error *error)
{
    struct wp_pprof *pprof;
    int result;

    error->text[0] = '\0';
    result = wp_pprof_decode(bytes, size, "input.pb.gz", &pprof, error);
    if (result != 0) {
        fuzz_require(error->text[0] != '\0', "refused without a reason");
        return result;
    }
    for (size_t i = 0; i < pprof->stack_count; i++)
        fuzz_check_stack(&pprof->stacks[i]);
    fuzz_compare(pprof, WP_COMPARE_STACKS);
    fuzz_compare(pprof, WP_COMPARE_FUNCTIONS);
    wp_pprof_free(pprof);
    return 0;
}
