/*
 * Rates that a recorder asked for hold as long as it goes on, and no longer.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/record/rate_lease.h"
#include "profile/clock.h"
#include "profile/region_builder.h"
#include "profile/region_reader.h"

#define RATE_NS 12345
#define HOUR_NS UINT64_C(3600000000000)

struct fixture {
    struct wp_region_place place;
    struct region_builder builder;
    struct wp_rate_values rates;
    struct wp_rate_lease lease;
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    int fd;

    if (fixture == NULL)
        return -1;
    strcpy(fixture->place.path, "/tmp/wp-test-XXXXXX");
    fd = mkstemp(fixture->place.path);
    if (fd < 0)
        return -1;
    region_builder_init(&fixture->builder, NULL);
    if (write(fd, fixture->builder.bytes, fixture->builder.size_bytes) !=
        (ssize_t)fixture->builder.size_bytes)
        return -1;
    close(fd);
    fixture->rates.block_rate_ns = (struct wp_option_number){true, RATE_NS};
    fixture->lease = (struct wp_rate_lease){
        .rates = &fixture->rates, .place = &fixture->place, .for_ns = HOUR_NS};
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    unlink(fixture->place.path);
    region_builder_free(&fixture->builder);
    free(fixture);
    return 0;
}

static struct wp_reader_rates
read_rates(const struct fixture *fixture)
{
    const struct wp_reader_rate_change nothing = {.for_ns = 0};
    struct wp_reader_rate_result result;
    struct wp_error error = {""};

    if (wp_reader_change_rates(&fixture->place, &nothing, &result, &error) != 0)
        fail_msg("%s", error.text);
    return result.after;
}

static void
take(struct fixture *fixture)
{
    struct wp_error error = {""};

    if (wp_rate_lease_take(&fixture->lease, &error) != 0)
        fail_msg("%s", error.text);
}

static void
the_rates_hold_until_the_lease_is_ended(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = read_rates(fixture).block_rate_ns;

    take(fixture);
    assert_int_equal(read_rates(fixture).block_rate_ns, RATE_NS);
    assert_int_equal(read_rates(fixture).leases, 1);
    wp_rate_lease_end(&fixture->lease);
    assert_int_equal(read_rates(fixture).block_rate_ns, before);
    assert_int_equal(read_rates(fixture).leases, 0);
}

static void
without_rates_there_is_no_lease(void **state)
{
    struct fixture *fixture = *state;

    fixture->rates.block_rate_ns.given = false;
    take(fixture);
    wp_rate_lease_renew(&fixture->lease);
    assert_int_equal(read_rates(fixture).leases, 0);
    wp_rate_lease_end(&fixture->lease);
}

static void
a_lease_that_is_not_due_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number;

    take(fixture);
    number = fixture->lease.number;
    wp_rate_lease_renew(&fixture->lease);
    assert_int_equal(fixture->lease.number, number);
    wp_rate_lease_end(&fixture->lease);
}

static void
one_that_is_due_is_followed_by_another(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number;

    take(fixture);
    for (int i = 0; i < 100; i++) {
        number = fixture->lease.number;
        fixture->lease.due_ns = wp_clock_ns(CLOCK_MONOTONIC);
        wp_rate_lease_renew(&fixture->lease);
        assert_int_not_equal(fixture->lease.number, number);
        assert_int_equal(read_rates(fixture).block_rate_ns, RATE_NS);
        assert_int_equal(read_rates(fixture).leases, 1);
        assert_true(fixture->lease.due_ns > wp_clock_ns(CLOCK_MONOTONIC) + HOUR_NS / 4);
    }
    wp_rate_lease_end(&fixture->lease);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rates_hold_until_the_lease_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_rates_there_is_no_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_that_is_not_due_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_due_is_followed_by_another, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
