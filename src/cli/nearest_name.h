/*
 * The name that somebody who mistyped probably meant.
 */
#ifndef WP_CLI_NEAREST_NAME_H
#define WP_CLI_NEAREST_NAME_H

#include <stddef.h>

/* Steps from one name to another: letters put in, taken out, replaced, or swapped with their
 * neighbour. Names longer than 63 bytes are compared by their first 63. */
size_t wp_nearest_name_distance(const char *from, const char *to);

/*
 * A search in progress: start with {.typed = what was typed}, offer each candidate, then read
 * `best`: NULL when none is near enough (more than a third of the letters differ).
 */
struct wp_nearest_name {
    const char *typed;
    const char *best;
    size_t distance;
};

void wp_nearest_name_offer(struct wp_nearest_name *search, const char *candidate);

#endif
