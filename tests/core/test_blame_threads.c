/*
 * Blame under contention of real threads. Which unlock is charged with what depends on the
 * schedule; the sums do not.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/atomic.h"
#include "core/blame.h"
#include "core/clock.h"
#include "core/sampling.h"

#include "blame_fixture.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(1) << 20)
#define THREADS 8
#define LOCKS 3
#define ROUNDS 4000u

static int
set_up(void **state)
{
    (void)state;
    if (region_fixture_open(REGION_BYTES) == NULL)
        return -1;
    wp_blame_init();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

/* What a thread saw. */
struct tally {
    uint64_t seed;
    uint64_t waited_ns; /* from the start of each wait to its end */
    uint64_t out_ns;    /* and to when its ticket had been given back */
    uint64_t waiters;
    uint64_t charged_ns;
    uint64_t charged_fixed;
};

static void
charge(const void *lock, uint64_t now_ns, struct tally *tally)
{
    struct wp_sample sample;

    (void)wp_blame_charge(lock, now_ns, &sample);
    tally->charged_ns += sample.delay_ns;
    tally->charged_fixed += sample.contentions_fixed;
}

/* Runs body in THREADS threads and adds up what they saw. */
static struct tally
run_threads(void *(*body)(void *))
{
    struct tally tallies[THREADS] = {0}, sum = {0};
    pthread_t threads[THREADS];

    for (uint32_t i = 0; i < THREADS; i++) {
        tallies[i].seed = i;
        assert_int_equal(pthread_create(&threads[i], NULL, body, &tallies[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum.waited_ns += tallies[i].waited_ns;
        sum.out_ns += tallies[i].out_ns;
        sum.waiters += tallies[i].waiters;
        sum.charged_ns += tallies[i].charged_ns;
        sum.charged_fixed += tallies[i].charged_fixed;
    }
    return sum;
}

/* --- Everyone gives up: all that was waited must be charged ----------------------------------- */

static uint64_t keys[LOCKS]; /* their addresses are the locks */

static void *
wait_and_give_up(void *argument)
{
    struct tally *tally = argument;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        const void *lock = &keys[wp_sampling_below(wp_sampling_next(&tally->seed), LOCKS)];
        uint64_t start = wp_clock_ns();
        struct wp_blame_ticket ticket = wp_blame_register(lock, start, 1);

        if (wp_sampling_next(&tally->seed) % 2 == 0)
            charge(&keys[round % LOCKS], wp_clock_ns(), tally);
        if (ticket.record != 0) {
            uint64_t end = wp_clock_ns();

            wp_blame_leave(&ticket, false, end);
            tally->waited_ns += end - start;
            tally->out_ns += wp_clock_ns() - start;
            tally->waiters++;
        }
    }
    return NULL;
}

/*
 * A thread may lose the CPU between its last reading of the clock and giving its ticket back, and
 * until then it may be charged for: the sum lies between what was waited and what the tickets were
 * out for. A waiter that stays keeps each lock's record in use to the end.
 */
static void
threads_that_give_up_are_charged_for_all_that_they_waited(void **state)
{
    struct wp_blame_ticket stayers[LOCKS];
    struct tally sum, rest = {0};
    uint64_t end;

    (void)state;
    for (int i = 0; i < LOCKS; i++)
        stayers[i] = wp_blame_register(&keys[i], wp_clock_ns(), 1);
    sum = run_threads(wait_and_give_up);
    assert_true(sum.waiters > THREADS * ROUNDS / 2);
    end = wp_clock_ns();
    for (int i = 0; i < LOCKS; i++) {
        assert_int_not_equal(stayers[i].record, 0);
        wp_blame_leave(&stayers[i], false, end);
        rest.waited_ns += end - stayers[i].start_ns;
        rest.out_ns += wp_clock_ns() - stayers[i].start_ns;
        charge(&keys[i], end + 1, &rest);
        assert_false(wp_blame_waited_for(&keys[i]));
    }
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_waiters), 0);
    assert_in_range(sum.charged_ns + rest.charged_ns, sum.waited_ns + rest.waited_ns,
                    sum.out_ns + rest.out_ns);
    assert_int_equal(sum.charged_fixed + rest.charged_fixed,
                     (sum.waiters + LOCKS) * WP_REGION_COUNT_ONE);
    assert_int_equal(blame_fixture_in_use(), 0);
}

