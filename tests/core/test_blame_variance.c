/*
 * Convoys at a lock, in made-up time: what the charges of the waiters that were selected add up to,
 * against what all waited; and what the charges say of their own error, against how far they lie
 * apart when the same convoy is sampled thousands of times. And what a budget does to them.
 */
#include "core/blame.h"

#include <math.h>
#include <string.h>

#include "core/sampling.h"
#include "core/stack_table.h"

#include "blame_fixture.h"
#include "region_fixture.h"

#define MAX_QUEUE 16u
#define UNLOCKS 120u
#define TURN_UNLOCKS 20u
#define REPETITIONS 4000u
#define SIGMAS 5.0

/* Who waits how long is drawn from `schedule`, the same in each repetition. */
struct convoy {
    uint64_t schedule;
    uint32_t queue;    /* waiters at any time */
    bool fair;         /* who waits longest has the lock next; else, anyone */
    uint64_t fraction; /* of the waiters that are selected */
    uint64_t charges;  /* that a budget allows in TURN_UNLOCKS unlocks; 0: all */
};

struct convoy_waiter {
    struct wp_blame_ticket ticket;
    uint64_t start_ns;
};

struct convoy_sums {
    double truth, truth_squares; /* of all waiters, until the unlock that gave them the lock */
    double until_wake_up;        /* until they had it */
    double delay, variance, squares;
};

static uint64_t
draw(uint64_t *random, uint64_t bound)
{
    return wp_sampling_below(wp_sampling_next(random), bound);
}

/* Of a budget: one more than is left; 1: none. */
static void
set_charges(uint64_t charges)
{
    wp_region()->budget.cost_ns_per_s = 1;
    wp_region()->budget.charges = charges;
}

static void
add_charge(const void *lock, uint64_t now_ns, struct convoy_sums *sums)
{
    struct wp_sample charge;

    if (!wp_blame_waited_for(lock) || !wp_blame_charge(lock, now_ns, &charge))
        return;
    sums->delay += (double)charge.delay_ns;
    sums->variance += charge.variance;
    sums->squares += charge.squares;
}

static void
enter(struct convoy_waiter *waiter, const void *lock, uint64_t start_ns,
      const struct convoy *convoy, uint64_t *selection)
{
    *waiter = (struct convoy_waiter){.start_ns = start_ns};
    if (wp_sampling_mutex_selects(wp_sampling_next(selection), convoy->fraction))
        waiter->ticket = wp_blame_register(lock, start_ns, convoy->fraction);
}

static void
leave(struct convoy_waiter *waiter, uint64_t unlocked_ns, uint64_t now_ns, struct convoy_sums *sums)
{
    double waited_ns = (double)(unlocked_ns - waiter->start_ns);

    sums->truth += waited_ns;
    sums->truth_squares += waited_ns * waited_ns;
    sums->until_wake_up += (double)(now_ns - waiter->start_ns);
    wp_blame_leave(&waiter->ticket, true, now_ns);
}

/* The stack of what was charged to nobody for want of budget. */
static struct convoy_sums
unattributed(void)
{
    const struct wp_region_stack *stack =
        region_fixture_stack(wp_stack_table_lost(WP_PROFILE_MUTEX, WP_SPECIAL_BUDGET));
    struct convoy_sums sums = {.delay = (double)stack->delay_ns};

    memcpy(&sums.variance, &stack->variance_bits, sizeof(sums.variance));
    memcpy(&sums.squares, &stack->squares_bits, sizeof(sums.squares));
    return sums;
}

static struct convoy_sums
run(const struct convoy *convoy, uint64_t *selection)
{
    const void *lock = blame_fixture_lock(0);
    struct convoy_waiter waiters[MAX_QUEUE];
    struct convoy_sums sums = {0}, before = unattributed(), after;
    uint64_t random = convoy->schedule, now_ns = 1000000000;

    for (uint32_t i = 0; i < convoy->queue; i++)
        enter(&waiters[i], lock, now_ns + draw(&random, 1000), convoy, selection);
    for (uint32_t unlock = 0; unlock < UNLOCKS; unlock++) {
        struct convoy_waiter *next =
            &waiters[convoy->fair ? unlock % convoy->queue : draw(&random, convoy->queue)];

        if (convoy->charges != 0 && unlock % TURN_UNLOCKS == 0)
            set_charges(1 + convoy->charges);
        now_ns += 2000 + draw(&random, 4000);
        add_charge(lock, now_ns, &sums);
        leave(next, now_ns, now_ns + 100, &sums);
        enter(next, lock, now_ns + 200 + draw(&random, 500), convoy, selection);
    }
    now_ns += 2000;
    add_charge(lock, now_ns, &sums);
    for (uint32_t i = 0; i < convoy->queue; i++)
        leave(&waiters[i], now_ns, now_ns + 100, &sums);
    after = unattributed();
    sums.delay += after.delay - before.delay;
    sums.variance += after.variance - before.variance;
    sums.squares += after.squares - before.squares;
    return sums;
}

