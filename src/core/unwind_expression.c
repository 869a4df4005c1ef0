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

/* Compilers and glibc need 3. */
#define WP_EXPRESSION_DEPTH 5u
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

static inline __attribute__((always_inline)) bool
wp_expression_register(const struct wp_unwind_view *view, uint64_t reg, uintptr_t *value)
{
    int offset;

    switch (reg) {
    case WP_UNWIND_DWARF_PC:
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

bool
wp_unwind_view_register(const struct wp_unwind_view *view, uint64_t reg, uintptr_t *value)
{
    return wp_expression_register(view, reg, value);
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

    if (!wp_expression_register(run->view, reg, &value))
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

static uint64_t
wp_expression_divide(struct wp_expression *run, int64_t left, int64_t right)
{
    if (right != 0 && (left != INT64_MIN || right != -1))
        return (uint64_t)(left / right);
    run->failed = true;
    return 0;
}

static uint64_t
wp_expression_modulo(struct wp_expression *run, uint64_t left, uint64_t right)
{
    if (right != 0)
        return left % right;
    run->failed = true;
    return 0;
}

/* Comparisons are of signed numbers. */
static uint64_t
wp_expression_compare(struct wp_expression *run, uint8_t operation, int64_t left, int64_t right)
{
    switch (operation) {
    case WP_OP_EQ:
        return left == right;
    case WP_OP_GE:
        return left >= right;
    case WP_OP_GT:
        return left > right;
    case WP_OP_LE:
        return left <= right;
    case WP_OP_LT:
        return left < right;
    case WP_OP_NE:
        return left != right;
    default:
        run->failed = true;
        return 0;
    }
}

/* An operation on the two topmost entries. */
static uint64_t
wp_expression_combine(struct wp_expression *run, uint8_t operation, uint64_t left, uint64_t right)
{
    switch (operation) {
    case WP_OP_AND:
        return left & right;
    case WP_OP_DIV:
        return wp_expression_divide(run, (int64_t)left, (int64_t)right);
    case WP_OP_MINUS:
        return left - right;
    case WP_OP_MOD:
        return wp_expression_modulo(run, left, right);
    case WP_OP_MUL:
        return left * right;
    case WP_OP_OR:
        return left | right;
    case WP_OP_PLUS:
        return left + right;
    case WP_OP_SHL:
        return right < 64 ? left << right : 0;
    case WP_OP_SHR:
        return right < 64 ? left >> right : 0;
    case WP_OP_SHRA:
        return (uint64_t)((int64_t)left >> (right < 64 ? right : 63));
    case WP_OP_XOR:
        return left ^ right;
    default:
        return wp_expression_compare(run, operation, (int64_t)left, (int64_t)right);
    }
}

/* Swap, rotate, and all that combines two entries: `top` has been popped. */
static void
wp_expression_two(struct wp_expression *run, uint8_t operation, uint64_t top)
{
    uint64_t second = wp_expression_pop(run), third;

    switch (operation) {
    case WP_OP_SWAP:
        wp_expression_push(run, top);
        wp_expression_push(run, second);
        break;
    case WP_OP_ROT:
        third = wp_expression_pop(run);
        wp_expression_push(run, top);
        wp_expression_push(run, third);
        wp_expression_push(run, second);
        break;
    default:
        wp_expression_push(run, wp_expression_combine(run, operation, second, top));
        break;
    }
}

/* Operations that pop the topmost entry. */
static void
wp_expression_stack(struct wp_expression *run, uint8_t operation)
{
    uint64_t top = wp_expression_pop(run);
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
    default:
        wp_expression_two(run, operation, top);
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
                     const struct wp_unwind_view *view, const uintptr_t *pushed, bool load,
                     uintptr_t *value)
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
    if (run.failed || run.reader.failed)
        return false;
    return !load || wp_unwind_view_load(view, *value, value);
}
