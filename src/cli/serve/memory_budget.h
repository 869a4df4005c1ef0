/*
 * How much memory answers and copies of regions may take, all clients together. What makes an
 * answer asks first whether there is room; one answer of each worker may go beyond.
 */
#ifndef WP_CLI_SERVE_MEMORY_BUDGET_H
#define WP_CLI_SERVE_MEMORY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#define WP_MEMORY_BUDGET_BYTES ((size_t)256 << 20)

/* Any thread. What was taken is given back. */
void wp_memory_budget_take(size_t bytes);
void wp_memory_budget_give(size_t bytes);
bool wp_memory_budget_has_room(void);

#endif
