/*
 * Conditions: waiters, grants and what becomes of them, in made-up time; and under real threads,
 * where every grant must be gone when the waiters are.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/atomic.h"
#include "core/blame.h"
#include "core/clock.h"
#include "core/condition.h"
#include "core/region.h"

#include "blame_fixture.h"
#include "child.h"
#include "region_fixture.h"

#define ERRNO_MARK 7777
#define COND ((const void *)0x7f0000002040)
#define OTHER_COND ((const void *)0x7f0000002080)
#define MUTEX ((const void *)0x7f0000003000)
#define NEAR_MUTEX ((const void *)0x7f0000002010)
#define WAITERS_MAX 8

static struct wp_condition_wait waits[WAITERS_MAX];

static uint32_t
conditions_in_use(void)
{
    uint32_t sum = 0;

    for (uint32_t set = 0; set < WP_CONDITION_SETS; set++)
        sum += wp_atomic_load_16(&wp_condition_active[set]);
    return sum;
}

static int
set_up(void **state)
{
    int error = blame_fixture_set_up(state);

    if (error == 0)
        wp_region()->mutex_fraction = 1;
    return error;
}

static int
tear_down(void **state)
{
    return blame_fixture_tear_down(state) != 0 || conditions_in_use() != 0 ? -1 : 0;
}

static void
enter(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        errno = ERRNO_MARK;
        wp_condition_enter(&waits[i], COND, MUTEX);
        assert_int_equal(errno, ERRNO_MARK);
        assert_int_not_equal(waits[i].record, 0);
    }
}

/* Handlers are popped in reverse order: one thread plays all waiters. */
static uint64_t
leave_since(unsigned waiter, enum wp_condition_end end, uint64_t since_ns, uint64_t now_ns)
{
    uint64_t grant_ns;

    errno = ERRNO_MARK;
    grant_ns = wp_condition_leave(&waits[waiter], end, since_ns, now_ns);
    assert_int_equal(errno, ERRNO_MARK);
    return grant_ns;
}

/* Of a waiter that has waited all the time; one that is not woken has just timed out. */
static uint64_t
leave(unsigned waiter, bool woken, uint64_t now_ns)
{
    return woken ? leave_since(waiter, WP_CONDITION_WOKEN, 1, now_ns)
                 : leave_since(waiter, WP_CONDITION_TIMED_OUT, now_ns, now_ns);
}

static uint64_t
charge_ns(uint64_t now_ns)
{
    struct wp_sample charge;

    return wp_blame_charge(MUTEX, now_ns, &charge) ? charge.delay_ns : 0;
}

/* --- By hand --------------------------------------------------------------------------------- */

static void
a_signal_without_waiters_grants_nothing(void **state)
{
    (void)state;
    assert_false(wp_condition_waited_for(COND));
    wp_condition_grant(COND, false, 1000);
    enter(1);
    assert_true(wp_condition_waited_for(COND));
    assert_int_equal(leave(0, true, 2000), 0);
    assert_false(wp_condition_waited_for(COND));
    assert_false(wp_blame_waited_for(MUTEX));
}

static void
a_signalled_waiter_waits_for_the_mutex_since_the_signal(void **state)
{
    (void)state;
    enter(1);
    wp_condition_grant(COND, false, 1000);
    assert_true(wp_blame_waited_for(MUTEX));
    assert_int_equal(charge_ns(1700), 700);
    assert_int_equal(leave(0, true, 1750), 1000);
    assert_false(wp_blame_waited_for(MUTEX));
}

static void
a_broadcast_grants_all_and_its_holder_pays_for_each(void **state)
{
    (void)state;
    enter(3);
    wp_condition_grant(COND, true, 1000);
    wp_condition_grant(COND, true, 1400); /* nobody is left to be granted anything */
    assert_int_equal(charge_ns(2000), 3000);
    assert_int_equal(leave(2, true, 2100), 1000);
    assert_int_equal(charge_ns(3000), 2000);
    assert_int_equal(leave(1, true, 3100), 1000);
    assert_int_equal(leave(0, true, 3200), 1000);
}

static void
grants_at_different_times_add_up_whoever_takes_them(void **state)
{
    uint64_t sum = 0;

    (void)state;
    enter(3);
    wp_condition_grant(COND, false, 1000);
    wp_condition_grant(COND, false, 2000);
    wp_condition_grant(COND, false, 6000);
    for (unsigned i = 3; i-- > 0;)
        sum += leave(i, true, 9000);
    assert_in_range(sum, 9000 - 3, 9000);
}

