/*
 * Blame against a model that keeps each waiter by itself: random schedules of registering,
 * unlocking, acquiring and giving up, in made-up time. The addresses of the locks are made up too:
 * they are keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/blame.h"
#include "core/sampling.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(1) << 20)
#define WAYS 8u           /* records in a set: as many keys can be in use at once */
#define MAX_WAITING 4094u /* waiters of one record */
#define DAY_NS UINT64_C(86400000000000)
#define TIME_WRAP_NS (UINT64_C(1) << 52)

static int
set_up(void **state)
{
    (void)state;
    return region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static uint32_t
records_in_use(void)
{
    uint32_t sum = 0;

    for (uint32_t set = 0; set < WP_BLAME_SETS; set++)
        sum += wp_blame_active[set];
    return sum;
}

/* No test may leave a record in use. */
static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    if (records_in_use() == 0)
        return 0;
    print_message("%u records are still in use\n", records_in_use());
    return -1;
}

/* The index-th address of those that share a set with the first. */
static const void *
lock_in_one_set(uint32_t index)
{
    const uintptr_t first = 0x7f0000001000;
    uintptr_t address = first;

    while (index > 0) {
        address += 8;
        index -= wp_blame_set((const void *)address) == wp_blame_set((const void *)first);
    }
    return (const void *)address;
}

/* --- One waiter, by hand --------------------------------------------------------------------- */

static void
nothing_is_charged_where_nobody_waits(void **state)
{
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
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
    assert_int_equal(records_in_use(), 0);
}

/* --- The model ------------------------------------------------------------------------------- */

#define MODEL_LOCKS 5u
#define MODEL_FRACTIONS 3u
#define MODEL_WAITERS 24u

static const uint64_t model_fractions[MODEL_FRACTIONS] = {1, 10, 1000000};

/* A waiter, or the unpaid rest of one that gave up. */
struct model_waiter {
    struct wp_blame_ticket ticket;
    uint32_t lock;
    uint32_t fraction;
    uint64_t unpaid_from_ns; /* start, or the last charge */
    uint64_t gave_up_ns;     /* 0: still waits */
    bool counted;            /* a contention was charged for it */
    bool in_use;
};

struct model {
    struct model_waiter waiters[MODEL_WAITERS];
    const void *locks[MODEL_LOCKS];
    uint64_t now_ns;
    uint64_t random;
    uint64_t refused;
    uint64_t charges;
};

static uint64_t
model_draw(struct model *model, uint64_t bound)
{
    return wp_sampling_below(wp_sampling_next(&model->random), bound);
}

/* Different keys that have a waiter or a debt, which is how many records must be in use. */
static uint32_t
model_keys_in_use(const struct model *model)
{
    uint32_t keys = 0;

    for (uint32_t lock = 0; lock < MODEL_LOCKS; lock++) {
        for (uint32_t fraction = 0; fraction < MODEL_FRACTIONS; fraction++) {
            bool used = false;

            for (uint32_t i = 0; i < MODEL_WAITERS; i++)
                used |= model->waiters[i].in_use && model->waiters[i].lock == lock &&
                        model->waiters[i].fraction == fraction;
            keys += used;
        }
    }
    return keys;
}

static void
model_register(struct model *model, struct model_waiter *waiter)
{
    uint32_t keys;

    *waiter = (struct model_waiter){
        .lock = (uint32_t)model_draw(model, MODEL_LOCKS),
        .fraction = (uint32_t)model_draw(model, MODEL_FRACTIONS),
        .unpaid_from_ns = model->now_ns,
        .in_use = true,
    };
    keys = model_keys_in_use(model);
    waiter->ticket = wp_blame_register(model->locks[waiter->lock], model->now_ns,
                                       model_fractions[waiter->fraction]);
    if (waiter->ticket.record == 0) {
        assert_true(keys > WAYS); /* it would have been one too many */
        waiter->in_use = false;
        model->refused++;
    }
}

static void
model_leave(struct model *model, struct model_waiter *waiter)
{
    bool acquired = model_draw(model, 3) != 0;

    wp_blame_leave(&waiter->ticket, acquired, model->now_ns);
    if (acquired)
        waiter->in_use = false;
    else
        waiter->gave_up_ns = model->now_ns;
}

static void
model_charge(struct model *model, uint32_t lock)
{
    uint64_t delay_ns = 0, contentions = 0;
    struct wp_sample charge;
    bool charged;

    for (uint32_t i = 0; i < MODEL_WAITERS; i++) {
        struct model_waiter *waiter = &model->waiters[i];
        uint64_t fraction = model_fractions[waiter->fraction];

        if (!waiter->in_use || waiter->lock != lock)
            continue;
        delay_ns += fraction * ((waiter->gave_up_ns != 0 ? waiter->gave_up_ns : model->now_ns) -
                                waiter->unpaid_from_ns);
        contentions += waiter->counted ? 0 : fraction;
        waiter->counted = true;
        waiter->unpaid_from_ns = model->now_ns;
        waiter->in_use = waiter->gave_up_ns == 0;
    }
    charged = wp_blame_charge(model->locks[lock], model->now_ns, &charge);
    assert_int_equal(charged, delay_ns > 0);
    assert_int_equal(charge.delay_ns, delay_ns);
    assert_int_equal(charge.contentions_fixed, contentions * WP_REGION_COUNT_ONE);
    model->charges += charged;
}

