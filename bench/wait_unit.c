/*
 * What is done for one wait, without the wait: looked at and kept, looked at and dropped, passed
 * over for another that stands for it. Nanoseconds of one, warm, on one thread; as a table.
 *
 * Bare loops over core/, without wrappers and without other threads: the least that it costs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/blame.h"
#include "core/condition.h"
#include "core/region.h"
#include "core/wait.h"

#include "core/region_fixture.h"

#define REGION_BYTES (UINT64_C(4) << 20)
#define ROUNDS 15
#define LOOPS 20000
#define FUNCTION 3

/* Rates of a row; the wait fraction so large that nearly all are passed over. */
struct rates {
    const char *name;
    uint64_t block_rate_ns, mutex_fraction, wait_fraction;
};

static const struct rates rates_of_rows[] = {
    {"kept, selected for blame", 1, 1, 1},
    {"kept", 1, 0, 1},
    {"looked at, not kept", UINT64_C(1000000000000), 0, 1},
    {"passed over", 1, 1, 1000},
};

static uint64_t lock_word, condition_word;

static void
wait_for_lock(void)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();
    struct wp_lock_wait wait;

    wp_lock_wait_begin(&wait, &lock_word, FUNCTION, &caller);
    wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
}

static void
wait_for_input(void)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();

    wp_wait_record_now(10000, FUNCTION, &caller);
}

/* As the wrappers of conditions do it, with a signal. */
static void
wait_for_condition(void)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();
    struct wp_wait wait = {.rates = wp_wait_rates_now()};
    struct wp_condition_wait waiter;
    bool is_looked_at = wp_wait_looks_at(&wait.rates);

    if (is_looked_at)
        wp_wait_begin(&wait, FUNCTION);
    wp_condition_enter(&waiter, &condition_word, &lock_word);
    if (wp_condition_waited_for(&condition_word))
        wp_condition_grant(&condition_word, false, wp_clock_ns());
    if (!is_looked_at) {
        (void)wp_condition_leave(&waiter, WP_CONDITION_WOKEN, 0, 0);
        return;
    }
    (void)wp_condition_leave(&waiter, WP_CONDITION_WOKEN, wait.start_ns, wp_clock_ns());
    wp_wait_end(&wait, FUNCTION, &caller);
}

static double
cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds of one, the least of some rounds: what it costs undisturbed. */
static double
cost_of(void (*wait)(void))
{
    double least = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns(), one;

        for (int i = 0; i < LOOPS; i++)
            wait();
        one = (cpu_ns() - start) / LOOPS;
        least = one < least ? one : least;
    }
    return least;
}

int
main(void)
{
    struct wp_region_header *region = region_fixture_open(REGION_BYTES);

    if (region == NULL) {
        fprintf(stderr, "wait_unit: the region could not be made\n");
        return 1;
    }
    printf("| a wait that is | lock | read | condition and its signal |\n");
    printf("| --- | ---: | ---: | ---: |\n");
    for (size_t i = 0; i < sizeof(rates_of_rows) / sizeof(rates_of_rows[0]); i++) {
        const struct rates *rates = &rates_of_rows[i];

        region->block_rate_ns = rates->block_rate_ns;
        region->mutex_fraction = rates->mutex_fraction;
        region->wait_fraction = rates->wait_fraction;
        printf("| %s | %.0f ns | %.0f ns | %.0f ns |\n", rates->name, cost_of(wait_for_lock),
               cost_of(wait_for_input), cost_of(wait_for_condition));
    }
    region_fixture_close();
    return 0;
}