/* The convoy, over and over: true means and variance, and those that the charges tell. */
struct spread {
    struct convoy_sums once;
    double mean, true_variance, variance, squares;
};

static struct spread
spread_of(const struct convoy *convoy)
{
    struct spread spread = {0};
    uint64_t selection = 4711;
    double sum = 0, sum_of_squares = 0;

    for (uint32_t i = 0; i < REPETITIONS; i++) {
        spread.once = run(convoy, &selection);
        sum += spread.once.delay / REPETITIONS;
        sum_of_squares += spread.once.delay * spread.once.delay / REPETITIONS;
        spread.variance += spread.once.variance / REPETITIONS;
        spread.squares += spread.once.squares / REPETITIONS;
    }
    spread.mean = sum;
    spread.true_variance = sum_of_squares - sum * sum;
    return spread;
}

static void
assert_ratio(const char *what, const struct convoy *convoy, double ratio, double slack)
{
    print_message("queue %u, %s, one of %u: %s %.3f\n", convoy->queue,
                  convoy->fair ? "in turn" : "in any order", (unsigned)convoy->fraction, what,
                  ratio);
    if (!(fabs(ratio - 1) <= slack))
        fail_msg("%s: %.3f of what it is", what, ratio);
}

static void
check_convoy(const struct convoy *convoy, double slack)
{
    struct spread spread = spread_of(convoy);
    double error = sqrt(spread.true_variance / REPETITIONS);

    assert_true(spread.mean > spread.once.truth - SIGMAS * error - 1);
    assert_true(spread.mean <
                (convoy->charges == 0 ? spread.once.truth : spread.once.until_wake_up) +
                    SIGMAS * error + 1);
    assert_ratio("variance", convoy, spread.variance / spread.true_variance, slack);
    assert_ratio("sum of squares of waits", convoy,
                 (spread.squares - spread.variance) / spread.once.truth_squares, slack);
}

/* --- Variance -------------------------------------------------------------------------------- */

/* A waiter in turn is charged at as many unlocks as the queue is long. To take each charge as a
 * wait of its own would make the variance smaller by about that. */
static void
the_variance_of_a_fair_convoy_is_that_of_its_waiters(void **state)
{
    (void)state;
    check_convoy(&(struct convoy){1, 1, true, 5, 0}, 0.12);
    check_convoy(&(struct convoy){2, 4, true, 5, 0}, 0.12);
    check_convoy(&(struct convoy){3, 16, true, 20, 0}, 0.15);
}

/* Shares of waiters are taken as equal; the less equal they are, the less is that true. */
static void
the_variance_of_an_unfair_convoy_is_near_that_of_its_waiters(void **state)
{
    (void)state;
    check_convoy(&(struct convoy){4, 4, false, 20, 0}, 0.15);
    check_convoy(&(struct convoy){5, 16, false, 50, 0}, 0.3);
}

/* Some 10 of 20 unlocks are charged, the rest goes to [not attributed: budget]. */
static void
the_variance_stays_true_when_charges_run_out(void **state)
{
    (void)state;
    check_convoy(&(struct convoy){7, 4, true, 5, 3}, 0.15);
    check_convoy(&(struct convoy){8, 16, true, 5, 10}, 0.15);
    check_convoy(&(struct convoy){9, 16, false, 50, 2}, 0.3);
}

static void
at_fraction_1_nothing_is_uncertain(void **state)
{
    const struct convoy convoy = {6, 8, false, 1, 0};
    uint64_t selection = 1;
    struct convoy_sums sums = run(&convoy, &selection);

    (void)state;
    assert_true(sums.delay == sums.truth);
    assert_true(sums.variance == 0);
    assert_true(sums.squares > 0);
}

/* --- Charges that a budget allows ------------------------------------------------------------ */

static uint64_t
unattributed_ns(void)
{
    return (uint64_t)unattributed().delay;
}

static void
without_charges_an_unlock_is_the_last_that_its_waiters_see(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 10);
    struct wp_sample charge;

    (void)state;
    set_charges(1);
    assert_true(wp_blame_charge(lock, 1500, &charge));
    assert_int_equal(charge.delay_ns, 5000);
    assert_int_equal(charge.contentions_fixed, 10 * WP_REGION_COUNT_ONE);
    assert_false(wp_blame_waited_for(lock));
    assert_false(wp_blame_charge(lock, 1700, &charge));
    assert_int_equal(unattributed_ns(), 0);
    wp_blame_leave(&ticket, true, 2000);
    assert_int_equal(unattributed_ns(), 5000);
}