/* --- Real locks, as the wrappers use blame --------------------------------------------------- */

static struct {
    pthread_mutex_t mutex;
    uint64_t entries; /* under the mutex */
} locks[LOCKS] = {
    {PTHREAD_MUTEX_INITIALIZER, 0}, {PTHREAD_MUTEX_INITIALIZER, 0}, {PTHREAD_MUTEX_INITIALIZER, 0}};

static void
lock_with_blame(pthread_mutex_t *mutex, struct tally *tally)
{
    struct wp_blame_ticket ticket;
    uint64_t start, end;

    if (pthread_mutex_trylock(mutex) != EBUSY)
        return;
    start = wp_clock_ns();
    ticket = wp_blame_register(mutex, start, 1);
    (void)pthread_mutex_lock(mutex);
    end = wp_clock_ns();
    wp_blame_leave(&ticket, true, end);
    if (ticket.record != 0) {
        tally->waited_ns += end - start;
        tally->waiters++;
    }
}

static void *
contend(void *argument)
{
    struct tally *tally = argument;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t lock = (uint32_t)wp_sampling_below(wp_sampling_next(&tally->seed), LOCKS);

        lock_with_blame(&locks[lock].mutex, tally);
        locks[lock].entries++;
        if (round % 16 == 0)
            sched_yield();
        if (wp_blame_waited_for(&locks[lock].mutex))
            charge(&locks[lock].mutex, wp_clock_ns(), tally);
        (void)pthread_mutex_unlock(&locks[lock].mutex);
    }
    return NULL;
}

static void
holders_are_charged_with_no_more_than_was_waited(void **state)
{
    struct tally sum = run_threads(contend);
    uint64_t entries = 0;
    struct tally rest = {0};

    (void)state;
    for (int i = 0; i < LOCKS; i++) {
        entries += locks[i].entries;
        charge(&locks[i].mutex, wp_clock_ns(), &rest);
    }
    assert_int_equal(entries, THREADS * ROUNDS);
    assert_true(sum.waiters > 0 && sum.charged_ns > 0);
    assert_true(sum.charged_ns <= sum.waited_ns);
    assert_true(sum.charged_fixed <= sum.waiters * WP_REGION_COUNT_ONE);
    assert_int_equal(rest.charged_ns, 0);
    assert_int_equal(blame_fixture_in_use(), 0);
}

/* --- Records that change hands --------------------------------------------------------------- */

#define CROWDED_KEYS 24

static uint64_t crowd[CROWDED_KEYS * WP_BLAME_SETS];

/* The index-th of those addresses in `crowd` that share the first one's set. */
static const void *
crowded_key(uint32_t index)
{
    static const void *found[CROWDED_KEYS];
    uint32_t count = 0;

    for (uint64_t *key = crowd; found[CROWDED_KEYS - 1] == NULL; key++)
        if (wp_blame_set(key) == wp_blame_set(crowd))
            found[count++] = key;
    return found[index];
}

static void *
crowd_one_set(void *argument)
{
    struct tally *tally = argument;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        const void *lock =
            crowded_key((uint32_t)wp_sampling_below(wp_sampling_next(&tally->seed), CROWDED_KEYS));
        uint64_t start = wp_clock_ns();
        struct wp_blame_ticket ticket = wp_blame_register(lock, start, 1);
        uint64_t end = wp_clock_ns() + 1;

        charge(lock, end, tally);
        wp_blame_leave(&ticket, true, end);
        if (ticket.record != 0)
            tally->waited_ns += end - start;
    }
    return NULL;
}

/* Another's charge at the same lock may read the clock after this one's end, so that up to that
 * moment more than the wait is charged: by no more than the charges took. What must not happen is a
 * charge across keys, whose times lie far apart. */
static void
records_that_change_hands_among_threads_keep_their_accounts_apart(void **state)
{
    (void)state;
    (void)crowded_key(0);

    uint64_t start = wp_clock_ns();
    struct tally sum = run_threads(crowd_one_set);
    uint64_t passed_ns = wp_clock_ns() - start;

    assert_true(sum.charged_ns > 0);
    assert_true(sum.charged_ns <= passed_ns * THREADS);
    assert_int_equal(blame_fixture_in_use(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_that_give_up_are_charged_for_all_that_they_waited,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(holders_are_charged_with_no_more_than_was_waited, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            records_that_change_hands_among_threads_keep_their_accounts_apart, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
