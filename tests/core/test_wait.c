/* Waits, from the wrapper's call to the record in the table. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "core/budget.h"
#include "core/rates.h"
#include "core/region.h"
#include "core/sampling.h"
#include "core/stack_table.h"
#include "core/thread.h"
#include "core/wait.h"

#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(2) << 20)
#define ERRNO_MARK 7777
#define FUNCTION 4

static uint64_t lock_word; /* its address is a lock */

static int
set_up(void **state)
{
    (void)state;
    return region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return wp_blame_waited_for(&lock_word) ? -1 : 0;
}

static void
set_rates(uint64_t block_rate_ns, uint64_t mutex_fraction)
{
    wp_region()->block_rate_ns = block_rate_ns;
    wp_region()->mutex_fraction = mutex_fraction;
}

static struct region_fixture_totals
totals_of(enum wp_region_profile profile)
{
    struct region_fixture_totals totals;

    assert_true(region_fixture_add_up(profile, &totals));
    return totals;
}

static __attribute__((noinline)) void
record_at(uint64_t delay_ns, const struct wp_wait_rates *rates)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();

    wp_wait_record(delay_ns, rates, wp_clock_ns(), FUNCTION, &caller);
}

static void
record(uint64_t delay_ns, uint64_t block_rate_ns)
{
    const struct wp_wait_rates rates = {block_rate_ns, 1};

    record_at(delay_ns, &rates);
}

static __attribute__((noinline)) void
end_wait(const struct wp_wait *wait)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();

    wp_wait_end(wait, FUNCTION, &caller);
}

static __attribute__((noinline)) void
begin_lock_wait(struct wp_lock_wait *wait)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();

    wp_lock_wait_begin(wait, &lock_word, FUNCTION, &caller);
}

static __attribute__((noinline)) void
record_unlock(const struct wp_sample *charge)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();

    wp_unlock_record(charge, wp_clock_ns(), FUNCTION, &caller);
}

static void
sleep_ns(long duration_ns)
{
    const struct timespec duration = {.tv_nsec = duration_ns};

    (void)nanosleep(&duration, NULL);
}

/* --- Rates ----------------------------------------------------------------------------------- */

static void
rates_beyond_their_bounds_count_as_the_bounds(void **state)
{
    (void)state;
    set_rates(UINT64_MAX - 1, 0);
    assert_int_equal(wp_wait_rates_now().block_rate_ns, WP_SAMPLING_MAX_BLOCK_RATE_NS);
    set_rates(WP_REGION_BLOCK_RATE_PAUSED, 0);
    assert_int_equal(wp_wait_rates_now().block_rate_ns, 0);
    set_rates(WP_SAMPLING_MAX_BLOCK_RATE_NS, 0);
    assert_int_equal(wp_wait_rates_now().block_rate_ns, WP_SAMPLING_MAX_BLOCK_RATE_NS);
    set_rates(123, 0);
    assert_int_equal(wp_wait_rates_now().block_rate_ns, 123);
    set_rates(0, 0);
    assert_int_equal(wp_wait_rates_now().block_rate_ns, 0);
}

static void
a_fraction_beyond_its_bound_counts_as_the_bound(void **state)
{
    struct wp_lock_wait wait;

    (void)state;
    set_rates(0, UINT64_MAX);
    for (int i = 0; i < 1000; i++) {
        begin_lock_wait(&wait);
        wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    }
    assert_true(region_fixture_counter(WP_COUNTER_mutex_waiters) < 10);
}

/* --- Waits without a holder ------------------------------------------------------------------ */

