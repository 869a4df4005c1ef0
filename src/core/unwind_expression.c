#include "core/unwind_expression.h"

#include <stddef.h>

#include "core/unwind_arch.h"

enum {
    WP_OP_ADDR = 0x03,
    WP_OP_CONST1U = 0x08,
    WP_OP_CONST8S = 0x0f,
    WP_OP_CONSTU = 0x10,
    WP_OP_CONSTS = 0x11,
    WP_OP_DUP = 0x12,
    WP_OP_DROP = 0x13,
    WP_OP_OVER = 0x14,
    WP_OP_PICK = 0x15,
    WP_OP_SWAP = 0x16,
    WP_OP_ROT = 0x17,
    WP_OP_ABS = 0x19,
    WP_OP_AND = 0x1a,
    WP_OP_DIV = 0x1b,
    WP_OP_MINUS = 0x1c,
    WP_OP_MOD = 0x1d,
    WP_OP_MUL = 0x1e,
    WP_OP_NEG = 0x1f,
    WP_OP_NOT = 0x20,
    WP_OP_OR = 0x21,
    WP_OP_PLUS = 0x22,
    WP_OP_PLUS_UCONST = 0x23,
    WP_OP_SHL = 0x24,
    WP_OP_SHR = 0x25,
    WP_OP_SHRA = 0x26,
    WP_OP_XOR = 0x27,
    WP_OP_BRA = 0x28,
    WP_OP_EQ = 0x29,
    WP_OP_GE = 0x2a,
    WP_OP_GT = 0x2b,
    WP_OP_LE = 0x2c,
    WP_OP_LT = 0x2d,
    WP_OP_NE = 0x2e,
    WP_OP_SKIP = 0x2f,
    WP_OP_LIT0 = 0x30,
    WP_OP_LIT31 = 0x4f,
    WP_OP_BREG31 = 0x8f,
    WP_OP_BREGX = 0x92,
    WP_OP_NOP = 0x96,
};

#define WP_EXPRESSION_DEPTH 8u
#define WP_EXPRESSION_MAX_STEPS 256u

/* Invariant: depth <= WP_EXPRESSION_DEPTH, but for a moment in wp_expression_pop of an empty stack,
 * which sets `failed`. */
struct wp_expression {
    struct wp_cfi_reader reader;
    const uint8_t *start;
    const struct wp_unwind_view *view;
    uint32_t depth;
    bool failed;
    uint64_t stack[WP_EXPRESSION_DEPTH];
};

bool
wp_unwind_view_register(const struct wp_unwind_view *view, uint64_t reg, uintptr_t *value)
{
    int offset;

    switch (reg) {
    case WP_UNWIND_DWARF_RA:
        *value = view->pc;
        return true;
    case WP_UNWIND_DWARF_SP:
        *value = view->sp;
        return true;
    case WP_UNWIND_DWARF_FP:
        *value = view->fp;
        return true;
    default:
        break;
    }
    if (view->saved_registers == 0 || reg >= WP_UNWIND_DWARF_REGISTERS)
        return false;
    offset = wp_unwind_arch_signal_offset((uint32_t)reg);
    if (offset < 0)
        return false;
    /* Below the interrupted frame, or on another stack: checked when the trampoline was crossed. */
    *value = *(const volatile uintptr_t *)(view->saved_registers + (uintptr_t)offset);
    return true;
}

static void
wp_expression_push(struct wp_expression *run, uint64_t value)
{
    if (run->depth == WP_EXPRESSION_DEPTH)
        run->failed = true;
    else
        run->stack[run->depth++] = value;
}

static uint64_t
wp_expression_pop(struct wp_expression *run)
{
    if (run->depth == 0) {
        run->failed = true;
        return 0;
    }
    return run->stack[--run->depth];
}

