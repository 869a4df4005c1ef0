/*
 * Numbers for columns.
 */
#ifndef WP_CLI_TOP_FIGURES_H
#define WP_CLI_TOP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/top/model.h"

#define WP_TOP_FIGURE_BYTES 32u

/* "0", "0.4", "17", "1234", "56.7k", "8.90M": at most 5 columns up to 10^12. Returns `text`. */
const char *wp_top_figure_count(double count, char text[WP_TOP_FIGURE_BYTES]);

/* A time as in reports, "0" for none. */
const char *wp_top_figure_time(double time_ns, char text[WP_TOP_FIGURE_BYTES]);

/* "12.3 %" of a part, 0 to 1; "" for none. */
const char *wp_top_figure_share(double part, char text[WP_TOP_FIGURE_BYTES]);

/* "0.91-1.10 s", in the unit of the upper bound, at most 12 columns up to 10^5 s; "exact" if both
 * bounds are equal, "-" if nothing can be said. */
const char *wp_top_figure_interval(const struct wp_top_interval *interval,
                                   char text[WP_TOP_FIGURE_BYTES]);

/* "1/10", "all", "off". */
const char *wp_top_figure_fraction(uint64_t fraction, char text[WP_TOP_FIGURE_BYTES]);

#endif
