/*
 * Internal to comparisons: which stacks take part, and by what names they are told apart.
 */
#ifndef WP_COMPARE_COMPARISON_SELECT_H
#define WP_COMPARE_COMPARISON_SELECT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/comparison.h"
#include "compare/pprof_file.h"
#include "profile/error.h"
#include "profile/keyset.h"

enum wp_selection_verdict {
    WP_SELECTION_UNKNOWN, /* not yet asked */
    WP_SELECTION_IN,
    WP_SELECTION_OUT,
    WP_SELECTION_KINDLESS, /* out, because nothing tells its kind */
};

/* A name of a function or kind, as one file has it. */
struct wp_selection_name {
    uint32_t id;      /* equal for names that are the same in a comparison */
    const char *text; /* of the id */
    bool matches;     /* the expression */
    enum wp_selection_verdict as_leaf;
};

struct wp_selection {
    const struct wp_comparison_options *options;
    enum wp_region_profile type;
    struct wp_keyset texts;
    struct wp_wordmap by_pointer; /* text of a file -> index of names */
    struct wp_selection_name *names;
    size_t name_capacity;
    regex_t expression;
    bool has_expression;
};

/* 0; -EINVAL: the expression cannot be used; -ENOMEM. Free it whatever is returned. */
int wp_selection_init(struct wp_selection *selection, const struct wp_comparison_options *options,
                      enum wp_region_profile type, struct wp_error *error);
void wp_selection_free(struct wp_selection *selection);

/* The name that a text of a capture is; NULL when out of memory. Valid until the next call. */
struct wp_selection_name *wp_selection_name(struct wp_selection *selection,
                                            const struct wp_pprof *capture, const char *text);

/* Whether a stack takes part: IN, OUT or KINDLESS; UNKNOWN when out of memory. */
enum wp_selection_verdict wp_selection_judge(struct wp_selection *selection,
                                             const struct wp_pprof *capture,
                                             const struct wp_pprof_stack *stack);

/* The frame of the function that called the API, or the leaf if there is none; NULL for a stack
 * without frames. */
const struct wp_pprof_frame *wp_selection_caller(const struct wp_pprof *capture,
                                                 const struct wp_pprof_stack *stack);

#endif