static void
at_rate_1_every_wait_is_recorded_exactly(void **state)
{
    struct region_fixture_totals totals;

    (void)state;
    for (uint64_t delay = 1; delay <= 100; delay++)
        record(delay, 1);
    totals = totals_of(WP_PROFILE_BLOCK);
    assert_int_equal(totals.samples, 100);
    assert_int_equal(totals.delay_ns, 5050);
    assert_int_equal(totals.contentions_fixed, 100 * WP_REGION_COUNT_ONE);
    assert_int_equal(region_fixture_counter(WP_COUNTER_waits), 100);
    assert_int_equal(region_fixture_counter(WP_COUNTER_block_samples), 100);
    assert_int_equal(totals_of(WP_PROFILE_MUTEX).samples, 0);
}

static void
at_rate_0_or_without_delay_nothing_is_recorded(void **state)
{
    (void)state;
    record(1000000, 0);
    record(0, 1);
    record(0, 0);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 0);
    assert_int_equal(region_fixture_counter(WP_COUNTER_waits), 0);
}

/* The thread's own stream of random numbers, from the fixture's seed. */
static void
sampled_waits_add_up_to_what_was_waited(void **state)
{
    const uint32_t waits = 50000;
    const uint64_t delay = 300, rate = 10000;
    const double probability = (double)delay / (double)rate;
    const double relative_error = sqrt((1 - probability) / probability / waits);
    struct region_fixture_totals totals;

    (void)state;
    for (uint32_t i = 0; i < waits; i++)
        record(delay, rate);
    totals = totals_of(WP_PROFILE_BLOCK);
    assert_true(fabs((double)totals.delay_ns / (double)(waits * delay) - 1) < 5 * relative_error);
    assert_true(fabs((double)totals.contentions_fixed / WP_REGION_COUNT_ONE / waits - 1) <
                5 * relative_error);
    assert_int_equal(totals.samples, region_fixture_counter(WP_COUNTER_block_samples));
    assert_int_equal(region_fixture_counter(WP_COUNTER_waits), waits);
}

static void
a_wait_is_as_long_as_the_clock_says(void **state)
{
    struct region_fixture_totals totals;
    struct wp_wait wait;
    uint64_t before, after;

    (void)state;
    set_rates(1, 0);
    before = wp_clock_ns();
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    sleep_ns(2000000);
    end_wait(&wait);
    after = wp_clock_ns();
    totals = totals_of(WP_PROFILE_BLOCK);
    assert_int_equal(totals.samples, 1);
    assert_in_range(totals.delay_ns, 2000000, after - before);
}

static void
the_rate_at_the_start_of_a_wait_decides(void **state)
{
    struct wp_wait wait;

    (void)state;
    set_rates(1, 0);
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    set_rates(0, 0);
    end_wait(&wait);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 1);
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    set_rates(1, 0);
    end_wait(&wait);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 1);
}

/* --- Waits for a lock ------------------------------------------------------------------------ */

static void
errors_of_lock_functions_mean_what_they_should(void **state)
{
    static const int refused[] = {EINVAL, EDEADLK, EAGAIN, EPERM, EBUSY, EINTR, 12345};

    (void)state;
    assert_int_equal(wp_lock_outcome_of(0), WP_LOCK_ACQUIRED);
    assert_int_equal(wp_lock_outcome_of(EOWNERDEAD), WP_LOCK_ACQUIRED);
    assert_int_equal(wp_lock_outcome_of(ETIMEDOUT), WP_LOCK_TIMED_OUT);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(wp_lock_outcome_of(refused[i]), WP_LOCK_REFUSED);
}

static void
an_acquired_lock_is_in_both_profiles(void **state)
{
    struct region_fixture_totals block, mutex;
    struct wp_lock_wait wait;
    struct wp_sample charge;
    uint64_t before, after;

    (void)state;
    set_rates(1, 1);
    before = wp_clock_ns();
    begin_lock_wait(&wait);
    assert_true(wp_blame_waited_for(&lock_word));
    sleep_ns(1000000);
    assert_true(wp_blame_charge(&lock_word, wp_clock_ns(), &charge));
    wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    after = wp_clock_ns();
    record_unlock(&charge);

    block = totals_of(WP_PROFILE_BLOCK);
    mutex = totals_of(WP_PROFILE_MUTEX);
    assert_int_equal(block.samples, 1);
    assert_int_equal(block.contentions_fixed, WP_REGION_COUNT_ONE);
    assert_in_range(block.delay_ns, 1000000, after - before);
    assert_int_equal(mutex.samples, 1);
    assert_int_equal(mutex.contentions_fixed, WP_REGION_COUNT_ONE);
    assert_in_range(mutex.delay_ns, 1000000, block.delay_ns);
    assert_int_equal(region_fixture_counter(WP_COUNTER_mutex_samples), 1);
}

