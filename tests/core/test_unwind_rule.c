/* src/core/unwind_rule.c */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/unwind_arch.h"
#include "core/unwind_rule.h"

static const struct wp_cfi_object no_object = {0};

static uint64_t
rule_of(int32_t cfa, int32_t fp, int32_t ra)
{
    struct wp_cfi_row row = {
        .cfa = {.kind = WP_CFI_REGISTER_PLUS, .reg = WP_UNWIND_DWARF_SP, .value = cfa},
        .fp = {.kind = WP_CFI_AT_CFA, .value = fp},
        .ra = {.kind = WP_CFI_AT_CFA, .value = ra},
    };

    return wp_rule_pack(&no_object, &row);
}

static void
offsets_survive_packing(void **state)
{
    static const int32_t cfas[] = {8, 16, 4096, 1048568, 0, -8};
    static const int32_t fps[] = {-16, -16384, 16376, 0};
    static const int32_t ras[] = {-8, 8, -8192, 0};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 4; j++) {
            for (size_t k = 0; k < 4; k++) {
                uint64_t rule = wp_rule_with_handle(rule_of(cfas[i], fps[j], ras[k]), 1023);

                assert_int_equal(wp_rule_cfa(rule), WP_RULE_CFA_SP);
                assert_int_equal(wp_rule_fp(rule), WP_RULE_FP_AT_CFA);
                assert_int_equal(wp_rule_ra(rule), WP_RULE_RA_AT_CFA);
                assert_int_equal(WP_RULE_OFFSET(rule, CFA), cfas[i]);
                assert_int_equal(WP_RULE_OFFSET(rule, FP), fps[j]);
                assert_int_equal(WP_RULE_OFFSET(rule, RA), ras[k]);
                assert_int_equal(wp_rule_handle(rule), 1023);
            }
        }
    }
}

static void
what_does_not_fit_is_to_be_evaluated_each_time(void **state)
{
    (void)state;
    assert_int_equal(wp_rule_special(rule_of(1048576, -16, -8)), WP_RULE_COMPLEX);
    assert_int_equal(wp_rule_cfa(rule_of(1048576, -16, -8)), WP_RULE_CFA_SPECIAL);
    assert_int_equal(wp_rule_cfa(rule_of(12, -16, -8)), WP_RULE_CFA_SPECIAL);
    assert_int_equal(wp_rule_cfa(rule_of(16, 16384, -8)), WP_RULE_CFA_SPECIAL);
    assert_int_equal(wp_rule_cfa(rule_of(16, -16, 8192)), WP_RULE_CFA_SPECIAL);
}

/* gcc's form for functions that align their stack: CFA in memory at rbp - 8, rbp saved at rbp. */
static void
a_function_that_aligns_its_stack_is_packed(void **state)
{
    static const uint8_t blocks[] = {3, 0x76, 0x78, 0x06, 2, 0x76, 0x00};
    struct wp_cfi_object object = {
        .header = (uintptr_t)blocks,
        .start = (uintptr_t)blocks,
        .end = (uintptr_t)blocks + sizeof(blocks),
    };
    struct wp_cfi_row row = {
        .cfa = {.kind = WP_CFI_EXPRESSION, .value = 0},
        .fp = {.kind = WP_CFI_AT_EXPRESSION, .value = 4},
        .ra = {.kind = WP_CFI_AT_CFA, .value = -8},
    };
    uint64_t rule = wp_rule_pack(&object, &row);

    (void)state;
    assert_int_equal(wp_rule_cfa(rule), WP_RULE_CFA_AT_FP);
    assert_int_equal(WP_RULE_OFFSET(rule, CFA), -8);
    assert_int_equal(wp_rule_fp(rule), WP_RULE_FP_AT_FP);
    assert_int_equal(WP_RULE_OFFSET(rule, FP), 0);
}

static void
an_undefined_return_address_ends_the_stack(void **state)
{
    struct wp_cfi_row row = {
        .cfa = {.kind = WP_CFI_REGISTER_PLUS, .reg = WP_UNWIND_DWARF_SP, .value = 8},
        .ra = {.kind = WP_CFI_UNDEFINED},
    };

    (void)state;
    assert_int_equal(wp_rule_ra(wp_rule_pack(&no_object, &row)), WP_RULE_RA_END);
}

