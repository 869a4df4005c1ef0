#include "core/unwind_cfi.h"

#include <stddef.h>
#include <string.h>

#include "core/unwind_arch.h"

/* States that nest: compilers use one, hand-written code two. */
#define WP_CFI_SAVED_ROWS 2u
#define WP_CFI_KEPT_RULES 3u /* cfa, fp, ra */

enum {
    WP_CFA_NOP = 0x00,
    WP_CFA_SET_LOC = 0x01,
    WP_CFA_ADVANCE_LOC1 = 0x02,
    WP_CFA_ADVANCE_LOC2 = 0x03,
    WP_CFA_ADVANCE_LOC4 = 0x04,
    WP_CFA_OFFSET_EXTENDED = 0x05,
    WP_CFA_RESTORE_EXTENDED = 0x06,
    WP_CFA_UNDEFINED = 0x07,
    WP_CFA_SAME_VALUE = 0x08,
    WP_CFA_REGISTER = 0x09,
    WP_CFA_REMEMBER_STATE = 0x0a,
    WP_CFA_RESTORE_STATE = 0x0b,
    WP_CFA_DEF_CFA = 0x0c,
    WP_CFA_DEF_CFA_REGISTER = 0x0d,
    WP_CFA_DEF_CFA_OFFSET = 0x0e,
    WP_CFA_DEF_CFA_EXPRESSION = 0x0f,
    WP_CFA_EXPRESSION = 0x10,
    WP_CFA_OFFSET_EXTENDED_SF = 0x11,
    WP_CFA_DEF_CFA_SF = 0x12,
    WP_CFA_DEF_CFA_OFFSET_SF = 0x13,
    WP_CFA_VAL_OFFSET = 0x14,
    WP_CFA_VAL_OFFSET_SF = 0x15,
    WP_CFA_VAL_EXPRESSION = 0x16,
    WP_CFA_MIPS_ADVANCE_LOC8 = 0x1d,
    WP_CFA_AARCH64_NEGATE_RA_STATE_WITH_PC = 0x2c,
    WP_CFA_AARCH64_NEGATE_RA_STATE = 0x2d,
    WP_CFA_GNU_ARGS_SIZE = 0x2e,
    WP_CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
    WP_CFA_ADVANCE_LOC = 0x40, /* with 6 bits of operand */
    WP_CFA_OFFSET = 0x80,
    WP_CFA_RESTORE = 0xc0,
    WP_CFA_PRIMARY_MASK = 0xc0,
};

struct wp_cfi_machine {
    const struct wp_cfi_entry *entry;
    struct wp_cfi_row *row;
    struct wp_cfi_reader reader;
    /* Code offsets in the entry: the row is in force from `location` on, and wanted
     * for `wanted`. */
    uint32_t location;
    uint32_t wanted;
    uint32_t saved_count;
    /* Rules in the order of struct wp_cfi_row, without the stack pointer's: only signal trampolines
     * have one, and these save no state. */
    struct wp_cfi_rule initial[WP_CFI_KEPT_RULES]; /* after the common entry's program */
    struct wp_cfi_rule saved[WP_CFI_SAVED_ROWS][WP_CFI_KEPT_RULES];
};

static struct wp_cfi_rule *
wp_cfi_rule_of(struct wp_cfi_row *row, uint64_t reg)
{
    switch (reg) {
    case WP_UNWIND_DWARF_FP:
        return &row->fp;
    case WP_UNWIND_DWARF_SP:
        return &row->sp;
    case WP_UNWIND_DWARF_RA:
        return &row->ra;
    default:
        return NULL;
    }
}

static void
wp_cfi_set(struct wp_cfi_machine *machine, uint64_t reg, enum wp_cfi_kind kind, int64_t value)
{
    struct wp_cfi_rule *rule = wp_cfi_rule_of(machine->row, reg);

    if (rule == NULL)
        return;
    if (value != (int32_t)value)
        machine->reader.failed = true;
    rule->value = (int32_t)value;
    rule->kind = (uint8_t)kind;
    rule->reg = 0;
}

