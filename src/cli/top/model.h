/*
 * What `waitprof top` knows: the latest look at a region and what changed since the one before.
 *
 * The model keeps every stack that it has seen, so that a stack stays the same object from look to
 * look: views may hold on to it, and its names are found once. It draws nothing and waits for
 * nothing.
 */
#ifndef WP_CLI_TOP_MODEL_H
#define WP_CLI_TOP_MODEL_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"
#include "profile/interval.h"
#include "profile/keyset.h"
#include "profile/kind_totals.h"
#include "profile/own_cost.h"
#include "profile/region_reader.h"
#include "profile/report.h"

/* A line of a stack. Strings are valid UTF-8 without control characters. */
struct wp_top_frame {
    const char *function;
    const char *file; /* "" unknown */
    uint32_t line;
    bool inlined;
};

/* All only grow while the region lives. */
struct wp_top_amount {
    uint64_t contentions_fixed; /* in units of 1 / WP_REGION_COUNT_ONE */
    uint64_t delay_ns;
    uint64_t samples;
    double variance; /* of delay_ns */
};

/* One distinct stack of one profile. Lives as long as the model. */
struct wp_top_stack {
    enum wp_region_profile profile;
    const char *kind; /* "": lost samples */
    const char *family;
    bool is_part; /* the function usually waits for another kind */
    bool has_function;
    const struct wp_reader_stack *record; /* in the latest snapshot; NULL: it is not there */
    struct wp_top_amount now, before;
    const struct wp_top_frame *frames; /* leaf first; NULL: not named yet */
    size_t frame_count;
    uint64_t filter; /* number of the filter that `matches` is about */
    bool matches;
};

/* Gives names to stacks that have none: fills frames and frame_count. 0 or negative errno. */
struct wp_top_namer {
    int (*name)(void *context, const struct wp_snapshot *snapshot,
                struct wp_top_stack *const *stacks, size_t count, struct wp_error *error);
    void *context;
};

struct wp_top_model {
    struct wp_top_namer namer;
    struct wp_snapshot *snapshot; /* the latest look; NULL: none yet */
    bool has_ended;               /* the program, before that look: set by whoever took it */
    double span_s;                /* since the look before; 0: there was none */
    uint64_t counters_before[WP_COUNTER_COUNT];

    struct wp_keyset keys; /* identity -> index of stacks */
    struct wp_arena arena;
    struct wp_top_stack **stacks;
    size_t stack_count;
    size_t stack_capacity;

    struct wp_kind_total *kinds, *kinds_before; /* their strings are the snapshot's */
    size_t kind_count, kind_before_count;

    struct wp_top_thread_past *threads_before; /* internal: sorted by thread */
    size_t thread_before_count;
    uint64_t read_before_ns;
};

/* An empty model. 0 or -ENOMEM. End with wp_top_model_free. */
int wp_top_model_init(struct wp_top_model *model, struct wp_top_namer namer,
                      struct wp_error *error);
void wp_top_model_free(struct wp_top_model *model);

/* Takes the next look at the same region; the snapshot is the model's from then on, even if this
 * fails. 0 or -ENOMEM. */
int wp_top_model_update(struct wp_top_model *model, struct wp_snapshot *snapshot,
                        struct wp_error *error);

/* What a counter grew by, a second; 0 while there is no span. */
double wp_top_model_rate(const struct wp_top_model *model, enum wp_region_counter counter);

/* What recording cost the program: in the span, or since its start; in the span it is nothing while
 * there is no span. */
struct wp_own_cost wp_top_model_own_cost(const struct wp_top_model *model, bool in_span);

/* What a delay is with 95 % confidence; not known of fewer than two samples. */
struct wp_top_interval {
    bool is_known;
    struct wp_interval bounds;
};

/* --- Rows of stacks */

/* X(word, heading of its column) */
#define WP_TOP_SORTS(X)                                                                            \
    X(RATE, "delay/s")                                                                             \
    X(WAITS_RATE, "waits/s")                                                                       \
    X(MEAN, "mean")                                                                                \
    X(DELAY, "delay")                                                                              \
    X(WAITS, "waits")

enum wp_top_sort {
#define WP_TOP_SORT_ENUM(word, heading) WP_TOP_SORT_##word,
    WP_TOP_SORTS(WP_TOP_SORT_ENUM)
#undef WP_TOP_SORT_ENUM
        WP_TOP_SORT_COUNT
};
extern const char *const wp_top_sort_headings[WP_TOP_SORT_COUNT];

struct wp_top_query {
    enum wp_region_profile profile;
    enum wp_top_sort sort;
    enum wp_report_grouping grouping;
    const char *kinds;      /* as of profile/kind.h, checked; NULL: all */
    const regex_t *filter;  /* functions and files; NULL: all */
    uint64_t filter_number; /* a new one for every new filter */
};

struct wp_top_row {
    struct wp_top_stack *stack;   /* of a group the one with the most delay */
    double delay_ns, contentions; /* since the start */
    uint64_t samples;
    double delay_per_s, contentions_per_s; /* in the span: delay_per_s is ns of waiting */
    uint64_t span_samples;
    double variance, span_variance; /* of the delays since the start and in the span, ns^2 */
    struct wp_top_interval delay_95, delay_per_s_95;
    double mean_ns; /* in the span, or if nothing came, since the start */
    double share;   /* of the delay of all rows since the start, 0 to 1 */
};

struct wp_top_rows {
    struct wp_top_row *rows;
    size_t count;
    size_t hidden;           /* stacks that the kinds and the filter leave out */
    struct wp_top_row total; /* of the rows; no stack */
};

/* Makes the rows that a query asks for, sorted; frees those that were there before. Names stacks
 * only where the filter or the grouping needs it. 0 or negative errno, then there are none. */
int wp_top_rows_make(struct wp_top_rows *rows, struct wp_top_model *model,
                     const struct wp_top_query *query, struct wp_error *error);
void wp_top_rows_free(struct wp_top_rows *rows);

/* Names the stacks of some rows, those that have no names yet. */
int wp_top_rows_name(const struct wp_top_rows *rows, size_t from, size_t count,
                     struct wp_top_model *model, struct wp_error *error);

/* The frame that a row by function names beside the leaf: the first function of the program's own
 * that called it. NULL: there is none, or the stack has no names yet. */
const struct wp_top_frame *wp_top_stack_caller(const struct wp_top_stack *stack);

/* Compiles a filter as `top` wants it: extended, in any case. 0; or -EINVAL with the reason. */
int wp_top_filter_compile(regex_t *filter, const char *text, struct wp_error *error);

/* --- Rows of kinds */

struct wp_top_kind {
    const char *kind; /* the snapshot's: until the next update */
    const char *family;
    uint64_t waits;
    double waits_per_s;
    double delay_ns[2], contentions[2]; /* by profile, as in struct wp_kind_total */
    double delay_per_s[2], contentions_per_s[2];
    struct wp_top_interval delay_95[2], delay_per_s_95[2];
};

struct wp_top_kinds {
    struct wp_top_kind *rows;
    size_t count;
};

/* The kinds that something was seen of and that a list names (NULL: all), most delay first. */
int wp_top_kinds_make(struct wp_top_kinds *kinds, const struct wp_top_model *model,
                      const char *list, struct wp_error *error);
void wp_top_kinds_free(struct wp_top_kinds *kinds);

#endif
