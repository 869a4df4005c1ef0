/* src/core/unwind_expression.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/unwind_arch.h"
#include "core/unwind_expression.h"

static uint8_t block[64];
static uintptr_t stack[8] = {11, 22, 33, 44, 55, 66, 77, 88};

static struct wp_cfi_object
object_of(const uint8_t *operations, size_t bytes)
{
    block[0] = (uint8_t)bytes;
    memcpy(&block[1], operations, bytes);
    return (struct wp_cfi_object){
        .header = (uintptr_t)block,
        .start = (uintptr_t)block,
        .end = (uintptr_t)block + bytes + 1,
    };
}

static struct wp_unwind_view
view_at(uintptr_t pc)
{
    return (struct wp_unwind_view){
        .pc = pc,
        .sp = (uintptr_t)stack,
        .fp = (uintptr_t)&stack[4],
        .low = (uintptr_t)stack,
        .high = (uintptr_t)&stack[8],
    };
}

#define EVALUATES(expected, ...)                                                                   \
    do {                                                                                           \
        static const uint8_t operations[] = {__VA_ARGS__};                                         \
        struct wp_cfi_object object = object_of(operations, sizeof(operations));                   \
        struct wp_unwind_view view = view_at(0x1000f);                                             \
        uintptr_t cfa = 100, value = 0;                                                            \
        assert_true(wp_unwind_expression(&object, 0, &view, &cfa, false, &value));                 \
        assert_int_equal(value, (uintptr_t)(expected));                                            \
    } while (0)

#define FAILS(...)                                                                                 \
    do {                                                                                           \
        static const uint8_t operations[] = {__VA_ARGS__};                                         \
        struct wp_cfi_object object = object_of(operations, sizeof(operations));                   \
        struct wp_unwind_view view = view_at(0x1000f);                                             \
        uintptr_t value = 0;                                                                       \
        assert_false(wp_unwind_expression(&object, 0, &view, NULL, false, &value));                \
    } while (0)

static void
operations_compute_what_dwarf_says(void **state)
{
    (void)state;
    EVALUATES(100);                                   /* the pushed CFA alone */
    EVALUATES(112, 0x23, 12);                         /* plus_uconst */
    EVALUATES(92, 0x38, 0x1c);                        /* lit8, minus */
    EVALUATES(200, 0x12, 0x22);                       /* dup, plus */
    EVALUATES(7, 0x37, 0x16, 0x13);                   /* lit7, swap, drop */
    EVALUATES(100, 0x31, 0x14, 0x16, 0x13);           /* lit1, over, swap, drop */
    EVALUATES(1, 0x31, 0x32, 0x17);                   /* lit1, lit2, rot */
    EVALUATES((uintptr_t)-1, 0x09, 0xff);             /* const1s */
    EVALUATES(255, 0x08, 0xff);                       /* const1u */
    EVALUATES(0x0201, 0x0a, 1, 2);                    /* const2u */
    EVALUATES((uintptr_t)-2, 0x11, 0x7e);             /* consts */
    EVALUATES(300, 0x10, 0xac, 0x02);                 /* constu */
    EVALUATES((uintptr_t)-5, 0x35, 0x1f);             /* lit5, neg */
    EVALUATES(5, 0x09, 0xfb, 0x19);                   /* -5, abs */
    EVALUATES((uintptr_t)-3, 0x09, 0xf9, 0x32, 0x1b); /* -7 / 2 */
    EVALUATES(1, 0x37, 0x33, 0x1d);                   /* 7 mod 3 */
    EVALUATES(40, 0x35, 0x33, 0x24);                  /* 5 << 3 */
    EVALUATES((uintptr_t)-2, 0x09, 0xf8, 0x32, 0x26); /* -8 >> 2 */
    EVALUATES(1, 0x09, 0xff, 0x30, 0x2d);             /* -1 < 0 */
    EVALUATES(0, 0x09, 0xff, 0x30, 0x2a);             /* -1 >= 0 */
    EVALUATES(9, 0x31, 0x28, 1, 0, 0x38, 0x39);       /* lit1; bra over lit8; lit9 */
    EVALUATES(100, 0x2f, 1, 0, 0x38);                 /* skip over lit8 */
    EVALUATES(100, 0x96);                             /* nop */
}

static void
registers_and_the_stack_are_read(void **state)
{
    (void)state;
    EVALUATES((uintptr_t)stack + 16, 0x77, 16); /* breg7 16 */
    EVALUATES(33, 0x77, 16, 0x06);              /* deref */
    EVALUATES(44, 0x76, 0x78, 0x06);            /* breg6 -8, deref */
    EVALUATES(0x1000f, 0x80, 0);                /* breg16 */
    EVALUATES(0x1000f, 0x92, 16, 0);            /* bregx 16 */
    /* The procedure linkage table: sp + 8 + ((pc & 15) >= 11) * 8 */
    EVALUATES((uintptr_t)stack + 16, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
}

static void
the_word_at_the_result_is_loaded_on_demand(void **state)
{
    static const uint8_t operations[] = {0x77, 24};
    struct wp_cfi_object object = object_of(operations, sizeof(operations));
    struct wp_unwind_view view = view_at(0x1000f);
    uintptr_t value = 0;

    (void)state;
    assert_true(wp_unwind_expression(&object, 0, &view, NULL, true, &value));
    assert_int_equal(value, 44);
    view.high = view.low;
    assert_false(wp_unwind_expression(&object, 0, &view, NULL, true, &value));
}

static void
what_cannot_be_computed_fails(void **state)
{
    (void)state;
    FAILS(0x13); /* drop of nothing */
    FAILS(0x22);
    FAILS(0x31, 0x30, 0x1b); /* 1 / 0 */
    FAILS(0x31, 0x30, 0x1d);
    FAILS(0x73, 0);                /* rbx is not known */
    FAILS(0x77, 0x78, 0x06);       /* below the stack */
    FAILS(0x77, 0xc0, 0x00, 0x06); /* above it */
    FAILS(0x77, 1, 0x06);          /* not aligned */
    FAILS(0x2f, 0xfd, 0xff);       /* skip to itself, for ever */
    FAILS(0x2f, 0x10, 0x00);       /* out of the block */
    FAILS(0x0c, 1);                /* cut off */
    FAILS(0xff);
    FAILS(0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31); /* too deep */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_compute_what_dwarf_says),
        cmocka_unit_test(registers_and_the_stack_are_read),
        cmocka_unit_test(the_word_at_the_result_is_loaded_on_demand),
        cmocka_unit_test(what_cannot_be_computed_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
