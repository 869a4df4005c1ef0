#include "cli/push/backoff.h"

#include <sys/random.h>

/* Doublings beyond this reach any maximum. */
#define DOUBLINGS_MAX 40u

static uint64_t
random_below(uint64_t limit)
{
    uint64_t value = 0;

    /* Without it the pause is the whole one, which is no harm. */
    if (limit == 0 || getrandom(&value, sizeof value, GRND_NONBLOCK) != sizeof value)
        return 0;
    return value % limit;
}

uint64_t
wp_backoff_fail(struct wp_backoff *backoff, uint64_t at_least_ns)
{
    uint64_t pause_ns = backoff->minimum_ns;

    for (unsigned i = 0; i < backoff->failures && pause_ns < backoff->maximum_ns; i++)
        pause_ns *= 2;
    if (pause_ns > backoff->maximum_ns)
        pause_ns = backoff->maximum_ns;
    if (backoff->failures < DOUBLINGS_MAX)
        backoff->failures++;
    pause_ns -= random_below(pause_ns / 2);
    return pause_ns > at_least_ns ? pause_ns : at_least_ns;
}

void
wp_backoff_succeed(struct wp_backoff *backoff)
{
    backoff->failures = 0;
}
