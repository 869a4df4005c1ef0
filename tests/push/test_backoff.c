#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/push/backoff.h"

static void
pauses_double_up_to_the_maximum(void **state)
{
    struct wp_backoff backoff = {.minimum_ns = 1000, .maximum_ns = 60000};
    uint64_t whole_ns = 1000;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t pause_ns = wp_backoff_fail(&backoff, 0);

        assert_in_range(pause_ns, whole_ns / 2, whole_ns);
        whole_ns = 2 * whole_ns < 60000 ? 2 * whole_ns : 60000;
    }
}

static void
clients_do_not_all_wait_alike(void **state)
{
    struct wp_backoff backoff = {.minimum_ns = 1u << 30, .maximum_ns = 1u << 30};
    uint64_t first_ns = wp_backoff_fail(&backoff, 0);
    unsigned different = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        different += wp_backoff_fail(&backoff, 0) != first_ns;
    assert_true(different > 0);
}

static void
a_success_starts_over(void **state)
{
    struct wp_backoff backoff = {.minimum_ns = 1000, .maximum_ns = 60000};

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        wp_backoff_fail(&backoff, 0);
    wp_backoff_succeed(&backoff);
    assert_in_range(wp_backoff_fail(&backoff, 0), 500, 1000);
}

static void
a_server_gets_the_time_that_it_asks_for(void **state)
{
    struct wp_backoff backoff = {.minimum_ns = 1000, .maximum_ns = 2000};

    (void)state;
    assert_true(wp_backoff_fail(&backoff, 1000000) == 1000000);
    assert_true(wp_backoff_fail(&backoff, 1) > 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_the_maximum),
        cmocka_unit_test(clients_do_not_all_wait_alike),
        cmocka_unit_test(a_success_starts_over),
        cmocka_unit_test(a_server_gets_the_time_that_it_asks_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
