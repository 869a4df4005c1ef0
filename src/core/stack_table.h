/*
 * The table of stacks: which distinct stacks were sampled, and what each has cost.
 *
 * Insert only and lock-free: records are carved off the region by one compare-and-swap, published
 * by another, and never move. A thread or process that dies in the middle of an insert leaves a
 * hole in the space and nothing else.
 */
#ifndef WP_CORE_STACK_TABLE_H
#define WP_CORE_STACK_TABLE_H

#include <stdint.h>

#include "core/region_format.h"
#include "core/sampling.h"

/* Makes the records of lost samples, so that a full table has where to put what it cannot keep.
 * Constructor only, before the region is ready. */
void wp_stack_table_init(void);

/*
 * Finds or makes the record of a stack: the leaf function's id and `depth` frame words, innermost
 * first. Returns its unit; that of [lost: table full] when there is no room. No allocation, no
 * lock; a system call only where the region grows. Signal handlers.
 */
uint32_t wp_stack_table_intern(enum wp_region_profile profile, uint16_t function,
                               const uint64_t *frames, uint32_t depth);

/* The record of samples without a stack, by the reason (WP_SPECIAL_LOST_*,
 * WP_SPECIAL_BUDGET). */
uint32_t wp_stack_table_lost(enum wp_region_profile profile, enum wp_special_frame reason);

/* Adds a sample to a record. Each total by itself is exact; a reader may see one before the
 * other. */
void wp_stack_table_add(uint32_t unit, const struct wp_sample *sample, uint64_t now_ns);

#endif