static void
wp_cfi_restore(struct wp_cfi_machine *machine, uint64_t reg)
{
    struct wp_cfi_row *row = machine->row;

    if (reg == WP_UNWIND_DWARF_FP)
        row->fp = machine->initial[1];
    else if (reg == WP_UNWIND_DWARF_RA)
        row->ra = machine->initial[2];
    else if (reg == WP_UNWIND_DWARF_SP)
        row->sp.kind = WP_CFI_UNSPECIFIED;
}

static void
wp_cfi_copy_from(struct wp_cfi_rule *kept, const struct wp_cfi_row *row)
{
    kept[0] = row->cfa;
    kept[1] = row->fp;
    kept[2] = row->ra;
}

static void
wp_cfi_copy_to(struct wp_cfi_row *row, const struct wp_cfi_rule *kept)
{
    row->cfa = kept[0];
    row->fp = kept[1];
    row->ra = kept[2];
}

static void
wp_cfi_define_cfa(struct wp_cfi_machine *machine, uint64_t reg, int64_t value)
{
    if (reg > UINT8_MAX || value != (int32_t)value)
        machine->reader.failed = true;
    machine->row->cfa.value = (int32_t)value;
    machine->row->cfa.kind = WP_CFI_REGISTER_PLUS;
    machine->row->cfa.reg = (uint8_t)reg;
}

/* An expression: remembers where its block begins, and skips it. */
static int64_t
wp_cfi_read_block(struct wp_cfi_machine *machine)
{
    int64_t place = (int64_t)((uintptr_t)machine->reader.at - machine->entry->object.header);

    wp_cfi_skip(&machine->reader, wp_cfi_read_uleb(&machine->reader));
    return place;
}

/* An offset in units of the data alignment factor. */
static int64_t
wp_cfi_read_factored(struct wp_cfi_machine *machine, bool is_signed)
{
    uint64_t count = is_signed ? (uint64_t)wp_cfi_read_sleb(&machine->reader)
                               : wp_cfi_read_uleb(&machine->reader);

    return (int64_t)(count * (uint64_t)(int64_t)machine->entry->data_align);
}

static bool
wp_cfi_execute_cfa(struct wp_cfi_machine *machine, uint8_t operation)
{
    struct wp_cfi_reader *reader = &machine->reader;
    const struct wp_cfi_rule *cfa = &machine->row->cfa;
    uint64_t reg;

    switch (operation) {
    case WP_CFA_DEF_CFA:
        reg = wp_cfi_read_uleb(reader);
        wp_cfi_define_cfa(machine, reg, (int64_t)wp_cfi_read_uleb(reader));
        return true;
    case WP_CFA_DEF_CFA_SF:
        reg = wp_cfi_read_uleb(reader);
        wp_cfi_define_cfa(machine, reg, wp_cfi_read_factored(machine, true));
        return true;
    case WP_CFA_DEF_CFA_REGISTER:
        wp_cfi_define_cfa(machine, wp_cfi_read_uleb(reader), cfa->value);
        return true;
    case WP_CFA_DEF_CFA_OFFSET:
        wp_cfi_define_cfa(machine, cfa->reg, (int64_t)wp_cfi_read_uleb(reader));
        return true;
    case WP_CFA_DEF_CFA_OFFSET_SF:
        wp_cfi_define_cfa(machine, cfa->reg, wp_cfi_read_factored(machine, true));
        return true;
    case WP_CFA_DEF_CFA_EXPRESSION:
        wp_cfi_define_cfa(machine, 0, wp_cfi_read_block(machine));
        machine->row->cfa.kind = WP_CFI_EXPRESSION;
        return true;
    default:
        return false;
    }
}