static void
one_of_several_waiters_is_granted_by_each_signal(void **state)
{
    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 1000);
    assert_int_equal(charge_ns(1500), 500);
    assert_int_equal(leave(1, true, 1600), 1000);
    assert_int_equal(charge_ns(2500), 0);
    wp_condition_grant(COND, false, 3000);
    assert_int_equal(leave(0, true, 3100), 3000);
}

static void
a_waiter_that_times_out_leaves_its_grant_to_the_others(void **state)
{
    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 1000);
    assert_int_equal(leave(1, false, 1100), 0);
    assert_int_equal(leave(0, true, 1200), 1000);
}

static void
a_grant_that_nobody_takes_goes_with_the_last_waiter(void **state)
{
    (void)state;
    enter(1);
    wp_condition_grant(COND, false, 1000);
    assert_int_equal(leave(0, false, 1100), 0);
    assert_int_equal(charge_ns(5000), 0);
}

/* Its time was up at 900, it waits for the mutex, and the signal took it for a waiter. */
static void
a_grant_to_one_whose_time_was_up_is_not_left_to_those_who_come_later(void **state)
{
    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 1000);
    assert_int_equal(leave_since(1, WP_CONDITION_TIMED_OUT, 900, 2000), 0);
    assert_int_equal(charge_ns(5000), 0);
    assert_int_equal(leave(0, true, 6000), 0);
}

static void
a_grant_from_before_its_wait_is_not_a_waiters_own(void **state)
{
    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 1000);
    assert_int_equal(leave_since(1, WP_CONDITION_WOKEN, 3000, 9000), 0);
    assert_false(wp_blame_waited_for(MUTEX));
    assert_int_equal(leave(0, true, 9500), 0);
}

/* Granted at 1000 and, the second waiter, at 5000: it came at 4000. */
static void
who_came_later_leaves_the_earlier_grant_to_the_others(void **state)
{
    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 1000);
    wp_condition_grant(COND, false, 5000);
    assert_int_equal(leave_since(1, WP_CONDITION_WOKEN, 4000, 9000), 4000);
    assert_int_equal(leave(0, true, 9500), 2000);
}

static bool
is_free(const void *mutex)
{
    return mutex == NEAR_MUTEX;
}

static void
nobody_is_blamed_for_a_waiter_that_is_signalled_while_nobody_holds_the_mutex(void **state)
{
    struct wp_condition_wait wait;

    (void)state;
    wp_condition_mutex_is_free = is_free;
    wp_condition_enter(&wait, COND, NEAR_MUTEX);
    wp_condition_grant(COND, false, 1000);
    assert_false(wp_blame_waited_for(NEAR_MUTEX));
    assert_int_equal(wp_condition_leave(&wait, WP_CONDITION_WOKEN, 1, 1500), 1000);

    /* On another page it cannot be asked. */
    enter(1);
    wp_condition_grant(COND, false, 2000);
    assert_true(wp_blame_waited_for(MUTEX));
    assert_int_equal(leave(0, true, 2500), 2000);
    wp_condition_mutex_is_free = NULL;
}

static void
conditions_are_told_apart(void **state)
{
    (void)state;
    enter(1);
    wp_condition_grant(OTHER_COND, true, 1000);
    assert_int_equal(leave(0, true, 2000), 0);
}

static void
nobody_is_registered_while_the_mutex_profile_is_off(void **state)
{
    (void)state;
    wp_region()->mutex_fraction = 0;
    enter(1);
    wp_condition_grant(COND, false, 1000);
    assert_false(wp_blame_waited_for(MUTEX));
    assert_int_equal(leave(0, true, 1500), 1000);
}

static void
a_fraction_that_changes_between_grant_and_return_strands_no_waiter(void **state)
{
    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 1000);
    wp_region()->mutex_fraction = 3;
    wp_condition_grant(COND, false, 1100);
    wp_region()->mutex_fraction = 0;
    assert_in_range(leave(1, true, 1500), 1000, 1100);
    assert_in_range(leave(0, true, 1500), 1000, 1100);
}

static void
times_may_be_years_after_the_start_of_the_machine(void **state)
{
    const uint64_t year_ns = 365 * BLAME_FIXTURE_DAY_NS;

    (void)state;
    enter(2);
    wp_condition_grant(COND, false, 3 * year_ns);
    wp_condition_grant(COND, false, 3 * year_ns + 2000);
    assert_int_equal(leave(1, true, 3 * year_ns + 5000), 3 * year_ns + 1000);
    assert_int_equal(leave(0, true, 3 * year_ns + 5000), 3 * year_ns + 1000);
}