static void
who_times_out_has_waited_and_is_charged_for(void **state)
{
    struct wp_lock_wait wait;
    struct wp_sample charge;

    (void)state;
    set_rates(1, 1);
    begin_lock_wait(&wait);
    sleep_ns(1000000);
    wp_lock_wait_end(&wait, WP_LOCK_TIMED_OUT);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 1);
    assert_true(wp_blame_charge(&lock_word, wp_clock_ns(), &charge));
    assert_int_equal(charge.delay_ns, totals_of(WP_PROFILE_BLOCK).delay_ns);
}

static void
a_refused_lock_is_no_event(void **state)
{
    struct wp_lock_wait wait;
    struct wp_sample charge;

    (void)state;
    set_rates(1, 1);
    begin_lock_wait(&wait);
    wp_lock_wait_end(&wait, WP_LOCK_REFUSED);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 0);
    assert_false(wp_blame_charge(&lock_word, wp_clock_ns(), &charge));
}

static void
each_profile_is_off_by_itself(void **state)
{
    struct wp_lock_wait wait;

    (void)state;
    set_rates(0, 1);
    begin_lock_wait(&wait);
    assert_int_equal(wait.stack, 0);
    assert_int_not_equal(wait.ticket.record, 0);
    wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 0);

    set_rates(1, 0);
    begin_lock_wait(&wait);
    assert_int_not_equal(wait.stack, 0);
    assert_int_equal(wait.ticket.record, 0);
    wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 1);
}

static void
the_fraction_selects_that_part_of_the_waiters(void **state)
{
    const int waits = 20000;
    struct wp_lock_wait wait;
    uint64_t selected;

    (void)state;
    set_rates(0, 10);
    for (int i = 0; i < waits; i++) {
        begin_lock_wait(&wait);
        wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    }
    selected = region_fixture_counter(WP_COUNTER_mutex_waiters);
    assert_true(fabs((double)selected - waits / 10.0) < 5 * sqrt(waits * 0.1 * 0.9));
}

/* --- Wait fractions -------------------------------------------------------------------------- */

static void
where_one_wait_stands_for_many_totals_are_those_of_all(void **state)
{
    const uint32_t waits = 40000;
    const double n = 8;
    struct region_fixture_totals totals;
    const struct wp_wait_rates rates = {1, (uint64_t)n};
    double bound = 5 * sqrt(waits * (n - 1));

    (void)state;
    for (uint32_t i = 0; i < waits; i++)
        record_at(1000, &rates);
    totals = totals_of(WP_PROFILE_BLOCK);
    assert_true(fabs((double)totals.samples - waits / n) < bound / n);
    assert_true(fabs((double)totals.delay_ns - 1000.0 * waits) < 1000 * bound);
    /* Counters and thread rows count what a wait stands for. */
    assert_int_equal(totals.contentions_fixed, totals.samples * (uint64_t)n * WP_REGION_COUNT_ONE);
    assert_int_equal(region_fixture_counter(WP_COUNTER_waits), totals.samples * (uint64_t)n);
    assert_int_equal(region_fixture_counter(WP_COUNTER_waits_passed_over),
                     totals.samples * ((uint64_t)n - 1));
    assert_int_equal(region_fixture_counter(WP_COUNTER_block_samples), totals.samples);
}

