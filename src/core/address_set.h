/*
 * Tables that find an object by its address: which set of the table the address chooses. Locks and
 * conditions have such tables.
 */
#ifndef WP_CORE_ADDRESS_SET_H
#define WP_CORE_ADDRESS_SET_H

#include <stdint.h>

#define WP_ADDRESS_SETS 2048u

/* Below WP_ADDRESS_SETS. Most locks are aligned to 8. */
static inline uint32_t
wp_address_set(const void *object)
{
    uintptr_t address = (uintptr_t)object >> 3;

    return (uint32_t)(address ^ address >> 11) % WP_ADDRESS_SETS;
}

#endif