static void
a_rule_is_found_in_its_generation_only(void **state)
{
    uint64_t rule = rule_of(64, -16, -8);

    (void)state;
    assert_int_equal(wp_rule_find(0x123456, 7), 0);
    wp_rule_keep(0x123456, 7, rule);
    assert_int_equal(WP_RULE_OFFSET(wp_rule_find(0x123456, 7), CFA), 64);
    assert_int_equal(wp_rule_find(0x123456, 8), 0);
    assert_int_equal(wp_rule_find(0x123457, 7), 0);
    /* The same set, another address. */
    assert_int_equal(wp_rule_find(0x723456, 7), 0);
}

static void
a_sweep_leaves_nothing(void **state)
{
    (void)state;
    wp_rule_keep(0x223456, 7, rule_of(64, -16, -8));
    assert_int_not_equal(wp_rule_find(0x223456, 7), 0);
    wp_rule_sweep();
    assert_int_equal(wp_rule_find(0x223456, 7), 0);
}

static void
addresses_of_one_set_push_each_other_out(void **state)
{
    uint32_t found = 0;

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        wp_rule_keep(i << 36, 9, rule_of((int32_t)(8 + 8 * i), -16, -8));
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t rule = wp_rule_find(i << 36, 9);

        if (rule != 0) {
            assert_int_equal(WP_RULE_OFFSET(rule, CFA), 8 + 8 * i);
            found++;
        }
    }
    assert_int_equal(found, WP_RULE_WAYS);
}

/* --- Threads --------------------------------------------------------------------------------- */

#define STRESS_ADDRESSES 64u /* all in few sets, so that entries change all the time */
#define STRESS_ROUNDS 400000u

static uintptr_t
stress_address(uint32_t i)
{
    return (uintptr_t)(i % STRESS_ADDRESSES) << 36 | (i % 2);
}

static int32_t
stress_offset(uintptr_t address, uint32_t generation)
{
    return (int32_t)(8 * ((address >> 36) * 2 + (address & 1) + 1000 * (generation % 64)));
}

static void *
stress(void *seed)
{
    uint64_t random = (uintptr_t)seed;
    uintptr_t wrong = 0;

    for (uint32_t i = 0; i < STRESS_ROUNDS; i++) {
        uint32_t generation = 100 + i / 1000;
        uintptr_t address;
        uint64_t rule;

        random = random * 6364136223846793005u + 1442695040888963407u;
        address = stress_address((uint32_t)(random >> 33));
        rule = wp_rule_find(address, generation);
        if (rule == 0)
            wp_rule_keep(address, generation, rule_of(stress_offset(address, generation), -16, -8));
        else if (WP_RULE_OFFSET(rule, CFA) != stress_offset(address, generation))
            wrong++;
    }
    return (void *)wrong;
}

static void
no_reader_combines_two_writers(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stress, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

/* As generated code, and libraries that are mapped at the same place of their pages, have them. */
static void
addresses_that_are_alike_in_many_pages_all_find_room(void **state)
{
    (void)state;
    for (uintptr_t page = 0; page < 4096; page++)
        wp_rule_keep(0x550000000123 + (page << 12), 11, rule_of(64, -16, -8));
    for (uintptr_t page = 0; page < 4096; page++)
        assert_int_not_equal(wp_rule_find(0x550000000123 + (page << 12), 11), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_survive_packing),
        cmocka_unit_test(what_does_not_fit_is_to_be_evaluated_each_time),
        cmocka_unit_test(a_function_that_aligns_its_stack_is_packed),
        cmocka_unit_test(an_undefined_return_address_ends_the_stack),
        cmocka_unit_test(a_rule_is_found_in_its_generation_only),
        cmocka_unit_test(a_sweep_leaves_nothing),
        cmocka_unit_test(addresses_of_one_set_push_each_other_out),
        cmocka_unit_test(addresses_that_are_alike_in_many_pages_all_find_room),
        cmocka_unit_test(no_reader_combines_two_writers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
