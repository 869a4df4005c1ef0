/*
 * What the server counts of itself, for /metrics. Any thread.
 */
#ifndef WP_CLI_SERVE_STATISTICS_H
#define WP_CLI_SERVE_STATISTICS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/serve/metrics.h"

struct wp_statistics {
    pthread_mutex_t lock;
    struct wp_metrics_server counted;
};

void wp_statistics_init(struct wp_statistics *statistics);
void wp_statistics_count_answer(struct wp_statistics *statistics, unsigned status);
void wp_statistics_count_rendering(struct wp_statistics *statistics, uint64_t ns, bool failed);

/* Adds to one of the numbers; `change` may be negative for gauges. */
#define wp_statistics_add(statistics, field, change)                                               \
    do {                                                                                           \
        pthread_mutex_lock(&(statistics)->lock);                                                   \
        (statistics)->counted.field += (uint64_t)(int64_t)(change);                                \
        pthread_mutex_unlock(&(statistics)->lock);                                                 \
    } while (0)

void wp_statistics_read(struct wp_statistics *statistics, struct wp_metrics_server *copy);

/* CLOCK_MONOTONIC. */
uint64_t wp_statistics_now_ns(void);

#endif
