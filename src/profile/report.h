/*
 * The table of top waits, for people.
 */
#ifndef WP_PROFILE_REPORT_H
#define WP_PROFILE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "profile/error.h"
#include "profile/interval.h"
#include "profile/profile.h"
#include "profile/symbolize.h"

enum wp_report_grouping {
    WP_REPORT_STACKS,    /* stacks that read the same (functions, files, lines) are one row */
    WP_REPORT_FUNCTIONS, /* one row a calling function: the first that is not the API's */
};

struct wp_report_options {
    size_t rows;          /* at most so many; 0: 10 */
    size_t width_columns; /* of the terminal; 0: 100; lines are cut to it, at least 60 */
    size_t frames;        /* callers shown below a row; 0: 6 */
    enum wp_report_grouping grouping;
    bool colour; /* ANSI bold for the figures */
};

/*
 * Prints a heading ("Who waits" for block, "Who makes them wait" for mutex), the rows by delay with
 * share, contentions, mean, kept samples and the 95 % interval of delay, and below each the call
 * chain "leaf <- caller" with file:line. An empty profile prints its explanation instead. `options`
 * may be NULL. Errors of the stream are left in it.
 */
int wp_report_print(const struct wp_profile *profile, const struct wp_symbols *symbols,
                    const struct wp_report_options *options, FILE *stream, struct wp_error *error);

/* The figures of a row, whatever it stands for. */
struct wp_report_line {
    size_t rank;
    double delay_ns, contentions;
    double total_ns;          /* of which its delay is a share */
    bool has_error;           /* the next two are known */
    double samples, variance; /* kept samples; of delay_ns */
};

/* Tables of that width (0: 100) have these columns, those for which there is room: a heading, and
 * the figures below it. */
void wp_report_print_columns(size_t width_columns, FILE *stream);
void wp_report_print_line(const struct wp_report_line *line, size_t width_columns, bool colour,
                          FILE *stream);

/* "1.23 s", "45.6 ms", "7.89 us", "12 ns": at most 9 characters. Returns `text`. */
const char *wp_report_duration(double duration_ns, char *text, size_t size);

/*
 * The 95 % interval of a delay (profile/interval.h) in at most 22 columns: "±3.1 %" of the delay
 * (the larger side), or "619 us .. 8.77 ms" where the sides differ much; "exact" without variance;
 * "-" where nothing is claimed. Returns `text`, of 40 bytes, or a constant.
 */
const char *wp_report_describe_interval(double delay_ns, double variance, double samples,
                                        char *text, size_t size);

/* The same of an interval that is known: its delay is larger than 0. */
const char *wp_report_describe_bounds(double delay_ns, const struct wp_interval *interval,
                                      char *text, size_t size);

#endif
