/*
 * Captures that do not say of which type they are.
 *
 * Go's profiles tell their type by their stacks alone: without any they may be of either. Beside
 * others that tell it, as Go's block profiles are, empty unless the program asks for them, in a
 * directory of mutex profiles, such a capture would be one of 0. Ours tell their type always.
 */
#ifndef WP_CLI_UNTOLD_CAPTURES_H
#define WP_CLI_UNTOLD_CAPTURES_H

#include <limits.h>
#include <stddef.h>

#include "compare/pprof_file.h"

/* What was dropped. Start with {.count = 0}. */
struct wp_untold_captures {
    char first[PATH_MAX];
    size_t count;
};

/* Frees such captures and closes the gaps; call it only if some capture tells its type. */
void wp_untold_captures_drop(struct wp_pprof **captures, size_t *count,
                             struct wp_untold_captures *dropped);

/* Warns of those dropped, if there are any. */
void wp_untold_captures_warn(const struct wp_untold_captures *dropped);

#endif
