/*
 * Blame by hand: one or a few waiters in made-up time, addresses that are used again, counts and
 * sums at their limits, fork. Random schedules are in test_blame_model.c.
 */
#include <stdlib.h>
#include <string.h>

#include "core/blame.h"

#include "blame_fixture.h"
#include "child.h"
#include "region_fixture.h"

/* --- One waiter, by hand --------------------------------------------------------------------- */

static void
nothing_is_charged_where_nobody_waits(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_sample charge;

    (void)state;
    assert_false(wp_blame_waited_for(lock));
    assert_false(wp_blame_charge(lock, 1000, &charge));
    assert_int_equal(charge.delay_ns, 0);
    assert_int_equal(charge.contentions_fixed, 0);
}

static void
a_wait_is_charged_from_its_start_to_the_unlock(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 10);
    struct wp_sample charge;

    (void)state;
    assert_int_not_equal(ticket.record, 0);
    assert_true(wp_blame_waited_for(lock));
    assert_true(wp_blame_charge(lock, 1700, &charge));
    assert_int_equal(charge.delay_ns, 7000);
    assert_int_equal(charge.contentions_fixed, 10 * WP_REGION_COUNT_ONE);
    assert_true(charge.variance > 0);

    /* A second unlock, while it still waits: the rest, and no second contention. */
    assert_true(wp_blame_charge(lock, 1900, &charge));
    assert_int_equal(charge.delay_ns, 2000);
    assert_int_equal(charge.contentions_fixed, 0);
    wp_blame_leave(&ticket, true, 1950);
    assert_false(wp_blame_waited_for(lock));
    assert_false(wp_blame_charge(lock, 2000, &charge));
    assert_int_equal(region_fixture_counter(WP_COUNTER_mutex_waiters), 1);
}

static void
what_passes_from_the_last_unlock_to_the_wake_up_is_charged_to_nobody(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket first = wp_blame_register(lock, 1000, 1);
    struct wp_blame_ticket second = wp_blame_register(lock, 1100, 1);
    struct wp_sample charge;

    (void)state;
    assert_true(wp_blame_charge(lock, 1200, &charge));
    assert_int_equal(charge.delay_ns, 300);
    wp_blame_leave(&first, true, 1250);
    assert_true(wp_blame_charge(lock, 1300, &charge));
    assert_int_equal(charge.delay_ns, 100); /* of the second alone */
    wp_blame_leave(&second, true, 1350);
}

static void
who_gives_up_is_charged_to_the_next_unlock(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    wp_blame_leave(&ticket, false, 1600);
    assert_true(wp_blame_waited_for(lock));
    assert_true(wp_blame_charge(lock, 5000, &charge));
    assert_int_equal(charge.delay_ns, 600);
    assert_int_equal(charge.contentions_fixed, WP_REGION_COUNT_ONE);
    assert_false(wp_blame_waited_for(lock));
    assert_false(wp_blame_charge(lock, 6000, &charge));
}

/* The first waiter's unlock came before it was registered; the second was registered in time. */
static void
a_waiter_that_no_unlock_was_charged_for_is_no_contention(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_sample charge;

    (void)state;
    for (int order = 0; order < 2; order++) {
        struct wp_blame_ticket first = wp_blame_register(lock, 1000, 1);
        struct wp_blame_ticket second = wp_blame_register(lock, 1100, 1);

        wp_blame_leave(order == 0 ? &first : &second, true, 1150);
        assert_true(wp_blame_charge(lock, 1200, &charge));
        assert_int_equal(charge.delay_ns, order == 0 ? 100 : 200);
        assert_int_equal(charge.contentions_fixed, WP_REGION_COUNT_ONE);
        wp_blame_leave(order == 0 ? &second : &first, true, 1250);
    }
}