static void
model_step(struct model *model, uint64_t most_ns)
{
    struct model_waiter *waiter = &model->waiters[model_draw(model, MODEL_WAITERS)];

    model->now_ns += 1 + model_draw(model, model_draw(model, 8) == 0 ? most_ns : 1000);
    if (model_draw(model, 4) == 0)
        model_charge(model, (uint32_t)model_draw(model, MODEL_LOCKS));
    else if (!waiter->in_use)
        model_register(model, waiter);
    else if (waiter->gave_up_ns == 0)
        model_leave(model, waiter);
    assert_int_equal(records_in_use(), model_keys_in_use(model));
}

/* All leave; what is owed is charged; then nothing is left. */
static void
model_finish(struct model *model)
{
    struct wp_sample charge;

    for (uint32_t i = 0; i < MODEL_WAITERS; i++) {
        model->now_ns++;
        if (model->waiters[i].in_use && model->waiters[i].gave_up_ns == 0)
            model_leave(model, &model->waiters[i]);
    }
    for (uint32_t lock = 0; lock < MODEL_LOCKS; lock++) {
        model->now_ns++;
        model_charge(model, lock);
        assert_false(wp_blame_charge(model->locks[lock], model->now_ns + 1, &charge));
    }
    assert_int_equal(records_in_use(), 0);
}

/* Locks 0.. of one set, or each in a set of its own. */
static void
check_against_model(uint64_t seed, uint64_t start_ns, uint64_t most_ns, bool one_set)
{
    struct model model = {.now_ns = start_ns, .random = seed};

    for (uint32_t lock = 0; lock < MODEL_LOCKS; lock++)
        model.locks[lock] =
            one_set ? lock_in_one_set(lock) : (const void *)(uintptr_t)(0x10000 + lock * 40);
    for (int step = 0; step < 20000; step++)
        model_step(&model, most_ns);
    model_finish(&model);
    assert_true(model.charges > 100);
    assert_int_equal(model.refused != 0, one_set);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_waiters), model.refused);
}

static void
random_schedules_charge_every_nanosecond_once(void **state)
{
    (void)state;
    check_against_model(1, 1000, 1000000, false);
}

static void
locks_that_share_a_set_do_not_mix_and_a_full_set_refuses(void **state)
{
    (void)state;
    check_against_model(2, 1000, 1000000, true);
}

static void
times_may_wrap_the_bits_that_hold_them(void **state)
{
    (void)state;
    check_against_model(3, TIME_WRAP_NS - 3000000, 1000000, false);
    check_against_model(4, 3 * TIME_WRAP_NS - 500000, 1000, false);
}

static void
waits_of_minutes_are_charged_exactly(void **state)
{
    (void)state;
    check_against_model(5, UINT64_C(50) * DAY_NS, UINT64_C(60000000000), false);
}

/* --- Addresses ------------------------------------------------------------------------------- */

static void
a_new_lock_at_an_old_address_is_not_charged_for_the_old_ones_waiters(void **state)
{
    const void *lock = lock_in_one_set(0);
    struct wp_sample charge;

    (void)state;
    for (uint64_t life = 0; life < 100; life++) {
        uint64_t start = 1000 + life * DAY_NS;
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
    for (uint32_t round = 0; round < 10 * WAYS; round++) {
        const void *lock = lock_in_one_set(round);
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
    struct wp_blame_ticket tickets[WAYS + 1];
    struct wp_sample charge;

    (void)state;
    for (uint32_t i = 0; i < WAYS; i++) {
        tickets[i] = wp_blame_register(lock_in_one_set(i), 1000, 1);
        assert_int_not_equal(tickets[i].record, 0);
    }
    tickets[WAYS] = wp_blame_register(lock_in_one_set(WAYS), 1000, 1);
    assert_int_equal(tickets[WAYS].record, 0);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_waiters), 1);
    assert_int_equal(region_fixture_counter(WP_COUNTER_mutex_waiters), WAYS + 1);
    assert_false(wp_blame_charge(lock_in_one_set(WAYS), 2000, &charge));

    wp_blame_leave(&tickets[3], true, 2000);
    tickets[WAYS] = wp_blame_register(lock_in_one_set(WAYS), 2000, 1);
    assert_int_not_equal(tickets[WAYS].record, 0);
    for (uint32_t i = 0; i <= WAYS; i++)
        if (i != 3)
            wp_blame_leave(&tickets[i], true, 3000);
}

/* --- Counts and sums at their limits --------------------------------------------------------- */

