/*
 * A comparison in the order and in the words in which all formats of `waitprof diff` show it.
 */
#ifndef WP_CLI_DIFF_DIFFERENCE_H
#define WP_CLI_DIFF_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/comparison_options.h"
#include "compare/comparison.h"
#include "profile/error.h"

/* What became of a row. X(state, word for machines and the column "change", what people read) */
#define WP_DIFFERENCE_STATES(X)                                                                    \
    X(NOISE, "none", "no change that exceeds noise")                                               \
    X(MORE, "more", "more waiting than before")                                                    \
    X(LESS, "less", "less waiting than before")                                                    \
    X(NEW, "new", "waited before in no capture")                                                   \
    X(GONE, "gone", "waits now in no capture")

enum wp_difference_state {
#define WP_DIFFERENCE_ENUM(state, word, text) WP_DIFFERENCE_##state,
    WP_DIFFERENCE_STATES(WP_DIFFERENCE_ENUM)
#undef WP_DIFFERENCE_ENUM
        WP_DIFFERENCE_STATE_COUNT
};

struct wp_difference {
    const struct wp_comparison *comparison;
    const struct wp_comparison_sides *sides;
    enum wp_comparison_grouping grouping;
    double operations_of_new;              /* of each capture; 0: values are per second */
    const struct wp_comparison_row **rows; /* changes first, each part by size of the difference */
    size_t row_count;
    size_t change_count;
    enum wp_change_basis basis; /* the best that the total or any row has */
};

/* Puts the rows of a comparison into the order in which they are shown; operations_of_new is left
 * to the caller, 0 at first. On success the caller frees with wp_difference_free; it points into
 * its arguments. 0 or -ENOMEM. */
int wp_difference_make(const struct wp_comparison *comparison,
                       const struct wp_comparison_sides *sides,
                       enum wp_comparison_grouping grouping, struct wp_difference *difference,
                       struct wp_error *error);
void wp_difference_free(struct wp_difference *difference);

enum wp_difference_state wp_difference_state_of(const struct wp_change *change);
const char *wp_difference_word(enum wp_difference_state state);
const char *wp_difference_meaning(enum wp_difference_state state);

/* "block", "mutex", or "contention" where the files do not say. */
const char *wp_difference_type(const struct wp_difference *difference);

/* What is divided by what: "block profile (who waits): delay per second". Returns `text`. */
const char *wp_difference_heading(const struct wp_difference *difference, char *text, size_t size);

/* "3 captures, 30.1 s" or the path of a single one with its duration. Returns `text`. */
const char *wp_difference_side(const struct wp_difference *difference, enum wp_comparison_side side,
                               char *text, size_t size);

/* What the noise is that changes must exceed, as sentences: what is claimed, and what is not. */
const char *wp_difference_basis_text(const struct wp_difference *difference);

/* What makes captures of a side say less than they seem to: delay without a function, copies; a
 * sentence, or "". Returns `text`. */
const char *wp_difference_faults_text(const struct wp_difference *difference,
                                      enum wp_comparison_side side, char *text, size_t size);

/* "no change", "2 changes among 17 functions". Returns `text`. */
const char *wp_difference_summary(const struct wp_difference *difference, char *text, size_t size);

/* A change in the figures that people read: "+49.3 %", "x 12.1", "new"; "~" where it does not
 * exceed noise, "?" where nothing is known of that. Returns `text`. */
const char *wp_difference_change_text(const struct wp_change *change, char *text, size_t size);

/* A mean delay: "-" for none. Returns `text`. */
const char *wp_difference_delay_text(double delay_ns, char *text, size_t size);

/* The mean delay of one side, 0 for none; its 95 % interval, NULL where nothing is claimed. */
double wp_difference_delay(const struct wp_change *change, enum wp_comparison_side side);
const struct wp_interval *wp_difference_bounds(const struct wp_change *change,
                                               enum wp_comparison_side side);

/* The interval of a side as `waitprof report` shows that of a delay: "±3.1 %", "619 us .. 8.77
 * ms"; "-" where nothing is claimed. Returns `text`, of 40 bytes, or a constant. */
const char *wp_difference_bounds_text(const struct wp_change *change, enum wp_comparison_side side,
                                      char *text, size_t size);

/* How many samples all captures of a side kept; "-" where the files do not say. Returns `text`. */
const char *wp_difference_samples_text(const struct wp_comparison_row *row,
                                       enum wp_comparison_side side, char *text, size_t size);

/* The 95 % interval of the change, relative ("+41 % to +58 %") or, where BASE may be 0, in time
 * ("+90.1 ms to +150 ms"); "" where nothing is known. Returns `text`. */
const char *wp_difference_interval_text(const struct wp_change *change, char *text, size_t size);

/* "name  file.c:12 (inlined)", as far as it is known. Returns `text`. */
const char *wp_difference_frame_text(const struct wp_pprof_frame *frame, char *text, size_t size);

/* Of a row: "handler  server.c  (pthread_mutex_lock)". Returns `text`. */
const char *wp_difference_function_text(const struct wp_comparison_row *row, char *text,
                                        size_t size);

struct wp_difference_view {
    size_t rows;          /* at most so many */
    size_t width_columns; /* 0: not cut */
    bool colour;
};

/* 0, or a negative errno with a message. Whether the stream took it all is for the caller to ask,
 * who knows its name. */
typedef int wp_difference_write(const struct wp_difference *difference,
                                const struct wp_difference_view *view, FILE *stream,
                                struct wp_error *error);

wp_difference_write wp_difference_write_text;
wp_difference_write wp_difference_write_json;
wp_difference_write wp_difference_write_pprof; /* all rows, whatever the view */
wp_difference_write wp_difference_write_html;

#endif