/* Pushes a copy of the entry `below` the top. */
static void
wp_expression_pick(struct wp_expression *run, uint64_t below)
{
    if (below >= run->depth)
        run->failed = true;
    else
        wp_expression_push(run, run->stack[run->depth - 1 - below]);
}

static void
wp_expression_base_register(struct wp_expression *run, uint64_t reg)
{
    int64_t offset = wp_cfi_read_sleb(&run->reader);
    uintptr_t value = 0;

    if (!wp_unwind_view_register(run->view, reg, &value))
        run->failed = true;
    wp_expression_push(run, value + (uint64_t)offset);
}

static void
wp_expression_jump(struct wp_expression *run, bool taken)
{
    int64_t distance = wp_cfi_read_signed(&run->reader, 2);

    if (!taken)
        return;
    if (distance < run->start - run->reader.at || distance > run->reader.end - run->reader.at)
        run->failed = true;
    else
        run->reader.at += distance;
}

/* Operations on the two topmost entries. */
static void
wp_expression_binary(struct wp_expression *run, uint8_t operation)
{
    uint64_t right = wp_expression_pop(run);
    uint64_t left = wp_expression_pop(run);
    int64_t signed_left = (int64_t)left, signed_right = (int64_t)right;
    uint64_t value = 0;

    switch (operation) {
    case WP_OP_AND:
        value = left & right;
        break;
    case WP_OP_DIV:
        if (right == 0 || (signed_left == INT64_MIN && signed_right == -1))
            run->failed = true;
        else
            value = (uint64_t)(signed_left / signed_right);
        break;
    case WP_OP_MINUS:
        value = left - right;
        break;
    case WP_OP_MOD:
        if (right == 0)
            run->failed = true;
        else
            value = left % right;
        break;
    case WP_OP_MUL:
        value = left * right;
        break;
    case WP_OP_OR:
        value = left | right;
        break;
    case WP_OP_PLUS:
        value = left + right;
        break;
    case WP_OP_SHL:
        value = right < 64 ? left << right : 0;
        break;
    case WP_OP_SHR:
        value = right < 64 ? left >> right : 0;
        break;
    case WP_OP_SHRA:
        value = (uint64_t)(signed_left >> (right < 64 ? right : 63));
        break;
    case WP_OP_XOR:
        value = left ^ right;
        break;
    case WP_OP_EQ:
        value = left == right;
        break;
    case WP_OP_GE:
        value = signed_left >= signed_right;
        break;
    case WP_OP_GT:
        value = signed_left > signed_right;
        break;
    case WP_OP_LE:
        value = signed_left <= signed_right;
        break;
    case WP_OP_LT:
        value = signed_left < signed_right;
        break;
    case WP_OP_NE:
        value = left != right;
        break;
    default:
        run->failed = true;
        break;
    }
    wp_expression_push(run, value);
}

/* Operations on the topmost entry, and those that move entries. */
static void
wp_expression_stack(struct wp_expression *run, uint8_t operation)
{
    uint64_t top = wp_expression_pop(run);
    uint64_t second, third;
    uintptr_t loaded = 0;

    switch (operation) {
    case WP_OP_DROP:
        break;
    case WP_OP_DEREF:
        if (!wp_unwind_view_load(run->view, top, &loaded))
            run->failed = true;
        wp_expression_push(run, loaded);
        break;
    case WP_OP_ABS:
        wp_expression_push(run, (int64_t)top < 0 ? 0 - top : top);
        break;
    case WP_OP_NEG:
        wp_expression_push(run, 0 - top);
        break;
    case WP_OP_NOT:
        wp_expression_push(run, ~top);
        break;
    case WP_OP_PLUS_UCONST:
        wp_expression_push(run, top + wp_cfi_read_uleb(&run->reader));
        break;
    case WP_OP_BRA:
        wp_expression_jump(run, top != 0);
        break;
    case WP_OP_SWAP:
        second = wp_expression_pop(run);
        wp_expression_push(run, top);
        wp_expression_push(run, second);
        break;
    case WP_OP_ROT:
        second = wp_expression_pop(run);
        third = wp_expression_pop(run);
        wp_expression_push(run, top);
        wp_expression_push(run, third);
        wp_expression_push(run, second);
        break;
    default:
        wp_expression_push(run, top);
        wp_expression_binary(run, operation);
        break;
    }
}

