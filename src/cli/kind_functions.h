/*
 * What the library knows of functions and their kinds, for captures that do not say it themselves.
 */
#ifndef WP_CLI_KIND_FUNCTIONS_H
#define WP_CLI_KIND_FUNCTIONS_H

#include <stddef.h>

#include "cli/function_list.h"
#include "compare/comparison.h"
#include "profile/error.h"

struct wp_kind_functions {
    struct wp_comparison_function *functions;
    size_t count;
    struct wp_function_list list; /* has the strings */
};

/*
 * Reads them, and checks a list of kinds (NULL: nothing is read). Without a library there are none,
 * and words are taken as they are: captures are also read on machines where nothing is profiled. 0;
 * -EINVAL: an unknown word; -ENOMEM. Free it whatever is returned.
 */
int wp_kind_functions_read(const char *kinds, struct wp_kind_functions *functions,
                           struct wp_error *error);
void wp_kind_functions_free(struct wp_kind_functions *functions);

#endif
