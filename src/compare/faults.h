/*
 * What makes the captures of a side say less than they seem to.
 */
#ifndef WP_COMPARE_FAULTS_H
#define WP_COMPARE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "compare/pprof_file.h"

struct wp_faults {
    size_t copies;      /* captures that are copies of an earlier one of their side */
    double noted_share; /* of all delay, of stacks that are notes; 0 without any delay */
    const char *note;   /* the one of them with the most delay; "" none */
};

/* True for a frame that only names what is missing: "[truncated]". */
bool wp_faults_is_note(const struct wp_pprof_frame *frame);

/* True for a stack of such frames alone, "[not attributed: budget]": no function is known. */
bool wp_faults_is_noted(const struct wp_pprof_stack *stack);

/*
 * Of all stacks, whatever is selected: of delay without a function nobody knows whether it would
 * be. Captures are copies if they were taken in the same nanosecond, which their files must tell,
 * and have the same sums. `note` points into a capture.
 */
struct wp_faults wp_faults_find(struct wp_pprof *const *captures, size_t count);

#endif