/* Constants, registers and what pushes without popping. False: another operation. */
static bool
wp_expression_constant(struct wp_expression *run, uint8_t operation)
{
    uint32_t index = operation - WP_OP_CONST1U;

    if (operation >= WP_OP_LIT0 && operation <= WP_OP_LIT31) {
        wp_expression_push(run, operation - WP_OP_LIT0);
        return true;
    }
    if (operation >= WP_OP_BREG0 && operation <= WP_OP_BREG31) {
        wp_expression_base_register(run, operation - WP_OP_BREG0);
        return true;
    }
    if (operation >= WP_OP_CONST1U && operation <= WP_OP_CONST8S) {
        /* Unsigned and signed in turn, of 1, 2, 4 and 8 bytes. */
        wp_expression_push(run, index % 2 == 0
                                    ? wp_cfi_read_unsigned(&run->reader, 1u << index / 2)
                                    : (uint64_t)wp_cfi_read_signed(&run->reader, 1u << index / 2));
        return true;
    }
    return false;
}

static void
wp_expression_execute(struct wp_expression *run, uint8_t operation)
{
    if (wp_expression_constant(run, operation))
        return;
    switch (operation) {
    case WP_OP_NOP:
        return;
    case WP_OP_ADDR:
        wp_expression_push(run, wp_cfi_read_unsigned(&run->reader, sizeof(uintptr_t)));
        return;
    case WP_OP_CONSTU:
        wp_expression_push(run, wp_cfi_read_uleb(&run->reader));
        return;
    case WP_OP_CONSTS:
        wp_expression_push(run, (uint64_t)wp_cfi_read_sleb(&run->reader));
        return;
    case WP_OP_BREGX:
        wp_expression_base_register(run, wp_cfi_read_uleb(&run->reader));
        return;
    case WP_OP_DUP:
        wp_expression_pick(run, 0);
        return;
    case WP_OP_OVER:
        wp_expression_pick(run, 1);
        return;
    case WP_OP_PICK:
        wp_expression_pick(run, wp_cfi_read_unsigned(&run->reader, 1));
        return;
    case WP_OP_SKIP:
        wp_expression_jump(run, true);
        return;
    default:
        wp_expression_stack(run, operation);
        return;
    }
}

struct wp_cfi_reader
wp_unwind_expression_block(const struct wp_cfi_object *object, int32_t place)
{
    struct wp_cfi_reader reader =
        wp_cfi_reader_at(object, object->header + (uintptr_t)(intptr_t)place);
    uint64_t bytes = wp_cfi_read_uleb(&reader);

    if (bytes > (uint64_t)(reader.end - reader.at))
        reader.failed = true;
    else
        reader.end = reader.at + bytes;
    return reader;
}

bool
wp_unwind_expression(const struct wp_cfi_object *object, int32_t place,
                     const struct wp_unwind_view *view, const uintptr_t *pushed, uintptr_t *value)
{
    struct wp_expression run;

    run.reader = wp_unwind_expression_block(object, place);
    run.start = run.reader.at;
    run.view = view;
    run.depth = 0;
    run.failed = false;
    if (pushed != NULL)
        wp_expression_push(&run, *pushed);
    for (uint32_t step = 0; run.reader.at < run.reader.end; step++) {
        if (run.failed || run.reader.failed || step == WP_EXPRESSION_MAX_STEPS)
            return false;
        wp_expression_execute(&run, *run.reader.at++);
    }
    *value = wp_expression_pop(&run);
    return !run.failed && !run.reader.failed;
}