/* It timed out, but the unlocker read the clock and charged before it got to say so. */
static void
a_charge_that_runs_ahead_of_one_who_gave_up_leaves_nothing_behind(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    assert_true(wp_blame_charge(lock, 2000, &charge));
    assert_int_equal(charge.delay_ns, 1000);
    wp_blame_leave(&ticket, false, 1999);
    assert_false(wp_blame_charge(lock, 3000, &charge));
    assert_int_equal(charge.delay_ns, 0);
    assert_false(wp_blame_waited_for(lock));
}

/* One who gave up was charged for 500 ns too many; the next two pay with their 30. */
static void
a_waiter_whose_time_was_charged_ahead_is_still_a_contention(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket early = wp_blame_register(lock, 1000, 1);
    struct wp_blame_ticket stayer = wp_blame_register(lock, 1000, 1);
    struct wp_blame_ticket late;
    struct wp_sample charge;

    (void)state;
    assert_true(wp_blame_charge(lock, 2000, &charge));
    assert_int_equal(charge.contentions_fixed, 2 * WP_REGION_COUNT_ONE);
    wp_blame_leave(&early, false, 1500);
    late = wp_blame_register(lock, 2000, 1);
    wp_blame_leave(&stayer, false, 2010);
    wp_blame_leave(&late, false, 2020);
    assert_true(wp_blame_charge(lock, 3000, &charge));
    assert_int_equal(charge.contentions_fixed, WP_REGION_COUNT_ONE);
    assert_int_equal(charge.delay_ns, 0);
    assert_false(wp_blame_waited_for(lock));
}

static void
an_unlock_that_read_the_clock_before_the_wait_began_charges_nothing(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    assert_false(wp_blame_charge(lock, 990, &charge));
    assert_int_equal(charge.delay_ns, 0);
    assert_true(wp_blame_charge(lock, 1100, &charge));
    assert_int_equal(charge.delay_ns, 100);
    assert_int_equal(charge.contentions_fixed, WP_REGION_COUNT_ONE);
    wp_blame_leave(&ticket, true, 1200);
}

/* Of two waiters, one began after the unlocker read the clock: what came together is left for the
 * next unlock, which pays for both. */
static void
what_an_unlock_cannot_charge_yet_is_left_to_the_next(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket first = wp_blame_register(lock, 1000, 1);
    struct wp_blame_ticket second = wp_blame_register(lock, 1100, 1);
    struct wp_sample charge;

    (void)state;
    assert_false(wp_blame_charge(lock, 1010, &charge));
    assert_true(wp_blame_charge(lock, 1200, &charge));
    assert_int_equal(charge.delay_ns, 200 + 100);
    assert_int_equal(charge.contentions_fixed, 2 * WP_REGION_COUNT_ONE);
    wp_blame_leave(&first, true, 1250);
    wp_blame_leave(&second, true, 1250);
}

static void
a_waiter_that_registers_after_an_unlock_is_charged_from_its_start_at_the_next(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket first = wp_blame_register(lock, 1000, 1);
    struct wp_blame_ticket late;
    struct wp_sample charge;

    (void)state;
    assert_true(wp_blame_charge(lock, 1200, &charge));
    late = wp_blame_register(lock, 1150, 1);
    assert_true(wp_blame_charge(lock, 1300, &charge));
    assert_int_equal(charge.delay_ns, 100 + 150);
    assert_int_equal(charge.contentions_fixed, WP_REGION_COUNT_ONE);
    wp_blame_leave(&first, true, 1350);
    wp_blame_leave(&late, true, 1350);
}

static void
a_ticket_that_was_not_registered_leaves_without_effect(void **state)
{
    const struct wp_blame_ticket none = {0};

    (void)state;
    wp_blame_leave(&none, true, 1000);
    wp_blame_leave(&none, false, 1000);
    assert_int_equal(blame_fixture_in_use(), 0);
}

/* --- Addresses ------------------------------------------------------------------------------- */

