#include "profile/keyset.h"

#include <string.h>

#include "profile/cmocka_all.h"

static void
keys_are_numbered_in_the_order_they_come_and_found_again(void **state)
{
    struct wp_keyset set;
    bool added;

    (void)state;
    assert_int_equal(wp_keyset_init(&set), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        assert_int_equal(wp_keyset_put(&set, &i, sizeof i, &added)->value, i);
        assert_true(added);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        const struct wp_key *key = wp_keyset_get(&set, &i, sizeof i);

        assert_non_null(key);
        assert_int_equal(key->value, i);
    }
    wp_keyset_put(&set, "\1\0\0\0", 4, &added);
    assert_false(added);
    assert_int_equal(set.count, 100000);
    wp_keyset_free(&set);
}

static void
keys_of_other_length_are_other_keys(void **state)
{
    struct wp_keyset set;

    (void)state;
    assert_int_equal(wp_keyset_init(&set), 0);
    for (size_t length = 0; length < 40; length++) {
        static const char zeros[40];

        assert_null(wp_keyset_get(&set, zeros, length));
        assert_int_equal(wp_keyset_put(&set, zeros, length, NULL)->value, length);
    }
    wp_keyset_free(&set);
}

static void
a_key_of_text_is_a_string(void **state)
{
    struct wp_keyset set;

    (void)state;
    assert_int_equal(wp_keyset_init(&set), 0);
    assert_string_equal(wp_keyset_put(&set, "abcdef", 3, NULL)->bytes, "abc");
    wp_keyset_free(&set);
}

static void
words_keep_the_numbers_they_were_given(void **state)
{
    struct wp_wordmap map = {0};
    bool added;

    (void)state;
    assert_null(wp_wordmap_get(&map, 0));
    /* Zero and the greatest word among them, and many that differ in their upper half alone. */
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t *number = wp_wordmap_put(&map, 0 - (uint64_t)i, &added);

        assert_non_null(number);
        assert_true(added);
        assert_int_equal(*number, 0);
        *number = i;
        *wp_wordmap_put(&map, (uint64_t)(i + 1) << 40, &added) = i;
        assert_true(added);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        assert_int_equal(*wp_wordmap_put(&map, 0 - (uint64_t)i, &added), i);
        assert_false(added);
        assert_int_equal(*wp_wordmap_put(&map, (uint64_t)(i + 1) << 40, &added), i);
        assert_false(added);
    }
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(*wp_wordmap_get(&map, 0 - (uint64_t)i), i);
    assert_null(wp_wordmap_get(&map, 100000));
    assert_int_equal(map.count, 200000);
    wp_wordmap_free(&map);
}

static void
an_arena_gives_zeroed_memory_of_any_size(void **state)
{
    struct wp_arena arena = {0};

    (void)state;
    for (size_t bytes = 1; bytes < 2000000; bytes = bytes * 3 + 1) {
        unsigned char *memory = wp_arena_take(&arena, bytes);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, bytes);
    }
    assert_null(wp_arena_take(&arena, SIZE_MAX - 3));
    wp_arena_free(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_numbered_in_the_order_they_come_and_found_again),
        cmocka_unit_test(keys_of_other_length_are_other_keys),
        cmocka_unit_test(a_key_of_text_is_a_string),
        cmocka_unit_test(words_keep_the_numbers_they_were_given),
        cmocka_unit_test(an_arena_gives_zeroed_memory_of_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