/* An unlock that fails gives its charge back; of the last one nobody is left to take it. */
static void
the_last_charge_that_is_given_back_goes_to_nobody(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 10);
    struct wp_sample charge;

    (void)state;
    set_charges(1);
    assert_true(wp_blame_charge(lock, 1500, &charge));
    wp_blame_refund(lock, &charge);
    assert_int_equal(unattributed_ns(), 5000);
    wp_blame_leave(&ticket, true, 2000);
    assert_int_equal(unattributed_ns(), 10000);
}

static void
while_there_are_charges_each_unlock_takes_one(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    set_charges(4);
    for (uint64_t now_ns = 1100; now_ns < 1500; now_ns += 100) {
        assert_true(wp_blame_waited_for(lock));
        assert_true(wp_blame_charge(lock, now_ns, &charge));
    }
    assert_int_equal(wp_region()->budget.charges, 1);
    assert_false(wp_blame_waited_for(lock));
    wp_blame_leave(&ticket, true, 1400);
    assert_int_equal(unattributed_ns(), 0);
}

static void
the_next_waiter_makes_unlocks_count_again(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket first = wp_blame_register(lock, 1000, 1), second;
    struct wp_sample charge;

    (void)state;
    set_charges(1);
    assert_true(wp_blame_charge(lock, 1500, &charge));
    second = wp_blame_register(lock, 1800, 1);
    assert_true(wp_blame_waited_for(lock));
    set_charges(100);
    assert_true(wp_blame_charge(lock, 2000, &charge));
    /* Of the first: 500 at the first unlock, 300 until it was woken, 200 now. */
    assert_int_equal(charge.delay_ns + unattributed_ns(), 200 + 200 + 300);
    wp_blame_leave(&first, true, 2000);
    wp_blame_leave(&second, true, 2000);
    assert_int_equal(charge.delay_ns + unattributed_ns(), 700);
}

static void
a_charge_is_spent_only_under_a_budget(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    for (uint64_t now_ns = 1100; now_ns < 2000; now_ns += 100)
        assert_true(wp_blame_charge(lock, now_ns, &charge));
    assert_int_equal(wp_region()->budget.charges, 0);
    wp_blame_leave(&ticket, true, 2000);
}

/* Charges come and run out at random: what is charged, and what is charged to nobody, is together
 * what was waited; but for the way to the processor, which a waiter that saw no unlock cannot
 * tell. */
static void
totals_stay_what_they_are_when_charges_run_out(void **state)
{
    uint64_t selection = 1, random = 99;

    (void)state;
    for (uint64_t schedule = 1; schedule <= 200; schedule++) {
        const struct convoy convoy = {schedule, 1 + schedule % MAX_QUEUE, schedule % 2 == 0, 1,
                                      1 + draw(&random, TURN_UNLOCKS)};
        struct convoy_sums sums;

        sums = run(&convoy, &selection);
        if (sums.delay < sums.truth || sums.delay > sums.until_wake_up)
            fail_msg("schedule %u: %.0f ns; waited were %.0f, %.0f with the way to the processor",
                     (unsigned)schedule, sums.delay, sums.truth, sums.until_wake_up);
    }
    assert_true(unattributed_ns() > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BLAME_FIXTURE_TEST(the_variance_of_a_fair_convoy_is_that_of_its_waiters),
        BLAME_FIXTURE_TEST(the_variance_of_an_unfair_convoy_is_near_that_of_its_waiters),
        BLAME_FIXTURE_TEST(the_variance_stays_true_when_charges_run_out),
        BLAME_FIXTURE_TEST(at_fraction_1_nothing_is_uncertain),
        BLAME_FIXTURE_TEST(without_charges_an_unlock_is_the_last_that_its_waiters_see),
        BLAME_FIXTURE_TEST(the_last_charge_that_is_given_back_goes_to_nobody),
        BLAME_FIXTURE_TEST(while_there_are_charges_each_unlock_takes_one),
        BLAME_FIXTURE_TEST(the_next_waiter_makes_unlocks_count_again),
        BLAME_FIXTURE_TEST(a_charge_is_spent_only_under_a_budget),
        BLAME_FIXTURE_TEST(totals_stay_what_they_are_when_charges_run_out),
    };

    return blame_fixture_run(tests, sizeof(tests) / sizeof(tests[0]));
}