static void
a_new_lock_at_an_old_address_is_not_charged_for_the_old_ones_waiters(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_sample charge;

    (void)state;
    for (uint64_t life = 0; life < 100; life++) {
        uint64_t start = 1000 + life * BLAME_FIXTURE_DAY_NS;
        struct wp_blame_ticket ticket = wp_blame_register(lock, start, 1);

        assert_true(wp_blame_charge(lock, start + 50, &charge));
        assert_int_equal(charge.delay_ns, 50);
        assert_int_equal(charge.contentions_fixed, WP_REGION_COUNT_ONE);
        wp_blame_leave(&ticket, true, start + 60);
    }
}

static void
records_go_from_lock_to_lock_with_nothing_left_of_the_former(void **state)
{
    struct wp_sample charge;

    (void)state;
    for (uint32_t round = 0; round < 10 * BLAME_FIXTURE_WAYS; round++) {
        const void *lock = blame_fixture_lock(round);
        uint64_t start = 1000 + round * 1000;
        struct wp_blame_ticket ticket = wp_blame_register(lock, start, round % 7 + 1);

        assert_int_not_equal(ticket.record, 0);
        assert_true(wp_blame_charge(lock, start + 11, &charge));
        assert_int_equal(charge.delay_ns, 11 * (round % 7 + 1));
        wp_blame_leave(&ticket, true, start + 20);
        assert_false(wp_blame_charge(lock, start + 30, &charge));
    }
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_waiters), 0);
}

static void
a_full_set_loses_waiters_by_name_and_recovers(void **state)
{
    struct wp_blame_ticket tickets[BLAME_FIXTURE_WAYS + 1];
    struct wp_sample charge;

    (void)state;
    for (uint32_t i = 0; i < BLAME_FIXTURE_WAYS; i++) {
        tickets[i] = wp_blame_register(blame_fixture_lock(i), 1000, 1);
        assert_int_not_equal(tickets[i].record, 0);
    }
    tickets[BLAME_FIXTURE_WAYS] =
        wp_blame_register(blame_fixture_lock(BLAME_FIXTURE_WAYS), 1000, 1);
    assert_int_equal(tickets[BLAME_FIXTURE_WAYS].record, 0);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_waiters), 1);
    assert_int_equal(region_fixture_counter(WP_COUNTER_mutex_waiters), BLAME_FIXTURE_WAYS + 1);
    assert_false(wp_blame_charge(blame_fixture_lock(BLAME_FIXTURE_WAYS), 2000, &charge));

    wp_blame_leave(&tickets[3], true, 2000);
    tickets[BLAME_FIXTURE_WAYS] =
        wp_blame_register(blame_fixture_lock(BLAME_FIXTURE_WAYS), 2000, 1);
    assert_int_not_equal(tickets[BLAME_FIXTURE_WAYS].record, 0);
    for (uint32_t i = 0; i <= BLAME_FIXTURE_WAYS; i++)
        if (i != 3)
            wp_blame_leave(&tickets[i], true, 3000);
}

/* --- Counts and sums at their limits --------------------------------------------------------- */

/* Locks that another process unlocks, as far as we can see never: one waiter gave up at each. */
static void
debts_that_nobody_settles_make_room_for_waiters(void **state)
{
    struct wp_sample charge;

    (void)state;
    for (uint32_t i = 0; i < 3 * BLAME_FIXTURE_WAYS; i++) {
        struct wp_blame_ticket ticket = wp_blame_register(blame_fixture_lock(i), 1000, 1);

        assert_int_not_equal(ticket.record, 0);
        wp_blame_leave(&ticket, false, 2000);
    }
    assert_int_equal(blame_fixture_in_use(), BLAME_FIXTURE_WAYS);
    for (uint32_t i = 0; i < 3 * BLAME_FIXTURE_WAYS; i++)
        (void)wp_blame_charge(blame_fixture_lock(i), 3000, &charge);
    assert_int_equal(blame_fixture_in_use(), 0);
}

