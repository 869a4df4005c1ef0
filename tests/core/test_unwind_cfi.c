/* src/core/unwind_cfi*.c: with tables made by hand, one byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/unwind_arch.h"
#include "core/unwind_cfi.h"

/* Where the code would be that the entries cover; never read. */
#define CODE_DISTANCE 0x10000u
#define CODE_BYTES 0x100u
#define TABLE_BYTES 512u

static struct tables {
    uint8_t bytes[TABLE_BYTES] __attribute__((aligned(8)));
    uint32_t used;
} tables;

static void
put(uint8_t byte)
{
    assert_true(tables.used < TABLE_BYTES);
    tables.bytes[tables.used++] = byte;
}

static void
put_word(uint32_t word)
{
    for (int i = 0; i < 4; i++)
        put((uint8_t)(word >> 8 * i));
}

static void
put_program(const uint8_t *program, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        put(program[i]);
}

/* Sets the length field at `start` to what has been put since. */
static void
close_entry(uint32_t start)
{
    uint32_t bytes;

    while ((tables.used - start) % 4 != 0)
        put(0);
    bytes = tables.used - start - 4;
    memcpy(&tables.bytes[start], &bytes, 4);
}

static uintptr_t
code(void)
{
    return (uintptr_t)tables.bytes + CODE_DISTANCE;
}

/*
 * A header, a common entry that says CFA = sp + 8, return address at CFA - 8, and one entry for
 * CODE_BYTES of code with the given program. Without a table if `searchable` is false.
 */
static struct wp_cfi_object
make_tables(const uint8_t *program, size_t bytes, int searchable, const char *augmentation)
{
    uint32_t common, entry, section = searchable ? 20 : 8;

    memset(&tables, 0, sizeof(tables));
    put(1);
    put(0x1b); /* section: pcrel sdata4 */
    put(searchable ? 0x03 : 0xff);
    put(searchable ? 0x3b : 0xff);
    put_word(section - 4);
    if (searchable) {
        put_word(1);
        put_word(CODE_DISTANCE);
        put_word(0); /* the entry, below */
    }
    common = tables.used;
    put_word(0);
    put_word(0);
    put(1);
    put_program((const uint8_t *)augmentation, strlen(augmentation) + 1);
    put(1);
    put(0x78); /* data alignment: -8 */
    put(WP_UNWIND_DWARF_RA);
    put(1);
    put(0x1b);
    put_program((const uint8_t[]){0x0c, WP_UNWIND_DWARF_SP, 8, 0x80 | WP_UNWIND_DWARF_RA, 1}, 5);
    close_entry(common);
    entry = tables.used;
    if (searchable)
        memcpy(&tables.bytes[16], &entry, 4);
    put_word(0);
    put_word(tables.used - common);
    put_word(CODE_DISTANCE - tables.used);
    put_word(CODE_BYTES);
    put(0);
    put_program(program, bytes);
    close_entry(entry);
    put_word(0);
    return (struct wp_cfi_object){
        .header = (uintptr_t)tables.bytes,
        .start = (uintptr_t)tables.bytes,
        .end = (uintptr_t)tables.bytes + tables.used,
    };
}

static struct wp_cfi_row
row_at(const struct wp_cfi_object *object, uint32_t offset)
{
    struct wp_cfi_entry entry = {.object = *object};
    struct wp_cfi_row row;

    assert_int_equal(wp_cfi_find(&entry, code() + offset), WP_CFI_FOUND);
    assert_true(wp_cfi_evaluate(&entry, code() + offset, &row));
    return row;
}

static void
assert_cfa(const struct wp_cfi_row *row, uint32_t reg, int32_t value)
{
    assert_int_equal(row->cfa.kind, WP_CFI_REGISTER_PLUS);
    assert_int_equal(row->cfa.reg, reg);
    assert_int_equal(row->cfa.value, value);
}

/* push rbp; mov rsp, rbp; ... pop rbp; ret, then the rest of the function again */
static const uint8_t usual[] = {
    0x41,
    0x0e,
    16,
    0x86,
    2, /* +1: CFA = sp + 16, rbp at CFA - 16 */
    0x43,
    0x0d,
    WP_UNWIND_DWARF_FP, /* +4: CFA = rbp + 16 */
    0x02,
    0x20,
    0x0a, /* +0x24: remember */
    0x0c,
    WP_UNWIND_DWARF_SP,
    8,                         /*        CFA = sp + 8 */
    0xc0 | WP_UNWIND_DWARF_FP, /*        rbp as at the start */
    0x03,
    0x02,
    0x00,
    0x0b, /* +0x26: as remembered */
};