/* Its own time is still known: an outer call that waited for it is not charged with it twice. */
static void
a_wait_that_is_passed_over_leaves_no_trace(void **state)
{
    uint64_t before_ns = wp_thread_waited_ns(), units = wp_region()->stack_units_used;
    struct wp_lock_wait wait;
    uint32_t passed_over = 0;

    (void)state;
    set_rates(1, 1);
    wp_region()->wait_fraction = WP_BUDGET_MAX_WAIT_FRACTION;
    while (passed_over < 20) {
        uint64_t looked_at = region_fixture_counter(WP_COUNTER_waits);

        begin_lock_wait(&wait);
        if (!wait.is_looked_at) {
            assert_int_equal(region_fixture_counter(WP_COUNTER_waits), looked_at);
            assert_false(wp_blame_waited_for(&lock_word));
            passed_over++;
        }
        wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
        assert_false(wp_blame_waited_for(&lock_word));
    }
    if (region_fixture_counter(WP_COUNTER_waits) == 0) {
        assert_int_equal(wp_region()->stack_units_used, units);
        assert_int_equal(region_fixture_counter(WP_COUNTER_mutex_waiters), 0);
        assert_int_equal(wp_thread_waited_ns(), before_ns);
    }
}

/* The delay that a wait adds which stands for 4, where our own work before it took `work_ns`, and
 * the lock was then busy for `busy_ns`. */
static uint64_t
delay_after_work(uint64_t work_ns, uint64_t busy_ns)
{
    uint64_t before_ns = totals_of(WP_PROFILE_BLOCK).delay_ns;
    struct wp_lock_wait wait;

    do {
        begin_lock_wait(&wait);
        if (wait.is_looked_at) {
            /* In the future, where the lock was free: a preemption must not look like a wait. */
            wait.ready_ns = busy_ns > 0 ? wait.ready_ns - busy_ns : wait.ready_ns + 1000000000;
            wait.start_ns = wait.ready_ns - (busy_ns > 0 ? work_ns : work_ns + 1000000000);
        }
        wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    } while (!wait.is_looked_at);
    return totals_of(WP_PROFILE_BLOCK).delay_ns - before_ns;
}

static void
long_work_of_ours_before_a_wait_is_no_wait_of_those_it_stands_for(void **state)
{
    const uint64_t work_ns = 50000, busy_ns = 100000;

    (void)state;
    set_rates(1, 0);
    wp_region()->wait_fraction = 4;
    assert_true(delay_after_work(work_ns, 0) < 4 * work_ns);
    /* The others would have waited since then as well. */
    assert_true(delay_after_work(work_ns, busy_ns) >= 4 * (work_ns + busy_ns));
    assert_true(delay_after_work(100, busy_ns) >= 4 * (100 + busy_ns));
}

static void
waiters_of_a_lock_stand_for_both_fractions_together(void **state)
{
    const uint32_t waits = 40000;
    uint64_t charged_ns = 0, contentions = 0;
    struct wp_lock_wait wait;
    struct wp_sample charge;
    double selected;

    (void)state;
    set_rates(0, 5);
    wp_region()->wait_fraction = 4;
    for (uint32_t i = 0; i < waits; i++) {
        begin_lock_wait(&wait);
        if (wait.is_looked_at && wait.ticket.record != 0) {
            assert_true(wp_blame_charge(&lock_word, wait.start_ns + 1000, &charge));
            charged_ns += charge.delay_ns;
            contentions += charge.contentions_fixed / WP_REGION_COUNT_ONE;
        }
        wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    }
    selected = (double)region_fixture_counter(WP_COUNTER_mutex_waiters);
    assert_true(fabs(selected - waits / 20.0) < 5 * sqrt(waits / 20.0));
    assert_int_equal(charged_ns, (uint64_t)selected * 20 * 1000);
    assert_int_equal(contentions, (uint64_t)selected * 20);
    assert_true(fabs((double)region_fixture_counter(WP_COUNTER_waits) - waits) <
                5 * sqrt(waits * 3.0));
}

