/* The sampling rates and the ring of their changes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rates.h"

#define THREADS 4
#define ROUNDS 500
#define CROSSINGS 20000

static int
set_up(void **state)
{
    static struct wp_region_header region;

    memset(&region, 0, sizeof(region));
    *state = &region;
    return 0;
}

static void
setting_a_rate_gives_the_one_before(void **state)
{
    struct wp_region_header *region = *state;

    assert_int_equal(wp_rates_set_block_rate(region, 100), 0);
    assert_int_equal(wp_rates_set_block_rate(region, 200), 100);
    assert_int_equal(wp_rates_set_block_rate(region, 0), 200);
    assert_int_equal(region->block_rate_ns, 0);
    assert_int_equal(wp_rates_set_mutex_fraction(region, 10), 0);
    assert_int_equal(wp_rates_set_mutex_fraction(region, 1), 10);
    assert_int_equal(region->mutex_fraction, 1);
}

static void
each_change_is_noted_with_both_rates_and_its_time(void **state)
{
    struct wp_region_header *region = *state;

    (void)wp_rates_set_block_rate(region, 100);
    (void)wp_rates_set_mutex_fraction(region, 10);
    (void)wp_rates_set_block_rate(region, 7);
    assert_int_equal(region->rate_change_count, 3);
    assert_int_equal(region->rate_changes[0].block_rate_ns, 100);
    assert_int_equal(region->rate_changes[0].mutex_fraction, 0);
    assert_int_equal(region->rate_changes[1].block_rate_ns, 100);
    assert_int_equal(region->rate_changes[1].mutex_fraction, 10);
    assert_int_equal(region->rate_changes[2].block_rate_ns, 7);
    assert_int_equal(region->rate_changes[2].mutex_fraction, 10);
    for (int i = 0; i < 3; i++)
        assert_true(region->rate_changes[i].realtime_ns > UINT64_C(1600000000000000000));
    assert_int_equal(region->rate_changes[3].realtime_ns, 0);
}

static void
setting_the_rate_in_force_is_no_change(void **state)
{
    struct wp_region_header *region = *state;

    assert_int_equal(wp_rates_set_block_rate(region, 0), 0);
    assert_int_equal(wp_rates_set_mutex_fraction(region, 0), 0);
    assert_int_equal(region->rate_change_count, 0);
}

static void
the_ring_keeps_the_latest_changes(void **state)
{
    struct wp_region_header *region = *state;

    for (uint64_t rate = 1; rate <= WP_REGION_RATE_CHANGES + 3; rate++)
        (void)wp_rates_set_block_rate(region, rate);
    assert_int_equal(region->rate_change_count, WP_REGION_RATE_CHANGES + 3);
    for (uint64_t i = 0; i < WP_REGION_RATE_CHANGES; i++)
        assert_int_equal(region->rate_changes[i].block_rate_ns,
                         i < 3 ? WP_REGION_RATE_CHANGES + i + 1 : i + 1);
}

struct changer {
    struct wp_region_header *region;
    uint64_t first;
};

static void *
change_rates(void *argument)
{
    const struct changer *changer = argument;

    for (uint64_t i = 0; i < ROUNDS; i++)
        (void)wp_rates_set_block_rate(changer->region, changer->first + i);
    return NULL;
}

/* Two that change the base one after the other may settle for both; one that settles late stores an
 * old setting, and then the new one once more. */
static void
after_concurrent_changes_the_rate_in_force_is_the_base_and_the_last_that_is_noted(void **state)
{
    struct changer changers[THREADS];
    pthread_t threads[THREADS];
    struct wp_region_header *region = *state;

    for (uint64_t i = 0; i < THREADS; i++) {
        changers[i] = (struct changer){region, 1 + i * 100000};
        assert_int_equal(pthread_create(&threads[i], NULL, change_rates, &changers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(region->settings_by_program, THREADS * ROUNDS);
    assert_int_equal(region->block_rate_ns, region->base_block_rate_ns);
    assert_in_range(region->rate_change_count, ROUNDS / 2, 2 * THREADS * ROUNDS);
    for (int i = 0; i < (int)WP_REGION_RATE_CHANGES; i++)
        assert_int_not_equal(region->rate_changes[i].realtime_ns, 0);
}

/* Two threads settle at the same moment: one read the clock just before the deadline of the last
 * lease, the other just after. */
struct crossing {
    struct wp_region_header *region;
    pthread_barrier_t *barrier;
    uint64_t now_ns;
};

static void *
settle_again_and_again(void *argument)
{
    const struct crossing *crossing = argument;

    for (int i = 0; i < CROSSINGS; i++) {
        (void)pthread_barrier_wait(crossing->barrier);
        wp_rates_settle(crossing->region, crossing->now_ns);
        (void)pthread_barrier_wait(crossing->barrier);
    }
    return NULL;
}

static void
lay_out_leases(struct wp_region_header *region)
{
    memset(region, 0, sizeof(*region));
    region->base_block_rate_ns = 5;
    region->base_mutex_fraction = 6;
    region->leases[0] = (struct wp_region_lease){1, 500, 1, 2};
    region->leases[1] = (struct wp_region_lease){2, 1000, 50, 60};
    region->block_rate_ns = 1;
    region->mutex_fraction = 2;
    region->settle_at_ns = 500;
}

static void
who_settles_before_a_deadline_leaves_nothing_to_one_who_settles_after_it(void **state)
{
    struct wp_region_header *region = *state;
    pthread_barrier_t barrier;
    struct crossing crossings[2] = {{region, &barrier, 999}, {region, &barrier, 1001}};
    pthread_t threads[2];
    int half = 0;

    assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, settle_again_and_again, &crossings[i]),
                         0);
    for (int i = 0; i < CROSSINGS; i++) {
        lay_out_leases(region);
        (void)pthread_barrier_wait(&barrier);
        (void)pthread_barrier_wait(&barrier);
        wp_rates_obey(region, 1002); /* the next wait */
        half += region->block_rate_ns != 5 || region->mutex_fraction != 6 ||
                region->settle_at_ns != 0;
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&barrier);
    assert_int_equal(half, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(setting_a_rate_gives_the_one_before, set_up),
        cmocka_unit_test_setup(each_change_is_noted_with_both_rates_and_its_time, set_up),
        cmocka_unit_test_setup(setting_the_rate_in_force_is_no_change, set_up),
        cmocka_unit_test_setup(the_ring_keeps_the_latest_changes, set_up),
        cmocka_unit_test_setup(
            after_concurrent_changes_the_rate_in_force_is_the_base_and_the_last_that_is_noted,
            set_up),
        cmocka_unit_test_setup(
            who_settles_before_a_deadline_leaves_nothing_to_one_who_settles_after_it, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
