/*
 * Names of stacks, found once for each stack that is shown.
 */
#ifndef WP_CLI_TOP_NAMES_H
#define WP_CLI_TOP_NAMES_H

#include "cli/top/model.h"
#include "profile/error.h"

struct wp_top_names;

/* The caller frees it after the model that uses it. Keeps symbols for its whole life. */
int wp_top_names_new(struct wp_top_names **names, struct wp_error *error);
void wp_top_names_free(struct wp_top_names *names); /* NULL is fine */

struct wp_top_namer wp_top_names_namer(struct wp_top_names *names);

#endif