static void
a_wait_fraction_beyond_its_bound_counts_as_the_bound(void **state)
{
    (void)state;
    set_rates(1, UINT64_MAX);
    wp_region()->wait_fraction = UINT64_MAX;
    assert_int_equal(wp_wait_rates_now().wait_fraction, WP_BUDGET_MAX_WAIT_FRACTION);
    assert_int_equal(wp_wait_whole_fraction(), WP_SAMPLING_MAX_FRACTION);
    wp_region()->wait_fraction = 0;
    assert_int_equal(wp_wait_rates_now().wait_fraction, 1);
}

/* Else a budget that was held in a storm would not be let go of after it. */
static void
waits_that_are_passed_over_take_turns_of_the_budget(void **state)
{
    struct wp_lock_wait wait;

    (void)state;
    set_rates(1, 1);
    wp_region()->base_block_rate_ns = wp_region()->base_mutex_fraction = 1;
    wp_region()->budget.cost_ns_per_s = 5000000;
    wp_region()->budget.wait_fraction = wp_region()->wait_fraction = WP_BUDGET_MAX_WAIT_FRACTION;
    wp_region()->budget.last_turn_ns = 1;
    wp_region()->settle_at_ns = 1;
    for (int i = 0; i < 1000 && wp_region()->wait_fraction != 1; i++) {
        begin_lock_wait(&wait);
        wp_lock_wait_end(&wait, WP_LOCK_ACQUIRED);
    }
    assert_int_equal(wp_region()->wait_fraction, 1);
}

static void
errno_is_left_alone(void **state)
{
    const struct wp_sample charge = {.delay_ns = 1};
    struct wp_lock_wait lock_wait;
    struct wp_wait wait;

    (void)state;
    set_rates(1, 1);
    errno = ERRNO_MARK;
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    end_wait(&wait);
    assert_int_equal(errno, ERRNO_MARK);
    record(100, 1);
    assert_int_equal(errno, ERRNO_MARK);
    begin_lock_wait(&lock_wait);
    assert_int_equal(errno, ERRNO_MARK);
    wp_lock_wait_end(&lock_wait, WP_LOCK_ACQUIRED);
    assert_int_equal(errno, ERRNO_MARK);
    record_unlock(&charge);
    assert_int_equal(errno, ERRNO_MARK);
}

/* A lease on both rates, over a base of 0/0, that ends at `deadline_ns`. */
static void
lease_rates(uint64_t deadline_ns)
{
    struct wp_region_header *region = wp_region();

    region->leases[0] = (struct wp_region_lease){1, deadline_ns, 1, 1};
    wp_rates_settle(region, wp_clock_ns());
    assert_int_equal(region->block_rate_ns, 1);
}

static void
every_kind_of_wait_notices_the_end_of_a_lease(void **state)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();
    struct wp_lock_wait lock_wait;
    struct wp_wait wait;

    (void)state;
    lease_rates(wp_clock_ns() + 1000000);
    sleep_ns(2000000);
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    assert_int_equal(wp_region()->block_rate_ns, 0);
    end_wait(&wait);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 0);

    lease_rates(wp_clock_ns() + 1000000);
    sleep_ns(2000000);
    begin_lock_wait(&lock_wait);
    assert_int_equal(wp_region()->mutex_fraction, 0);
    wp_lock_wait_end(&lock_wait, WP_LOCK_ACQUIRED);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 0);

    lease_rates(wp_clock_ns() + 1000000);
    wp_wait_record_now(500, FUNCTION, &caller);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 1);
    sleep_ns(2000000);
    wp_wait_record_now(500, FUNCTION, &caller);
    assert_int_equal(wp_region()->settle_at_ns, 0);
    assert_int_equal(totals_of(WP_PROFILE_BLOCK).samples, 1);
}