static void
more_waiters_than_a_record_can_count_take_another(void **state)
{
    enum { COUNT = 2 * BLAME_FIXTURE_MAX_WAITING + 100 };
    struct wp_blame_ticket *tickets = malloc(COUNT * sizeof(*tickets));
    const void *lock = blame_fixture_lock(0);
    uint64_t expected = 0;
    struct wp_sample charge;

    (void)state;
    assert_non_null(tickets);
    for (uint32_t i = 0; i < COUNT; i++) {
        tickets[i] = wp_blame_register(lock, 1000 + i, 1);
        assert_int_not_equal(tickets[i].record, 0);
        expected += 100000 - i;
    }
    assert_int_equal(blame_fixture_in_use(), 3);
    assert_true(wp_blame_charge(lock, 101000, &charge));
    assert_int_equal(charge.delay_ns, expected);
    assert_int_equal(charge.contentions_fixed, (uint64_t)COUNT * WP_REGION_COUNT_ONE);
    for (uint32_t i = 0; i < COUNT; i++)
        wp_blame_leave(&tickets[i], true, 102000);
    assert_false(wp_blame_charge(lock, 103000, &charge));
    free(tickets);
}

/* A lock is never released, and one who tries it with a time limit comes back again and again. */
static void
waiters_that_give_up_again_and_again_are_all_counted(void **state)
{
    enum { COUNT = 3 * BLAME_FIXTURE_MAX_WAITING };
    const void *lock = blame_fixture_lock(0);
    struct wp_sample charge;
    uint64_t now = 1000;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++, now += 100) {
        struct wp_blame_ticket ticket = wp_blame_register(lock, now, 1);

        assert_int_not_equal(ticket.record, 0);
        wp_blame_leave(&ticket, false, now + 10);
    }
    assert_true(wp_blame_charge(lock, now, &charge));
    assert_int_equal(charge.delay_ns, 10u * COUNT);
    assert_int_equal(charge.contentions_fixed, (uint64_t)COUNT * WP_REGION_COUNT_ONE);
    assert_false(wp_blame_charge(lock, now + 100, &charge));
}

/*
 * A program that hangs: a thousand threads come to one lock in the course of a day. What has come
 * together may be lost in part, and must be counted then, but nobody may be charged with more.
 */
static void
a_lock_that_hangs_for_a_day_is_not_charged_with_more_than_was_waited(void **state)
{
    enum { COUNT = 1000 };
    struct wp_blame_ticket tickets[COUNT];
    const void *lock = blame_fixture_lock(0);
    uint64_t expected = 0, start = 1000, end = start + BLAME_FIXTURE_DAY_NS;
    struct wp_sample charge;
    bool charged;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t came = start + BLAME_FIXTURE_DAY_NS / COUNT * i;

        tickets[i] = wp_blame_register(lock, came, 1);
        expected += end - came;
    }
    charged = wp_blame_charge(lock, end, &charge);
    for (uint32_t i = 0; i < COUNT; i++)
        wp_blame_leave(&tickets[i], true, end);
    assert_true(charge.delay_ns <= expected);
    assert_true(charged || region_fixture_counter(WP_COUNTER_lost_waiters) > 0);
    if (region_fixture_counter(WP_COUNTER_lost_waiters) == 0)
        assert_int_equal(charge.delay_ns, expected);
}

/* The same for waiters with a time limit: the debt of a hundred of them for a day. */
static void
the_debt_of_a_day_is_not_charged_as_more_than_was_waited(void **state)
{
    enum { COUNT = 100 };
    const void *lock = blame_fixture_lock(0);
    uint64_t start = 1000, end = start + BLAME_FIXTURE_DAY_NS;
    struct wp_sample charge;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct wp_blame_ticket ticket = wp_blame_register(lock, start, 1);

        wp_blame_leave(&ticket, false, end);
    }
    (void)wp_blame_charge(lock, end + 1, &charge);
    assert_true(charge.delay_ns <= COUNT * BLAME_FIXTURE_DAY_NS);
    assert_true(charge.delay_ns > 0);
}

