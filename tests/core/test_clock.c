/*
 * Durations by the tick counter against clock_gettime. The test program defines clock_gettime
 * itself: it asks the kernel, and then bends CLOCK_MONOTONIC as a test says. So a counter that lies
 * about its rate, and a thread that loses the CPU between two readings, can be had at will.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"

#include "child.h"

/* How CLOCK_MONOTONIC is bent: from bend.from_ns on, each real nanosecond counts for bend.speed. */
static struct {
    uint64_t from_ns;
    double speed;
    uint64_t pause_ns; /* time for which the next caller is kept after its reading; once */
} bend = {.speed = 1};

/* What the kernel says, with no libc in between. */
static uint64_t
true_ns(void)
{
    struct timespec now;

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void
spin_ns(uint64_t duration_ns)
{
    uint64_t end = true_ns() + duration_ns;

    while (true_ns() < end)
        ;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (clock == CLOCK_MONOTONIC) {
        uint64_t ns = (uint64_t)now->tv_sec * UINT64_C(1000000000) + (uint64_t)now->tv_nsec;
        uint64_t pause_ns = bend.pause_ns;

        if (bend.from_ns != 0 && ns > bend.from_ns)
            ns = bend.from_ns + (uint64_t)((double)(ns - bend.from_ns) * bend.speed);
        now->tv_sec = (time_t)(ns / UINT64_C(1000000000));
        now->tv_nsec = (long)(ns % UINT64_C(1000000000));
        bend.pause_ns = 0;
        if (pause_ns != 0)
            spin_ns(pause_ns);
    }
    return result;
}

static int
is_counter_used(void)
{
    wp_clock_init();
    return wp_clock_ticks != 0;
}

/* Elapsed time must lie between what passed inside the measurement and what passed around it; the
 * ratio may err by what reading both clocks takes, for which 1 % of drift is the library's own
 * limit. */
static void
require_true_durations(void)
{
    spin_ns(20000000); /* the ratio settles */
    (void)wp_clock_elapsed_ns(wp_clock_now());
    for (int round = 0; round < 50; round++) {
        uint64_t outer_start = true_ns();
        wp_clock_mark start = wp_clock_now();
        uint64_t inner_start = true_ns();

        spin_ns(100000u * (uint64_t)(round % 5 + 1));

        uint64_t inner_ns = true_ns() - inner_start;
        uint64_t elapsed_ns = wp_clock_elapsed_ns(start);
        uint64_t outer_ns = true_ns() - outer_start;

        CHILD_REQUIRE(elapsed_ns != 0);
        CHILD_REQUIRE((double)elapsed_ns >= (double)inner_ns * 0.98);
        CHILD_REQUIRE((double)elapsed_ns <= (double)outer_ns * 1.02);
    }
}

static void
measure_with_the_counter(void *unused)
{
    (void)unused;
    wp_clock_init();
    require_true_durations();
    CHILD_REQUIRE(wp_clock_ticks != 0);
}

static void
durations_by_the_counter_are_those_of_the_clock(void **state)
{
    (void)state;
    if (!is_counter_used()) {
        print_message("the kernel's clock is not the counter here\n");
        skip();
    }
    assert_int_equal(child_run(measure_with_the_counter, NULL), 0);
}

static void
measure_without_the_counter(void *unused)
{
    (void)unused;
    wp_clock_init();
    wp_clock_ticks = 0;
    wp_clock_ready_marks = 2000;
    require_true_durations();
    CHILD_REQUIRE(wp_clock_ticks == 0);
}

static void
durations_without_the_counter_are_those_of_the_clock(void **state)
{
    (void)state;
    assert_int_equal(child_run(measure_without_the_counter, NULL), 0);
}

static void
ask_whether_it_waited(void *without_counter)
{
    wp_clock_init();
    if (without_counter != NULL) {
        wp_clock_ticks = 0;
        wp_clock_ready_marks = 2000;
    }
    for (int round = 0; round < 3; round++) {
        wp_clock_mark start = wp_clock_now();

        spin_ns(5000000);
        CHILD_REQUIRE(wp_clock_waited(start));
        (void)wp_clock_elapsed_ns(start);
    }
    CHILD_REQUIRE(wp_clock_ready_marks > 0);
    /* Some calls in a million lose the CPU just there: one that does not is enough. */
    for (int round = 0; round < 1000000; round++)
        if (!wp_clock_waited(wp_clock_now()))
            return;
    CHILD_REQUIRE(!"a call that did nothing was never told from a wait");
}

static void
a_wait_is_told_from_a_call_that_did_not_wait(void **state)
{
    (void)state;
    assert_int_equal(child_run(ask_whether_it_waited, NULL), 0);
    assert_int_equal(child_run(ask_whether_it_waited, &bend), 0);
}

/* The counter runs on while the clock goes a thousand times faster: to the library, the counter has
 * all but stopped. */
static void
change_the_rate(void *unused)
{
    (void)unused;
    wp_clock_init();
    spin_ns(20000000);

    wp_clock_mark start = wp_clock_now();

    CHILD_REQUIRE(wp_clock_elapsed_ns(start) < UINT64_C(1000000000) && wp_clock_ticks != 0);
    bend.from_ns = true_ns();
    bend.speed = 1000;
    start = wp_clock_now();
    spin_ns(20000000);
    CHILD_REQUIRE(wp_clock_elapsed_ns(start) == 0);
    CHILD_REQUIRE(wp_clock_ticks == 0);

    /* From here on by the clock alone. */
    start = wp_clock_now();
    spin_ns(1000000);
    CHILD_REQUIRE(wp_clock_elapsed_ns(start) >= 900000000);
    CHILD_REQUIRE(wp_clock_waited(start));
}

static void
a_counter_that_changes_its_rate_is_given_up(void **state)
{
    (void)state;
    if (!is_counter_used()) {
        print_message("the kernel's clock is not the counter here\n");
        skip();
    }
    assert_int_equal(child_run(change_the_rate, NULL), 0);
}

/* The clock is read, the CPU is lost, the counter is read: that is no fault of the counter. */
static void
lose_the_cpu_between_readings(void *where)
{
    if (*(int *)where == 0)
        bend.pause_ns = 5000000; /* in wp_clock_init */
    wp_clock_init();
    spin_ns(20000000);
    (void)wp_clock_elapsed_ns(wp_clock_now());
    for (int round = 0; round < 20; round++) {
        wp_clock_mark start = wp_clock_now();

        spin_ns(5000000);
        if (round == *(int *)where)
            bend.pause_ns = 5000000;
        (void)wp_clock_elapsed_ns(start);
        CHILD_REQUIRE(wp_clock_ticks != 0);
    }
}

static void
a_thread_that_loses_the_cpu_between_readings_does_not_discredit_the_counter(void **state)
{
    int at_start = 0, later = 1;

    (void)state;
    if (!is_counter_used()) {
        print_message("the kernel's clock is not the counter here\n");
        skip();
    }
    assert_int_equal(child_run(lose_the_cpu_between_readings, &later), 0);
    assert_int_equal(child_run(lose_the_cpu_between_readings, &at_start), 0);
}

static void
marks_of_before_the_start_give_no_duration(void **state)
{
    (void)state;
    wp_clock_init();
    wp_clock_ticks = 0;
    assert_int_equal(wp_clock_elapsed_ns(0), 0);
    assert_int_equal(wp_clock_elapsed_ns(wp_clock_ns() + UINT64_C(1000000000)), 0);
    assert_int_equal(wp_clock_elapsed_ns(UINT64_MAX), 0);
}

static void
the_clock_is_clock_monotonic_in_nanoseconds(void **state)
{
    (void)state;
    for (int round = 0; round < 1000; round++) {
        uint64_t before = true_ns();
        uint64_t now = wp_clock_ns();

        assert_true(now >= before && now <= true_ns());
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_is_clock_monotonic_in_nanoseconds),
        cmocka_unit_test(durations_by_the_counter_are_those_of_the_clock),
        cmocka_unit_test(durations_without_the_counter_are_those_of_the_clock),
        cmocka_unit_test(a_wait_is_told_from_a_call_that_did_not_wait),
        cmocka_unit_test(a_counter_that_changes_its_rate_is_given_up),
        cmocka_unit_test(
            a_thread_that_loses_the_cpu_between_readings_does_not_discredit_the_counter),
        cmocka_unit_test(marks_of_before_the_start_give_no_duration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