static void
each_row_of_a_usual_function_is_found(void **state)
{
    struct wp_cfi_object object = make_tables(usual, sizeof(usual), 1, "zR");
    struct wp_cfi_row row = row_at(&object, 0);

    (void)state;
    assert_cfa(&row, WP_UNWIND_DWARF_SP, 8);
    assert_int_equal(row.fp.kind, WP_CFI_UNSPECIFIED);
    assert_int_equal(row.ra.kind, WP_CFI_AT_CFA);
    assert_int_equal(row.ra.value, -8);
    row = row_at(&object, 1);
    assert_cfa(&row, WP_UNWIND_DWARF_SP, 16);
    assert_int_equal(row.fp.kind, WP_CFI_AT_CFA);
    assert_int_equal(row.fp.value, -16);
    row = row_at(&object, 0x23);
    assert_cfa(&row, WP_UNWIND_DWARF_FP, 16);
    row = row_at(&object, 0x24);
    assert_cfa(&row, WP_UNWIND_DWARF_SP, 8);
    assert_int_equal(row.fp.kind, WP_CFI_UNSPECIFIED);
    row = row_at(&object, CODE_BYTES - 1);
    assert_cfa(&row, WP_UNWIND_DWARF_FP, 16);
    assert_int_equal(row.fp.kind, WP_CFI_AT_CFA);
}

static void
a_header_without_a_table_is_read_entry_by_entry(void **state)
{
    struct wp_cfi_object object = make_tables(usual, sizeof(usual), 0, "zR");
    struct wp_cfi_entry entry = {.object = object};
    struct wp_cfi_row row = row_at(&object, 1);

    (void)state;
    assert_cfa(&row, WP_UNWIND_DWARF_SP, 16);
    assert_int_equal(wp_cfi_find(&entry, code() + CODE_BYTES), WP_CFI_MISSING);
}

static void
addresses_outside_of_all_entries_have_no_rules(void **state)
{
    struct wp_cfi_entry entry = {.object = make_tables(usual, sizeof(usual), 1, "zR")};

    (void)state;
    assert_int_equal(wp_cfi_find(&entry, code() - 1), WP_CFI_MISSING);
    assert_int_equal(wp_cfi_find(&entry, code() + CODE_BYTES), WP_CFI_MISSING);
}

static void
a_signal_trampoline_is_told_from_other_frames(void **state)
{
    struct wp_cfi_object object = make_tables(usual, 0, 1, "zRS");
    struct wp_cfi_entry entry = {.object = object};

    (void)state;
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_FOUND);
    assert_true(entry.is_signal);
    entry.object = make_tables(usual, 0, 1, "zR");
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_FOUND);
    assert_false(entry.is_signal);
}

/* One operation for each byte of code, in several forms. */
static const uint8_t all_forms[] = {
    0x11,
    WP_UNWIND_DWARF_FP,
    0x7f, /* offset_extended_sf: -1 * -8 */
    0x41,
    0x05,
    WP_UNWIND_DWARF_FP,
    3, /* offset_extended */
    0x41,
    0x14,
    WP_UNWIND_DWARF_FP,
    2, /* val_offset */
    0x41,
    0x15,
    WP_UNWIND_DWARF_FP,
    0x7e, /* val_offset_sf */
    0x41,
    0x07,
    WP_UNWIND_DWARF_RA, /* undefined */
    0x41,
    0x08,
    WP_UNWIND_DWARF_FP, /* same_value */
    0x41,
    0x09,
    WP_UNWIND_DWARF_RA,
    3, /* register */
    0x41,
    0x2f,
    WP_UNWIND_DWARF_FP,
    2, /* GNU_negative_offset_extended */
    0x41,
    0x12,
    WP_UNWIND_DWARF_FP,
    0x7c, /* def_cfa_sf: -4 * -8 */
    0x41,
    0x13,
    0x7b, /* def_cfa_offset_sf */
    0x04,
    1,
    0,
    0,
    0,
    0x2e,
    16, /* advance_loc4, GNU_args_size */
    0x0f,
    2,
    0x76,
    0x78, /* def_cfa_expression: breg6 -8 */
    0x41,
    0x10,
    WP_UNWIND_DWARF_FP,
    2,
    0x76,
    0, /* expression */
    0x41,
    0x16,
    WP_UNWIND_DWARF_SP,
    1,
    0x30, /* val_expression */
};

