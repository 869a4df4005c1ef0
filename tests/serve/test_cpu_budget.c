#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/serve/cpu_budget.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)

/* A machine with 2 processors, of which the programs leave so much of a second idle. */
static void
let_a_second_pass(struct wp_cpu_budget *budget, double idle, double own)
{
    struct wp_cpu_use use = budget->last;

    if (use.time_ns == 0) {
        use.time_ns = SECOND;
        wp_cpu_budget_note(budget, &use);
    }
    use.time_ns += SECOND;
    use.idle_ns += (uint64_t)(idle * (double)SECOND);
    use.own_ns += (uint64_t)(own * (double)SECOND);
    wp_cpu_budget_note(budget, &use);
}

static struct wp_cpu_budget
busy_budget(void)
{
    struct wp_cpu_budget budget;

    wp_cpu_budget_init(&budget, 1, SECOND);
    let_a_second_pass(&budget, 0.1, 0.2);
    return budget;
}

static void
a_burst_is_free_and_then_a_share_is_kept(void **state)
{
    struct wp_cpu_budget budget = busy_budget();
    uint64_t now_ns = SECOND, used_ns = 0;

    (void)state;
    assert_int_equal(wp_cpu_budget_wait_ns(&budget, now_ns), 0);
    /* As many jobs of 40 ms as may begin within 100 s: the burst and 1 % of a processor. */
    while (now_ns < 101 * SECOND) {
        uint64_t wait_ns = wp_cpu_budget_wait_ns(&budget, now_ns);

        now_ns += wait_ns;
        if (wait_ns > 0)
            continue;
        wp_cpu_budget_charge(&budget, 40 * MS);
        used_ns += 40 * MS;
    }
    assert_in_range(used_ns, 1000 * MS, 1000 * MS + WP_CPU_BUDGET_BURST_NS + 40 * MS);
}

static void
what_was_not_used_fills_the_bucket_no_further_than_a_burst(void **state)
{
    struct wp_cpu_budget budget = busy_budget();

    (void)state;
    wp_cpu_budget_charge(&budget, 2 * (uint64_t)WP_CPU_BUDGET_BURST_NS);
    assert_int_not_equal(wp_cpu_budget_wait_ns(&budget, SECOND), 0);
    assert_int_equal(wp_cpu_budget_wait_ns(&budget, 1000 * SECOND), 0);
    assert_int_equal(budget.bucket_ns, WP_CPU_BUDGET_BURST_NS);
}

static void
idle_processors_may_be_used(void **state)
{
    struct wp_cpu_budget budget = busy_budget();

    (void)state;
    /* What we use ourselves counts as idle: it would be. */
    let_a_second_pass(&budget, 0.4, 0.6);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(wp_cpu_budget_wait_ns(&budget, SECOND), 0);
        wp_cpu_budget_charge(&budget, SECOND);
    }
    /* And is no debt once the programs want them back. */
    assert_int_equal(wp_cpu_budget_wait_ns(&budget, SECOND), 0);
    let_a_second_pass(&budget, 0, 0.5);
    assert_int_equal(wp_cpu_budget_wait_ns(&budget, SECOND), 0);
    wp_cpu_budget_charge(&budget, SECOND);
    assert_int_not_equal(wp_cpu_budget_wait_ns(&budget, SECOND), 0);
}

static void
a_limit_of_100_percent_is_none(void **state)
{
    struct wp_cpu_budget budget;

    (void)state;
    wp_cpu_budget_init(&budget, 100, SECOND);
    let_a_second_pass(&budget, 0, 2);
    assert_false(wp_cpu_budget_wants_look(&budget, 100 * SECOND));
    wp_cpu_budget_charge(&budget, 100 * SECOND);
    assert_int_equal(wp_cpu_budget_wait_ns(&budget, SECOND), 0);
}

static void
the_machine_tells_what_is_used(void **state)
{
    struct wp_cpu_use first, second;

    (void)state;
    assert_true(wp_cpu_use_look(&first));
    do {
        assert_true(wp_cpu_use_look(&second));
    } while (second.own_ns - first.own_ns < 20 * MS);
    assert_true(second.time_ns > first.time_ns);
    assert_true(second.own_ns > first.own_ns);
    assert_true(first.idle_ns > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_free_and_then_a_share_is_kept),
        cmocka_unit_test(what_was_not_used_fills_the_bucket_no_further_than_a_burst),
        cmocka_unit_test(idle_processors_may_be_used),
        cmocka_unit_test(a_limit_of_100_percent_is_none),
        cmocka_unit_test(the_machine_tells_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
