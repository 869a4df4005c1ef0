/*
 * The thread that brings profiles from the spool to the server, in order, until they have arrived.
 */
#ifndef WP_CLI_PUSH_DELIVERY_H
#define WP_CLI_PUSH_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/push/push_profile.h"
#include "cli/push/upload.h"
#include "profile/error.h"

struct wp_delivery_options {
    struct wp_upload_options upload;
    const char *spool_path;
    const char *spool_owner; /* cli/push/spool_owner.h */
    uint64_t spool_bytes;
    uint64_t retry_min_ns, retry_max_ns;
    bool drops_unconfirmed; /* a request whose fate nobody knows is not sent again */
};

struct wp_delivery;

/* Opens the spool and starts the thread, which sends what is left in there. On success the caller
 * ends it with wp_delivery_finish and wp_delivery_free. Signals should be blocked before. */
int wp_delivery_new(const struct wp_delivery_options *options, struct wp_delivery **delivery,
                    struct wp_error *error);

/* What takes the profiles; lives as long as the delivery. */
struct wp_push_sink *wp_delivery_sink(struct wp_delivery *delivery);

/*
 * Waits until the spool is empty or `for_ns` have passed, then ends the thread. With `tries_again`
 * failures are tried again meanwhile, else the first one ends it. What is left stays in the spool.
 */
void wp_delivery_finish(struct wp_delivery *delivery, uint64_t for_ns, bool tries_again);

/* Makes wp_delivery_finish return soon. Any thread. */
void wp_delivery_hurry(struct wp_delivery *delivery);

struct wp_delivery_counts {
    uint64_t sent;        /* profiles that the server has accepted */
    uint64_t retried;     /* requests that had to be made again */
    uint64_t unconfirmed; /* requests of which nobody knows whether they arrived */
    uint64_t refused;     /* profiles that the server will never take */
    uint64_t dropped;     /* for want of space, or unconfirmed where that was asked for */
    uint64_t damaged;     /* files of the spool that were set aside */
    uint64_t lost;        /* profiles that somebody has removed from the spool */
    size_t waiting;       /* profiles in the spool */
};
struct wp_delivery_counts wp_delivery_count(struct wp_delivery *delivery);

void wp_delivery_free(struct wp_delivery *delivery); /* NULL is fine; after wp_delivery_finish */

#endif