static const struct {
    size_t rule;
    enum wp_cfi_kind kind;
    int32_t value;
} all_rules[] = {
    {offsetof(struct wp_cfi_row, fp), WP_CFI_AT_CFA, 8},
    {offsetof(struct wp_cfi_row, fp), WP_CFI_AT_CFA, -24},
    {offsetof(struct wp_cfi_row, fp), WP_CFI_CFA_PLUS, -16},
    {offsetof(struct wp_cfi_row, fp), WP_CFI_CFA_PLUS, 16},
    {offsetof(struct wp_cfi_row, ra), WP_CFI_UNDEFINED, 0},
    {offsetof(struct wp_cfi_row, fp), WP_CFI_SAME, 0},
    {offsetof(struct wp_cfi_row, ra), WP_CFI_REGISTER_PLUS, 0},
    {offsetof(struct wp_cfi_row, fp), WP_CFI_AT_CFA, 16},
    {offsetof(struct wp_cfi_row, cfa), WP_CFI_REGISTER_PLUS, 32},
    {offsetof(struct wp_cfi_row, cfa), WP_CFI_REGISTER_PLUS, 40},
};

static void
all_forms_of_a_rule_are_understood(void **state)
{
    struct wp_cfi_object object = make_tables(all_forms, sizeof(all_forms), 1, "zR");
    struct wp_cfi_row row;

    (void)state;
    for (uint32_t i = 0; i < sizeof(all_rules) / sizeof(all_rules[0]); i++) {
        const struct wp_cfi_rule *rule;

        row = row_at(&object, i);
        rule = (const struct wp_cfi_rule *)((const char *)&row + all_rules[i].rule);
        assert_int_equal(rule->kind, all_rules[i].kind);
        assert_int_equal(rule->value, all_rules[i].value);
    }
    row = row_at(&object, 12);
    assert_int_equal(row.cfa.kind, WP_CFI_EXPRESSION);
    assert_int_equal(row.fp.kind, WP_CFI_AT_EXPRESSION);
    assert_int_equal(row.sp.kind, WP_CFI_EXPRESSION);
}

/* On aarch64 only; elsewhere nobody writes them. */
static void
marks_of_signed_return_addresses_are_passed_over(void **state)
{
    static const uint8_t marked[] = {0x41, 0x2d, 0x2c, 0x0e, 16};
    struct wp_cfi_object object = make_tables(marked, sizeof(marked), 1, "zR");
    struct wp_cfi_row row = row_at(&object, 1);

    (void)state;
    assert_cfa(&row, WP_UNWIND_DWARF_SP, 16);
}

static void
unknown_operations_and_unbalanced_states_are_refused(void **state)
{
    static const uint8_t unknown[] = {0x3f};
    static const uint8_t unbalanced[] = {0x0b};
    static const uint8_t cut[] = {0x0c, 0x87};
    struct wp_cfi_entry entry = {.object = make_tables(unknown, sizeof(unknown), 1, "zR")};
    struct wp_cfi_row row;

    (void)state;
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_FOUND);
    assert_false(wp_cfi_evaluate(&entry, code(), &row));
    entry.object = make_tables(unbalanced, sizeof(unbalanced), 1, "zR");
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_FOUND);
    assert_false(wp_cfi_evaluate(&entry, code(), &row));
    entry.object = make_tables(cut, sizeof(cut), 1, "zR");
    entry.object.end -= 4; /* nor may the last entry end behind the object */
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_FOUND);
    entry.object.end -= 4;
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_BAD);
    entry.object = make_tables(usual, sizeof(usual), 1, "zQ");
    assert_int_equal(wp_cfi_find(&entry, code()), WP_CFI_BAD);
}

/* Under a sanitizer a read outside of the bytes is seen; elsewhere, that it ends. */
static void
no_change_of_a_byte_makes_a_read_leave_the_object(void **state)
{
    uint64_t random = 88172645463325252u, found = 0;

    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        struct wp_cfi_object object = make_tables(usual, sizeof(usual), i & 1, "zR");
        struct wp_cfi_entry entry = {.object = object};
        struct wp_cfi_row row;

        for (uint32_t change = 0; change <= i % 4; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            tables.bytes[random % tables.used] = (uint8_t)(random >> 32);
        }
        if (wp_cfi_find(&entry, code() + i % CODE_BYTES) == WP_CFI_FOUND)
            found += wp_cfi_evaluate(&entry, code() + i % CODE_BYTES, &row);
    }
    assert_true(found > 0 && found < 200000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_a_usual_function_is_found),
        cmocka_unit_test(a_header_without_a_table_is_read_entry_by_entry),
        cmocka_unit_test(addresses_outside_of_all_entries_have_no_rules),
        cmocka_unit_test(a_signal_trampoline_is_told_from_other_frames),
        cmocka_unit_test(all_forms_of_a_rule_are_understood),
        cmocka_unit_test(marks_of_signed_return_addresses_are_passed_over),
        cmocka_unit_test(unknown_operations_and_unbalanced_states_are_refused),
        cmocka_unit_test(no_change_of_a_byte_makes_a_read_leave_the_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