static void
more_waiters_than_a_record_can_count_take_another(void **state)
{
    enum { COUNT = 2 * MAX_WAITING + 100 };
    struct wp_blame_ticket *tickets = malloc(COUNT * sizeof(*tickets));
    const void *lock = lock_in_one_set(0);
    uint64_t expected = 0;
    struct wp_sample charge;

    (void)state;
    assert_non_null(tickets);
    for (uint32_t i = 0; i < COUNT; i++) {
        tickets[i] = wp_blame_register(lock, 1000 + i, 1);
        assert_int_not_equal(tickets[i].record, 0);
        expected += 100000 - i;
    }
    assert_int_equal(records_in_use(), 3);
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
    enum { COUNT = 3 * MAX_WAITING };
    const void *lock = lock_in_one_set(0);
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
    const void *lock = lock_in_one_set(0);
    uint64_t expected = 0, start = 1000, end = start + DAY_NS;
    struct wp_sample charge;
    bool charged;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t came = start + DAY_NS / COUNT * i;

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
    const void *lock = lock_in_one_set(0);
    uint64_t start = 1000, end = start + DAY_NS;
    struct wp_sample charge;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct wp_blame_ticket ticket = wp_blame_register(lock, start, 1);

        wp_blame_leave(&ticket, false, end);
    }
    (void)wp_blame_charge(lock, end + 1, &charge);
    assert_true(charge.delay_ns <= COUNT * DAY_NS);
    assert_true(charge.delay_ns > 0);
}

/* --- Fork ------------------------------------------------------------------------------------ */

static void
look_at_inherited_waiters(void *ticket)
{
    const void *lock = lock_in_one_set(0);
    struct wp_sample charge;

    CHILD_REQUIRE(records_in_use() == 0);
    CHILD_REQUIRE(!wp_blame_waited_for(lock));
    CHILD_REQUIRE(!wp_blame_charge(lock, 5000, &charge));
    wp_blame_leave(ticket, true, 5000);
    wp_blame_leave(ticket, false, 5000);
    CHILD_REQUIRE(records_in_use() == 0);

    struct wp_blame_ticket own = wp_blame_register(lock, 6000, 1);

    CHILD_REQUIRE(wp_blame_charge(lock, 6100, &charge) && charge.delay_ns == 100);
    wp_blame_leave(&own, true, 6200);
    CHILD_REQUIRE(records_in_use() == 0);
}

static void
a_forked_child_starts_with_no_waiters_and_its_parent_keeps_them(void **state)
{
    const void *lock = lock_in_one_set(0);
    struct wp_blame_ticket ticket = wp_blame_register(lock, 1000, 1);
    struct wp_sample charge;

    (void)state;
    assert_int_equal(child_run(look_at_inherited_waiters, &ticket), 0);
    assert_true(wp_blame_charge(lock, 2000, &charge));
    assert_int_equal(charge.delay_ns, 1000);
    wp_blame_leave(&ticket, true, 2000);
}

static void
run_one(void *test)
{
    const struct CMUnitTest tests[] = {*(const struct CMUnitTest *)test};
    int failed = _cmocka_run_group_tests("test_blame", tests, 1, NULL, NULL);

    fflush(stdout);
    fflush(stderr);
    CHILD_REQUIRE(failed == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_charged_where_nobody_waits),
        TEST(a_wait_is_charged_from_its_start_to_the_unlock),
        TEST(what_passes_from_the_last_unlock_to_the_wake_up_is_charged_to_nobody),
        TEST(who_gives_up_is_charged_to_the_next_unlock),
        TEST(a_waiter_that_no_unlock_was_charged_for_is_no_contention),
        TEST(a_charge_that_runs_ahead_of_one_who_gave_up_leaves_nothing_behind),
        TEST(a_waiter_whose_time_was_charged_ahead_is_still_a_contention),
        TEST(an_unlock_that_read_the_clock_before_the_wait_began_charges_nothing),
        TEST(what_an_unlock_cannot_charge_yet_is_left_to_the_next),
        TEST(a_waiter_that_registers_after_an_unlock_is_charged_from_its_start_at_the_next),
        TEST(a_ticket_that_was_not_registered_leaves_without_effect),
        TEST(random_schedules_charge_every_nanosecond_once),
        TEST(locks_that_share_a_set_do_not_mix_and_a_full_set_refuses),
        TEST(times_may_wrap_the_bits_that_hold_them),
        TEST(waits_of_minutes_are_charged_exactly),
        TEST(a_new_lock_at_an_old_address_is_not_charged_for_the_old_ones_waiters),
        TEST(records_go_from_lock_to_lock_with_nothing_left_of_the_former),
        TEST(a_full_set_loses_waiters_by_name_and_recovers),
        TEST(more_waiters_than_a_record_can_count_take_another),
        TEST(waiters_that_give_up_again_and_again_are_all_counted),
        TEST(a_lock_that_hangs_for_a_day_is_not_charged_with_more_than_was_waited),
        TEST(the_debt_of_a_day_is_not_charged_as_more_than_was_waited),
        TEST(a_forked_child_starts_with_no_waiters_and_its_parent_keeps_them),
    };
    int failed = 0;

    /* Each in a forked child, where the table is empty, so that none inherits what another left. */
    wp_blame_init();
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        failed += child_run(run_one, (void *)(uintptr_t)&tests[i]) != 0;
    return failed;
}