static void
more_conditions_than_a_set_holds_are_not_followed(void **state)
{
    struct wp_condition_wait many[8];
    unsigned followed = 0;

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        wp_condition_enter(&many[i], blame_fixture_lock(i), MUTEX);
        followed += many[i].record != 0;
    }
    assert_int_equal(followed, 4);
    for (uint32_t i = 8; i-- > 0;)
        assert_int_equal(wp_condition_leave(&many[i], WP_CONDITION_WOKEN, 1, 1000), 0);
}

/* --- Ways out -------------------------------------------------------------------------------- */

/* A frame that cancellation unwinds: AddressSanitizer would never take back what it laid
 * around it. */
__attribute__((no_sanitize("address"))) static void *
cancelled_in_its_wait(void *unused)
{
    struct wp_condition_wait wait;

    wp_condition_enter(&wait, COND, MUTEX);
    wp_condition_grant(COND, true, wp_clock_ns());
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return unused;
}

static void
a_cancelled_waiter_takes_its_grant_with_it(void **state)
{
    pthread_t thread;
    void *result;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, cancelled_in_its_wait, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_int_equal(conditions_in_use(), 0);
    assert_false(wp_blame_waited_for(MUTEX));
}

static void
leave_in_child(void *unused)
{
    (void)unused;
    CHILD_REQUIRE(conditions_in_use() == 0);
    CHILD_REQUIRE(wp_condition_leave(&waits[0], WP_CONDITION_WOKEN, 1, 2000) == 0);
    CHILD_REQUIRE(conditions_in_use() == 0);
}

static void
a_forked_child_has_no_waiters(void **state)
{
    (void)state;
    enter(1);
    wp_condition_grant(COND, false, 1000);
    assert_int_equal(child_run(leave_in_child, NULL), 0);
    assert_int_equal(leave(0, true, 2000), 1000);
}

/* --- Threads --------------------------------------------------------------------------------- */

#define THREADS 6
#define ROUNDS 3000u

static void *
wait_and_signal(void *seed)
{
    const void *conditions[] = {COND, OTHER_COND};
    uint64_t random = *(const uint64_t *)seed;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t draw = wp_sampling_next(&random);
        const void *condition = conditions[draw & 1];
        struct wp_condition_wait wait;
        uint64_t start_ns = wp_clock_ns();

        wp_condition_enter(&wait, condition, MUTEX);
        wp_condition_grant(conditions[draw >> 1 & 1], (draw & 4) != 0, wp_clock_ns());
        (void)wp_condition_leave(&wait, (enum wp_condition_end)(draw >> 3 & 1), start_ns,
                                 wp_clock_ns());
    }
    return NULL;
}

static void
nothing_is_left_when_all_threads_have_left(void **state)
{
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];

    (void)state;
    for (uint64_t i = 0; i < THREADS; i++) {
        seeds[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, wait_and_signal, &seeds[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(conditions_in_use(), 0);
    assert_false(wp_blame_waited_for(MUTEX));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signal_without_waiters_grants_nothing),
        TEST(a_signalled_waiter_waits_for_the_mutex_since_the_signal),
        TEST(a_broadcast_grants_all_and_its_holder_pays_for_each),
        TEST(grants_at_different_times_add_up_whoever_takes_them),
        TEST(one_of_several_waiters_is_granted_by_each_signal),
        TEST(a_waiter_that_times_out_leaves_its_grant_to_the_others),
        TEST(a_grant_that_nobody_takes_goes_with_the_last_waiter),
        TEST(a_grant_to_one_whose_time_was_up_is_not_left_to_those_who_come_later),
        TEST(a_grant_from_before_its_wait_is_not_a_waiters_own),
        TEST(who_came_later_leaves_the_earlier_grant_to_the_others),
        TEST(nobody_is_blamed_for_a_waiter_that_is_signalled_while_nobody_holds_the_mutex),
        TEST(conditions_are_told_apart),
        TEST(nobody_is_registered_while_the_mutex_profile_is_off),
        TEST(a_fraction_that_changes_between_grant_and_return_strands_no_waiter),
        TEST(times_may_be_years_after_the_start_of_the_machine),
        TEST(more_conditions_than_a_set_holds_are_not_followed),
        TEST(a_cancelled_waiter_takes_its_grant_with_it),
        TEST(a_forked_child_has_no_waiters),
        TEST(nothing_is_left_when_all_threads_have_left),
    };

    wp_condition_init();
    return blame_fixture_run(tests, sizeof(tests) / sizeof(tests[0]));
}
