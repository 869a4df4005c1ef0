/*
 * How long to wait before trying again: twice as long each time, up to a limit, and never the same
 * for all, so that clients of a server that comes back do not arrive at once.
 */
#ifndef WP_CLI_PUSH_BACKOFF_H
#define WP_CLI_PUSH_BACKOFF_H

#include <stdint.h>

/* Start with {.minimum_ns, .maximum_ns}. */
struct wp_backoff {
    uint64_t minimum_ns, maximum_ns;
    unsigned failures; /* in a row */
};

/* The pause after one more failure: between half and the whole of minimum * 2^failures, at most
 * the maximum, but never less than `at_least_ns`, which a server asked for. */
uint64_t wp_backoff_fail(struct wp_backoff *backoff, uint64_t at_least_ns);

void wp_backoff_succeed(struct wp_backoff *backoff);

#endif