/* --- Fork ------------------------------------------------------------------------------------ */

static void
look_at_inherited_waiters(void *ticket)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_sample charge;

    CHILD_REQUIRE(blame_fixture_in_use() == 0);
    CHILD_REQUIRE(!wp_blame_waited_for(lock));
    CHILD_REQUIRE(!wp_blame_charge(lock, 5000, &charge));
    wp_blame_leave(ticket, true, 5000);
    wp_blame_leave(ticket, false, 5000);
    CHILD_REQUIRE(blame_fixture_in_use() == 0);

    struct wp_blame_ticket own = wp_blame_register(lock, 6000, 1);

    CHILD_REQUIRE(wp_blame_charge(lock, 6100, &charge) && charge.delay_ns == 100);
    wp_blame_leave(&own, true, 6200);
    CHILD_REQUIRE(blame_fixture_in_use() == 0);
}

static void
a_forked_child_starts_with_no_waiters_and_its_parent_keeps_them(void **state)
{
    const void *lock = blame_fixture_lock(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    assert_int_equal(child_run(look_at_inherited_waiters, &ticket), 0);
    assert_true(wp_blame_charge(lock, 2000, &charge));
    assert_int_equal(charge.delay_ns, 1000);
    wp_blame_leave(&ticket, true, 2000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BLAME_FIXTURE_TEST(nothing_is_charged_where_nobody_waits),
        BLAME_FIXTURE_TEST(a_wait_is_charged_from_its_start_to_the_unlock),
        BLAME_FIXTURE_TEST(what_passes_from_the_last_unlock_to_the_wake_up_is_charged_to_nobody),
        BLAME_FIXTURE_TEST(who_gives_up_is_charged_to_the_next_unlock),
        BLAME_FIXTURE_TEST(a_waiter_that_no_unlock_was_charged_for_is_no_contention),
        BLAME_FIXTURE_TEST(a_charge_that_runs_ahead_of_one_who_gave_up_leaves_nothing_behind),
        BLAME_FIXTURE_TEST(a_waiter_whose_time_was_charged_ahead_is_still_a_contention),
        BLAME_FIXTURE_TEST(an_unlock_that_read_the_clock_before_the_wait_began_charges_nothing),
        BLAME_FIXTURE_TEST(what_an_unlock_cannot_charge_yet_is_left_to_the_next),
        BLAME_FIXTURE_TEST(
            a_waiter_that_registers_after_an_unlock_is_charged_from_its_start_at_the_next),
        BLAME_FIXTURE_TEST(a_ticket_that_was_not_registered_leaves_without_effect),
        BLAME_FIXTURE_TEST(a_new_lock_at_an_old_address_is_not_charged_for_the_old_ones_waiters),
        BLAME_FIXTURE_TEST(records_go_from_lock_to_lock_with_nothing_left_of_the_former),
        BLAME_FIXTURE_TEST(a_full_set_loses_waiters_by_name_and_recovers),
        BLAME_FIXTURE_TEST(debts_that_nobody_settles_make_room_for_waiters),
        BLAME_FIXTURE_TEST(more_waiters_than_a_record_can_count_take_another),
        BLAME_FIXTURE_TEST(waiters_that_give_up_again_and_again_are_all_counted),
        BLAME_FIXTURE_TEST(a_lock_that_hangs_for_a_day_is_not_charged_with_more_than_was_waited),
        BLAME_FIXTURE_TEST(the_debt_of_a_day_is_not_charged_as_more_than_was_waited),
        BLAME_FIXTURE_TEST(a_forked_child_starts_with_no_waiters_and_its_parent_keeps_them),
    };

    return blame_fixture_run(tests, sizeof(tests) / sizeof(tests[0]));
}
