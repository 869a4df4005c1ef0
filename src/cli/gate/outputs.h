/*
 * A decision for its readers: people, pages of CI services, programs. Write errors are left in the
 * stream.
 */
#ifndef WP_CLI_GATE_OUTPUTS_H
#define WP_CLI_GATE_OUTPUTS_H

#include <stdio.h>

#include "cli/gate/decision.h"

/* For a terminal. At most `rows` functions besides the regressions. */
void wp_gate_write_text(const struct wp_gate_decision *decision, size_t rows, FILE *stream);

/* A section for $GITHUB_STEP_SUMMARY or a comment on a merge request: GitHub's Markdown. */
void wp_gate_write_markdown(const struct wp_gate_decision *decision, FILE *stream);

/*
 * JUnit's XML: a test case for the total and one for each function that was judged. A regression is
 * a failure; a total that cannot be told an error; a function that cannot, skipped.
 */
void wp_gate_write_junit(const struct wp_gate_decision *decision, FILE *stream);

/* One JSON object on a line. 0 or -ENOMEM. */
int wp_gate_write_json(const struct wp_gate_decision *decision, FILE *stream,
                       struct wp_error *error);

#endif
