/*
 * The wrapped functions as people, programs and the documentation read them.
 */
#ifndef WP_CLI_FUNCTION_TABLE_H
#define WP_CLI_FUNCTION_TABLE_H

#include <stdbool.h>

#include "cli/function_list.h"
#include "profile/error.h"
#include "profile/region_reader.h"

enum wp_function_format { WP_FUNCTIONS_TEXT, WP_FUNCTIONS_JSON, WP_FUNCTIONS_MARKDOWN };

/* Prints what a library wraps, of a list of kinds (NULL: everything), on standard output. Markdown
 * is the whole of docs/interposed-functions.md. */
void wp_function_table_print_list(const struct wp_function_list *list, const char *kinds,
                                  enum wp_function_format format);

/*
 * Prints what became of the functions in a program: the calls that had to wait, the
 * samples kept of them, and what stands in the way. Without `all`, only those with something to
 * tell. Not as Markdown. 0 or -ENOMEM.
 */
int wp_function_table_print_region(const struct wp_snapshot *snapshot, const char *kinds, bool all,
                                   enum wp_function_format format, struct wp_error *error);

#endif
