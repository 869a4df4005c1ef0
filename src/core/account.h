/*
 * Accounts: 16-byte words of a table (blame.c, condition.c) that change as one by compare-and-swap.
 * What their layouts have in common: times of 52 bits, and the value of a record that is just being
 * taken over for another key.
 */
#ifndef WP_CORE_ACCOUNT_H
#define WP_CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomic.h"

#define WP_ACCOUNT_TIME_MASK ((UINT64_C(1) << 52) - 1)

/* later - earlier, in ns, for two times, of which the lower 52 bits count, less than 26
 * days apart. */
static inline int64_t
wp_account_between(uint64_t earlier, uint64_t later)
{
    return (int64_t)((later - earlier) << 12) >> 12;
}

#define WP_ACCOUNT_TAKEN ((struct wp_atomic_pair){UINT64_MAX, UINT64_MAX})

static inline bool
wp_account_is_taken(struct wp_atomic_pair account)
{
    return account.low == UINT64_MAX && account.high == UINT64_MAX;
}

#endif