/* What follows the register in an operation's operands. */
enum wp_cfi_operand {
    WP_CFI_NOTHING,
    WP_CFI_UNSIGNED, /* in units of the data alignment factor, as the next two */
    WP_CFI_SIGNED,
    WP_CFI_NEGATIVE,
    WP_CFI_BLOCK, /* an expression */
    WP_CFI_REGISTER,
};

static const struct wp_cfi_register_operation {
    uint8_t operation;
    uint8_t kind;    /* enum wp_cfi_kind that the register's rule becomes */
    uint8_t operand; /* enum wp_cfi_operand */
} wp_cfi_register_operations[] = {
    {WP_CFA_OFFSET_EXTENDED, WP_CFI_AT_CFA, WP_CFI_UNSIGNED},
    {WP_CFA_OFFSET_EXTENDED_SF, WP_CFI_AT_CFA, WP_CFI_SIGNED},
    {WP_CFA_GNU_NEGATIVE_OFFSET_EXTENDED, WP_CFI_AT_CFA, WP_CFI_NEGATIVE},
    {WP_CFA_VAL_OFFSET, WP_CFI_CFA_PLUS, WP_CFI_UNSIGNED},
    {WP_CFA_VAL_OFFSET_SF, WP_CFI_CFA_PLUS, WP_CFI_SIGNED},
    {WP_CFA_EXPRESSION, WP_CFI_AT_EXPRESSION, WP_CFI_BLOCK},
    {WP_CFA_VAL_EXPRESSION, WP_CFI_EXPRESSION, WP_CFI_BLOCK},
    {WP_CFA_UNDEFINED, WP_CFI_UNDEFINED, WP_CFI_NOTHING},
    {WP_CFA_SAME_VALUE, WP_CFI_SAME, WP_CFI_NOTHING},
    {WP_CFA_REGISTER, WP_CFI_REGISTER_PLUS, WP_CFI_REGISTER},
};

static int64_t
wp_cfi_read_operand(struct wp_cfi_machine *machine, uint8_t operand)
{
    switch (operand) {
    case WP_CFI_UNSIGNED:
        return wp_cfi_read_factored(machine, false);
    case WP_CFI_SIGNED:
        return wp_cfi_read_factored(machine, true);
    case WP_CFI_NEGATIVE:
        return (int64_t)(0 - (uint64_t)wp_cfi_read_factored(machine, false));
    case WP_CFI_BLOCK:
        return wp_cfi_read_block(machine);
    default:
        return 0;
    }
}

/* Operations whose first operand is a register. */
static bool
wp_cfi_execute_register(struct wp_cfi_machine *machine, uint8_t operation)
{
    const struct wp_cfi_register_operation *form = wp_cfi_register_operations;
    const struct wp_cfi_register_operation *end =
        form + sizeof(wp_cfi_register_operations) / sizeof(*form);
    uint64_t reg = wp_cfi_read_uleb(&machine->reader);
    struct wp_cfi_rule *rule = wp_cfi_rule_of(machine->row, reg);
    uint64_t other;

    if (operation == WP_CFA_RESTORE_EXTENDED) {
        wp_cfi_restore(machine, reg);
        return true;
    }
    while (form->operation != operation) {
        if (++form == end)
            return false;
    }
    wp_cfi_set(machine, reg, (enum wp_cfi_kind)form->kind,
               wp_cfi_read_operand(machine, form->operand));
    if (form->operand != WP_CFI_REGISTER)
        return true;
    other = wp_cfi_read_uleb(&machine->reader);
    if (rule != NULL)
        rule->reg = (uint8_t)other;
    return other <= UINT8_MAX;
}

/* Beyond the largest offset there is nothing more to tell apart. */
static void
wp_cfi_advance(struct wp_cfi_machine *machine, uint64_t code_bytes)
{
    uint32_t left = UINT32_MAX - machine->location;

    machine->location += code_bytes < left ? (uint32_t)code_bytes : left;
}

