/*
 * What the reader makes of a pprof file: pprof_tool FILE
 *
 * Prints "KEY: VALUE" lines, an empty line, and for each stack one line of
 * "CONTENTIONS DELAY_NS SAMPLES VARIANCE SQUARES KIND FRAME;FRAME...", innermost first; "-" stands
 * for what the file does not say. Exit status 1 and the error text: refused.
 */
#include <inttypes.h>
#include <stdio.h>

#include "compare/pprof_file.h"
#include "profile/profile.h"

static void
tool_print_stack(const struct wp_pprof_stack *stack)
{
    printf("%.0f %.0f ", stack->contentions, stack->delay_ns);
    if (stack->has_error)
        printf("%.0f %.17g %.17g ", stack->samples, stack->variance, stack->squares);
    else
        printf("- - - ");
    printf("%s ", stack->kind[0] != '\0' ? stack->kind : "-");
    for (size_t i = 0; i < stack->depth; i++)
        printf("%s%s", i == 0 ? "" : ";", stack->frames[i]->name);
    putchar('\n');
}

int
main(int argument_count, char **arguments)
{
    struct wp_error error = {""};
    struct wp_pprof *pprof;

    if (argument_count != 2) {
        fprintf(stderr, "use: pprof_tool FILE\n");
        return 2;
    }
    if (wp_pprof_read(arguments[1], &pprof, &error) != 0) {
        printf("%s\n", error.text);
        return 1;
    }
    printf("type: %s\n", pprof->type != 0 ? wp_profile_type_name(pprof->type) : "-");
    printf("ours: %s\n", pprof->is_ours ? "yes" : "no");
    printf("errors: %s\n", pprof->has_errors ? "yes" : "no");
    printf("kinds: %s\n", pprof->has_kinds ? "yes" : "no");
    printf("time_ns: %" PRIu64 "\nduration_ns: %" PRIu64 "\n", pprof->time_ns, pprof->duration_ns);
    printf("contentions: %.0f\ndelay_ns: %.0f\n", pprof->contentions, pprof->delay_ns);
    for (size_t i = 0; i < pprof->comment_count; i++)
        printf("comment: %s\n", pprof->comments[i]);
    putchar('\n');
    for (size_t i = 0; i < pprof->stack_count; i++)
        tool_print_stack(&pprof->stacks[i]);
    wp_pprof_free(pprof);
    return 0;
}
