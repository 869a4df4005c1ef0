#include "cli/serve/statistics.h"

#include "profile/clock.h"

uint64_t
wp_statistics_now_ns(void)
{
    return wp_clock_ns(CLOCK_MONOTONIC);
}

void
wp_statistics_init(struct wp_statistics *statistics)
{
    *statistics = (struct wp_statistics){.lock = PTHREAD_MUTEX_INITIALIZER};
    statistics->counted.start_realtime_ns = wp_clock_ns(CLOCK_REALTIME);
}

void
wp_statistics_count_answer(struct wp_statistics *statistics, unsigned status)
{
    pthread_mutex_lock(&statistics->lock);
    wp_metrics_count_code(&statistics->counted, status);
    pthread_mutex_unlock(&statistics->lock);
}

void
wp_statistics_count_rendering(struct wp_statistics *statistics, uint64_t ns, bool failed)
{
    pthread_mutex_lock(&statistics->lock);
    statistics->counted.renderings++;
    statistics->counted.rendering_failures += failed;
    statistics->counted.rendering_ns += ns;
    pthread_mutex_unlock(&statistics->lock);
}

void
wp_statistics_read(struct wp_statistics *statistics, struct wp_metrics_server *copy)
{
    pthread_mutex_lock(&statistics->lock);
    *copy = statistics->counted;
    pthread_mutex_unlock(&statistics->lock);
}