static const struct wp_region_thread *
row_of_this_thread(void)
{
    assert_non_null(wp_thread_state.row);
    return wp_thread_state.row;
}

static void
a_thread_in_a_wait_shows_it(void **state)
{
    struct wp_lock_wait lock_wait;
    struct wp_wait wait;

    (void)state;
    set_rates(1, 1);
    begin_lock_wait(&lock_wait);
    assert_int_equal(row_of_this_thread()->waiting_since_ns, lock_wait.start_ns);
    assert_int_equal(row_of_this_thread()->waiting_function, FUNCTION);
    wp_lock_wait_end(&lock_wait, WP_LOCK_REFUSED);
    assert_int_equal(row_of_this_thread()->waiting_since_ns, 0);
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    assert_int_equal(row_of_this_thread()->waiting_since_ns, wait.start_ns);
    end_wait(&wait);
    assert_int_equal(row_of_this_thread()->waiting_since_ns, 0);
    /* A wait that began with the profile off is none, but over all the same. */
    set_rates(0, 0);
    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, FUNCTION);
    end_wait(&wait);
    assert_int_equal(row_of_this_thread()->waiting_since_ns, 0);
}

static uint64_t
cpu_time_ns(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t
own_cost_ns(void)
{
    return region_fixture_counter(WP_COUNTER_wait_cost_ns) +
           region_fixture_counter(WP_COUNTER_sample_cost_ns) +
           region_fixture_counter(WP_COUNTER_unlock_cost_ns);
}

/* Within a factor of 4: the sum of few measurements is compared with the time of all. */
static void
the_own_cost_is_what_recording_took(void **state)
{
    uint64_t start_ns, all_ns;

    (void)state;
    set_rates(1, 0);
    record(1000, 1);
    start_ns = cpu_time_ns();
    for (int i = 0; i < 61 * 2000; i++)
        record(1000, 1);
    all_ns = cpu_time_ns() - start_ns;
    assert_in_range(own_cost_ns(), all_ns / 4, all_ns * 4);
}

static void *
wait_once(void *argument)
{
    record(1000, 1);
    return argument;
}

static void
threads_that_wait_once_cost_something_too(void **state)
{
    (void)state;
    set_rates(1, 0);
    for (int i = 0; i < 61; i++) {
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, wait_once, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_not_equal(own_cost_ns(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rates_beyond_their_bounds_count_as_the_bounds),
        TEST(a_fraction_beyond_its_bound_counts_as_the_bound),
        TEST(at_rate_1_every_wait_is_recorded_exactly),
        TEST(at_rate_0_or_without_delay_nothing_is_recorded),
        TEST(sampled_waits_add_up_to_what_was_waited),
        TEST(a_wait_is_as_long_as_the_clock_says),
        TEST(the_rate_at_the_start_of_a_wait_decides),
        TEST(errors_of_lock_functions_mean_what_they_should),
        TEST(an_acquired_lock_is_in_both_profiles),
        TEST(who_times_out_has_waited_and_is_charged_for),
        TEST(a_refused_lock_is_no_event),
        TEST(each_profile_is_off_by_itself),
        TEST(the_fraction_selects_that_part_of_the_waiters),
        TEST(where_one_wait_stands_for_many_totals_are_those_of_all),
        TEST(a_wait_that_is_passed_over_leaves_no_trace),
        TEST(long_work_of_ours_before_a_wait_is_no_wait_of_those_it_stands_for),
        TEST(waiters_of_a_lock_stand_for_both_fractions_together),
        TEST(a_wait_fraction_beyond_its_bound_counts_as_the_bound),
        TEST(waits_that_are_passed_over_take_turns_of_the_budget),
        TEST(errno_is_left_alone),
        TEST(every_kind_of_wait_notices_the_end_of_a_lease),
        TEST(a_thread_in_a_wait_shows_it),
        TEST(the_own_cost_is_what_recording_took),
        TEST(threads_that_wait_once_cost_something_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
