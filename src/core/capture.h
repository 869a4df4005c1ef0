/*
 * Capture: walk the stack, find its record in the table. The only place where stacks are taken.
 */
#ifndef WP_CORE_CAPTURE_H
#define WP_CORE_CAPTURE_H

#include <stdint.h>

#include "core/region_format.h"
#include "core/unwind.h"

/*
 * The record (a unit of the stack table, never 0) for the stack that starts at `caller`, with
 * `function` as its leaf. Whatever goes wrong is a named record too: see WP_SPECIAL_LOST_*. errno
 * unchanged. No allocation, lock or system call (but see wp_region_reserve); signal handlers, where
 * a capture interrupted by the signal makes this one [lost: reentrant].
 */
uint32_t wp_capture_stack(enum wp_region_profile profile, uint16_t function,
                          const struct wp_unwind_registers *caller);

/* Sets the number of frames that stacks are cut to, 1..WP_REGION_MAX_DEPTH. Constructor only. */
void wp_capture_init(uint32_t depth);

#endif