/* Operations that move to another place in the code. */
static bool
wp_cfi_execute_location(struct wp_cfi_machine *machine, uint8_t operation)
{
    const struct wp_cfi_entry *entry = machine->entry;
    struct wp_cfi_reader *reader = &machine->reader;
    uint32_t bytes = 8;

    switch (operation) {
    case WP_CFA_SET_LOC:
        machine->location = 0;
        wp_cfi_advance(machine,
                       wp_cfi_read_pointer(reader, &entry->object, entry->pointer_encoding) -
                           entry->begin);
        return true;
    case WP_CFA_ADVANCE_LOC1:
        bytes = 1;
        break;
    case WP_CFA_ADVANCE_LOC2:
        bytes = 2;
        break;
    case WP_CFA_ADVANCE_LOC4:
        bytes = 4;
        break;
    case WP_CFA_MIPS_ADVANCE_LOC8:
        break;
    default:
        return false;
    }
    wp_cfi_advance(machine, wp_cfi_read_unsigned(reader, bytes) * entry->code_align);
    return true;
}

static bool
wp_cfi_execute_state(struct wp_cfi_machine *machine, uint8_t operation)
{
    switch (operation) {
    case WP_CFA_NOP:
    case WP_CFA_AARCH64_NEGATE_RA_STATE: /* signed or not: see wp_unwind_return_address */
    case WP_CFA_AARCH64_NEGATE_RA_STATE_WITH_PC:
        return true;
    case WP_CFA_REMEMBER_STATE:
        if (machine->saved_count == WP_CFI_SAVED_ROWS)
            return false;
        wp_cfi_copy_from(machine->saved[machine->saved_count++], machine->row);
        return true;
    case WP_CFA_RESTORE_STATE:
        if (machine->saved_count == 0)
            return false;
        wp_cfi_copy_to(machine->row, machine->saved[--machine->saved_count]);
        return true;
    case WP_CFA_GNU_ARGS_SIZE:
        wp_cfi_read_uleb(&machine->reader);
        return true;
    default:
        return wp_cfi_execute_location(machine, operation) ||
               wp_cfi_execute_cfa(machine, operation) ||
               wp_cfi_execute_register(machine, operation);
    }
}

/* One operation. False: unknown. */
static inline bool
wp_cfi_execute(struct wp_cfi_machine *machine)
{
    uint8_t operation = *machine->reader.at++;
    uint8_t operand = operation & (uint8_t)~WP_CFA_PRIMARY_MASK;

    switch (operation & WP_CFA_PRIMARY_MASK) {
    case WP_CFA_ADVANCE_LOC:
        wp_cfi_advance(machine, (uint64_t)operand * machine->entry->code_align);
        return true;
    case WP_CFA_OFFSET:
        wp_cfi_set(machine, operand, WP_CFI_AT_CFA, wp_cfi_read_factored(machine, false));
        return true;
    case WP_CFA_RESTORE:
        wp_cfi_restore(machine, operand);
        return true;
    default:
        return wp_cfi_execute_state(machine, operation);
    }
}

bool
wp_cfi_evaluate(const struct wp_cfi_entry *entry, uintptr_t address, struct wp_cfi_row *row)
{
    const struct wp_cfi_span *span = &entry->common_program;
    struct wp_cfi_machine machine;

    memset(row, 0, sizeof(*row));
    machine.entry = entry;
    machine.row = row;
    machine.wanted = (uint32_t)(address - entry->begin);
    machine.saved_count = 0;
    for (;;) {
        wp_cfi_copy_from(machine.initial, row);
        machine.location = 0;
        machine.reader.at = (const uint8_t *)(entry->object.start + span->begin);
        machine.reader.end = (const uint8_t *)(entry->object.start + span->end);
        machine.reader.failed = false;
        while (machine.reader.at < machine.reader.end && machine.location <= machine.wanted) {
            if (!wp_cfi_execute(&machine) || machine.reader.failed)
                return false;
        }
        if (span == &entry->program)
            return true;
        span = &entry->program;
    }
}
