/* The atomic operations, in whichever backend the build chose. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/atomic.h"

#define THREADS 4
#define ROUNDS 20000u

/* What one width's words do, written once for all widths. */
#define WIDTH_TEST(bits)                                                                           \
    static void words_of_##bits##_bits_load_store_add_and_swap(void **state)                       \
    {                                                                                              \
        uint##bits##_t words[3] = {11, 5, 22};                                                     \
                                                                                                   \
        (void)state;                                                                               \
        assert_int_equal(wp_atomic_load_##bits(&words[1]), 5);                                     \
        assert_int_equal(wp_atomic_load_##bits##_acquire(&words[1]), 5);                           \
        wp_atomic_store_##bits(&words[1], 6);                                                      \
        assert_int_equal(words[1], 6);                                                             \
        wp_atomic_store_##bits##_release(&words[1], 7);                                            \
        assert_int_equal(words[1], 7);                                                             \
        assert_int_equal(wp_atomic_add_##bits(&words[1], 3), 7);                                   \
        assert_int_equal(words[1], 10);                                                            \
        assert_int_equal(wp_atomic_add_##bits(&words[1], (uint##bits##_t) - 10), 10);              \
        assert_int_equal(words[1], 0);                                                             \
        assert_int_equal(wp_atomic_add_##bits(&words[1], UINT##bits##_MAX), 0);                    \
        assert_int_equal(wp_atomic_add_##bits(&words[1], 1), UINT##bits##_MAX);                    \
        assert_int_equal(words[1], 0);                                                             \
        assert_false(wp_atomic_cas_##bits(&words[1], 1, 9));                                       \
        assert_int_equal(words[1], 0);                                                             \
        assert_true(wp_atomic_cas_##bits(&words[1], 0, UINT##bits##_MAX));                         \
        assert_int_equal(words[1], UINT##bits##_MAX);                                              \
        assert_int_equal(words[0], 11);                                                            \
        assert_int_equal(words[2], 22);                                                            \
    }

WIDTH_TEST(16)
WIDTH_TEST(32)
WIDTH_TEST(64)

static void
a_pair_changes_only_if_both_halves_are_as_expected(void **state)
{
    const struct wp_atomic_pair desired = {3, 4};
    struct wp_atomic_pair pairs[2] = {{1, 2}, {8, 9}};

    (void)state;
    assert_false(wp_atomic_pair_cas(&pairs[0], (struct wp_atomic_pair){1, 0}, desired));
    assert_false(wp_atomic_pair_cas(&pairs[0], (struct wp_atomic_pair){0, 2}, desired));
    assert_false(wp_atomic_pair_cas(&pairs[0], (struct wp_atomic_pair){2, 1}, desired));
    assert_int_equal(wp_atomic_pair_load(&pairs[0]).low, 1);
    assert_int_equal(wp_atomic_pair_load(&pairs[0]).high, 2);
    assert_true(wp_atomic_pair_cas(&pairs[0], (struct wp_atomic_pair){1, 2}, desired));
    assert_int_equal(wp_atomic_pair_load(&pairs[0]).low, 3);
    assert_int_equal(wp_atomic_pair_load(&pairs[0]).high, 4);
    assert_int_equal(pairs[1].low, 8);
    assert_int_equal(pairs[1].high, 9);
}

static struct {
    uint16_t word_16;
    uint32_t word_32;
    uint64_t word_64;
    uint64_t swapped;
    struct wp_atomic_pair pair;
} shared;

static void *
add_to_all(void *unused)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct wp_atomic_pair seen, next;
        uint64_t old;

        (void)wp_atomic_add_16(&shared.word_16, 1);
        (void)wp_atomic_add_32(&shared.word_32, 3);
        (void)wp_atomic_add_64(&shared.word_64, UINT64_C(1) << 33);
        do {
            old = wp_atomic_load_64(&shared.swapped);
        } while (!wp_atomic_cas_64(&shared.swapped, old, old + 1));
        do {
            seen = wp_atomic_pair_load(&shared.pair);
            next = (struct wp_atomic_pair){seen.low + 1, seen.high + 2};
        } while (!wp_atomic_pair_cas(&shared.pair, seen, next));
    }
    return unused;
}

/* A lost update, or a pair swapped on a torn reading, would break a sum. */
static void
no_update_of_concurrent_threads_is_lost(void **state)
{
    const uint64_t updates = (uint64_t)THREADS * ROUNDS;
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_to_all, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(shared.word_16, (uint16_t)updates);
    assert_int_equal(shared.word_32, 3 * updates);
    assert_int_equal(shared.word_64, updates << 33);
    assert_int_equal(shared.swapped, updates);
    assert_int_equal(shared.pair.low, updates);
    assert_int_equal(shared.pair.high, 2 * updates);
}

static struct {
    uint64_t data[8];
    uint32_t published; /* rounds published */
    uint32_t taken;     /* rounds looked at */
    uint64_t mismatches;
} channel;

static void *
take_what_was_published(void *unused)
{
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (wp_atomic_load_32_acquire(&channel.published) != round)
            sched_yield();
        for (int i = 0; i < 8; i++)
            channel.mismatches += channel.data[i] != round;
        wp_atomic_store_32_release(&channel.taken, round);
    }
    return unused;
}

/* The data are plain: ThreadSanitizer, too, sees whether release and acquire order them. */
static void
what_was_written_before_a_release_is_seen_after_its_acquire(void **state)
{
    pthread_t reader;

    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, take_what_was_published, NULL), 0);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < 8; i++)
            channel.data[i] = round;
        wp_atomic_store_32_release(&channel.published, round);
        while (wp_atomic_load_32_acquire(&channel.taken) != round)
            sched_yield();
    }
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_int_equal(channel.mismatches, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_16_bits_load_store_add_and_swap),
        cmocka_unit_test(words_of_32_bits_load_store_add_and_swap),
        cmocka_unit_test(words_of_64_bits_load_store_add_and_swap),
        cmocka_unit_test(a_pair_changes_only_if_both_halves_are_as_expected),
        cmocka_unit_test(no_update_of_concurrent_threads_is_lost),
        cmocka_unit_test(what_was_written_before_a_release_is_seen_after_its_acquire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
