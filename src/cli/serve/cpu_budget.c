#include "cli/serve/cpu_budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "profile/clock.h"

#define LOOK_NS UINT64_C(250000000)
#define SPARE_PROCESSORS 0.9 /* idle, or used by ourselves: then nobody is held up */

void
wp_cpu_budget_init(struct wp_cpu_budget *budget, unsigned percent, uint64_t now_ns)
{
    *budget = (struct wp_cpu_budget){
        .fill = percent < 100 ? percent / 100.0 : 0,
        .bucket_ns = WP_CPU_BUDGET_BURST_NS,
        .filled_ns = now_ns,
    };
}

bool
wp_cpu_use_look(struct wp_cpu_use *use)
{
    uint64_t idle = 0, waiting = 0;
    FILE *stat = fopen("/proc/stat", "re");
    bool is_known;

    if (stat == NULL)
        return false;
    /* user, nice, system; then idle, and idle while a disk is waited for */
    is_known = fscanf(stat, "cpu %*u %*u %*u %" SCNu64 " %" SCNu64, &idle, &waiting) == 2;
    fclose(stat);
    use->idle_ns = (idle + waiting) * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
    use->own_ns = wp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    use->time_ns = wp_clock_ns(CLOCK_MONOTONIC);
    return is_known;
}

void
wp_cpu_budget_note(struct wp_cpu_budget *budget, const struct wp_cpu_use *use)
{
    const struct wp_cpu_use *last = &budget->last;

    if (last->time_ns != 0 && use->time_ns > last->time_ns) {
        /* The kernel's count of idle time may go back a little. */
        uint64_t idle_ns = use->idle_ns > last->idle_ns ? use->idle_ns - last->idle_ns : 0;
        double spare_ns = (double)(idle_ns + (use->own_ns - last->own_ns));

        budget->is_busy = spare_ns < SPARE_PROCESSORS * (double)(use->time_ns - last->time_ns);
    }
    budget->last = *use;
}

bool
wp_cpu_budget_wants_look(const struct wp_cpu_budget *budget, uint64_t now_ns)
{
    return budget->fill > 0 && now_ns - budget->last.time_ns >= LOOK_NS;
}

static void
fill(struct wp_cpu_budget *budget, uint64_t now_ns)
{
    double bucket_ns =
        (double)budget->bucket_ns + budget->fill * (double)(now_ns - budget->filled_ns);

    budget->filled_ns = now_ns;
    budget->bucket_ns =
        bucket_ns < (double)WP_CPU_BUDGET_BURST_NS ? (int64_t)bucket_ns : WP_CPU_BUDGET_BURST_NS;
}

uint64_t
wp_cpu_budget_wait_ns(struct wp_cpu_budget *budget, uint64_t now_ns)
{
    if (budget->fill <= 0)
        return 0;
    fill(budget, now_ns);
    /* What was used of idle processors is owed to nobody. */
    if (!budget->is_busy)
        budget->bucket_ns = WP_CPU_BUDGET_BURST_NS;
    if (budget->bucket_ns > 0)
        return 0;
    return (uint64_t)((double)(1 - budget->bucket_ns) / budget->fill) + 1;
}

void
wp_cpu_budget_charge(struct wp_cpu_budget *budget, uint64_t cpu_ns)
{
    if (budget->fill > 0)
        budget->bucket_ns -= (int64_t)cpu_ns;
}
