/*
 * DWARF expressions as call frame information uses them (DWARF 5, section 2.5), over the registers
 * that a walk knows and the readable part of the stack. Bounded in steps and memory; no system
 * call, no allocation; signal handlers.
 */
#ifndef WP_CORE_UNWIND_EXPRESSION_H
#define WP_CORE_UNWIND_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/unwind_cfi_reader.h"

/* A frame as an expression sees it. */
struct wp_unwind_view {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t fp;
    /* Stack that may be read: [low, high). */
    uintptr_t low;
    uintptr_t high;
    /* Stack pointer of the signal trampoline above which all registers of this frame were saved by
     * the kernel; 0: only pc, sp and fp are known. */
    uintptr_t saved_registers;
};

/* The value of a register (DWARF number). False: not known. */
bool wp_unwind_view_register(const struct wp_unwind_view *view, uint64_t reg, uintptr_t *value);

/* The word at an address of the stack. False: out of bounds or not aligned. */
static inline __attribute__((no_sanitize("address", "thread"))) bool
wp_unwind_view_load(const struct wp_unwind_view *view, uintptr_t address, uintptr_t *value)
{
    if (address % sizeof(uintptr_t) != 0 || address < view->low || address > view->high ||
        view->high - address < sizeof(uintptr_t))
        return false;
    *value = *(const volatile uintptr_t *)address;
    return true;
}

/*
 * Evaluates the block (ULEB128 length, operations) at object->header + place. `pushed` points to
 * the value that is on the stack at the start (the CFA, for a register's rule), or is NULL. `load`:
 * the result is the word that the expression's value points to.
 */
bool wp_unwind_expression(const struct wp_cfi_object *object, int32_t place,
                          const struct wp_unwind_view *view, const uintptr_t *pushed, bool load,
                          uintptr_t *value);

/* Reads the block's length and leaves the reader with the block alone. */
struct wp_cfi_reader wp_unwind_expression_block(const struct wp_cfi_object *object, int32_t place);

/* The operations that unwind_rule.c recognizes. */
enum {
    WP_OP_DEREF = 0x06,
    WP_OP_BREG0 = 0x70,
};

#endif
