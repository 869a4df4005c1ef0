/*
 * The words of a decision, the same in every format.
 */
#ifndef WP_CLI_GATE_WORDS_H
#define WP_CLI_GATE_WORDS_H

#include "cli/gate/decision.h"

#define WP_GATE_NAME_BYTES 512u
#define WP_GATE_SENTENCE_BYTES 1024u
#define WP_GATE_FIGURE_BYTES 32u

/* "pass", "regression", "too little data". */
const char *wp_gate_verdict_name(enum wp_verdict verdict);

/* The figures of a row, for people. */
struct wp_gate_cells {
    char name[WP_GATE_NAME_BYTES]; /* "total", or the function with its file; clean UTF-8 */
    char base[WP_GATE_FIGURE_BYTES], new[WP_GATE_FIGURE_BYTES];
    char change[WP_GATE_FIGURE_BYTES];       /* "+10.6 %", "new", "none" */
    char interval[3 * WP_GATE_FIGURE_BYTES]; /* "+8.9 % to +12.4 %"; "unknown" */
    const char *verdict;
};

void wp_gate_cells_of(const struct wp_comparison_row *row, const struct wp_judgement *judgement,
                      struct wp_gate_cells *cells);

/* The cells of the total. */
void wp_gate_cells_of_total(const struct wp_gate_decision *decision, struct wp_gate_cells *cells);

/* What was compared: "mutex delay per operation, 12 captures against 12, limit +5 %"; returns
 * `text`, as all of these. */
const char *wp_gate_describe_subject(const struct wp_gate_decision *decision,
                                     char text[WP_GATE_SENTENCE_BYTES]);

/* "mutex delay": what values are, before "per". */
const char *wp_gate_describe_value(const struct wp_gate_decision *decision,
                                   char text[WP_GATE_SENTENCE_BYTES]);

/* Why, and what to do about it, in whole sentences; "" where the figures say all. */
const char *wp_gate_describe_reason(const struct wp_gate_decision *decision,
                                    char text[WP_GATE_SENTENCE_BYTES]);

#endif
