/*
 * The walk. For each frame: find the rule of its address, make the frame word, step to the caller.
 *
 * Why it cannot crash the program, whatever the rules, the registers and the stack hold:
 *
 * 1. Memory is read in four places only. (a) The stack, by wp_unwind_view_load and the three loads
 *    of wp_unwind_step_packed: aligned words in [low, high), see 2. (b) Call frame information:
 *    within the segment that holds it, by wp_cfi_reader. (c) ELF headers and link_map of an object
 *    that _dl_find_object just gave. (d) Registers that the kernel saved in a signal frame: checked
 *    against the limits of the stack where they lie when that frame is crossed.
 * 2. low is the frame's stack pointer (less the red zone, for an interrupted frame), and every step
 *    raises it: the walk ends. high is the top of the stack if sp lies in the main thread's stack
 *    or in the calling thread's own, and between a live stack pointer and the top of such a stack
 *    all memory is mapped. So a stale rule, a corrupt stack or a guessed frame pointer gives a
 *    wrong frame there, or ends the walk.
 * 3. On any other stack (alternate signal stack, coroutine) the top is not known and high is
 *    WP_UNWIND_MAX_FRAME_BYTES above sp. There only call frame information is followed, no frame
 *    pointer is guessed: what a true rule names is mapped. A rule is never a mixture of two
 *    (unwind_rule.h), and it is true for the code that was mapped at its address in the generation
 *    it is marked with. It is stale only if code was unmapped and other code mapped in its place
 *    within one generation: not if wp_unwind_forget() is called before and after each dlclose, but
 *    for code that runs on such a stack between another thread's unmapping and that thread's call.
 * 4. (b) and (c) read an object that may be unmapped at the same time only if the address is not a
 *    live one: code on the stack of a running thread is not unmapped by a correct program. A
 *    guessed frame can yield a dead address that lies by chance in an object that is just being
 *    closed. _dl_find_object then mostly no longer knows it; what remains is the time between the
 *    two.
 */
#include "core/unwind.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>

#include "core/module.h"
#include "core/module_image.h"
#include "core/own_image.h"
#include "core/region_format.h"
#include "core/unwind_arch.h"
#include "core/unwind_expression.h"
#include "core/unwind_lookup.h"
#include "core/unwind_rule.h"
#include "core/unwind_thread.h"

/* No frame is larger, on a stack of which we know no limits. */
#define WP_UNWIND_MAX_FRAME_BYTES ((uintptr_t)1 << 20)
/* Turns without a new frame, so that a walk is bounded even if it goes to and fro
 * between stacks. */
#define WP_UNWIND_SPARE_TURNS 64u

/* Written once, in the constructor. */
static uintptr_t wp_unwind_main_low;
static uintptr_t wp_unwind_main_top;
static uintptr_t wp_unwind_own_bytes; /* 0: nothing is left out */

/* A walk in progress. Holds all that the parts of a walk tell each other, so that wp_unwind_walk
 * calls one after the other and none stands on another's stack. */
struct wp_unwind_cursor {
    struct wp_unwind_view view;
    struct wp_unwind_stack *stack;
    uint64_t rule; /* of this frame; 0: not known yet */
    uint32_t generation;
    uint16_t handle;
    bool exact;
    bool known_stack; /* view.high is the top of a stack that is mapped up to there */
    bool sp_is_low;   /* view.sp is too low, and only frame pointers can be followed */
};

/* What the table of rules knows the frame by (unwind_rule.h). */
static inline uintptr_t
wp_unwind_key(const struct wp_unwind_cursor *cursor)
{
    return cursor->view.pc + cursor->exact;
}

/* The instruction that the frame is at: a return address belongs to the call before it. */
static inline uintptr_t
wp_unwind_address(const struct wp_unwind_cursor *cursor)
{
    return wp_unwind_key(cursor) - 1;
}

enum wp_unwind_outcome {
    WP_UNWIND_STEPPED, /* another frame is to be looked at */
    WP_UNWIND_END,     /* this was the outermost */
    WP_UNWIND_STUCK,   /* it was not, but its caller cannot be found */
    WP_UNWIND_FULL,    /* it does not fit */
};

/* --- Limits ---------------------------------------------------------------------------------- */

/* A test program that holds this code is an executable: there nothing is ours to be left out. */
static bool
wp_unwind_is_in_library(void)
{
    struct wp_module_image image;

    if (!wp_module_image_open(&image, (uintptr_t)wp_own_image_start, (uintptr_t)wp_own_image_end,
                              0))
        return false;
    for (uint32_t i = 0; i < image.count; i++) {
        if (image.headers[i].p_type == PT_INTERP)
            return false;
    }
    return true;
}

void
wp_unwind_set_main_stack(uintptr_t top, uintptr_t bytes)
{
    wp_unwind_main_top = top & ~(sizeof(uintptr_t) - 1);
    wp_unwind_main_low = bytes < top ? top - bytes : 0;
    if (wp_unwind_is_in_library())
        wp_unwind_own_bytes = (uintptr_t)(wp_own_image_end - wp_own_image_start);
}

void
wp_unwind_forget(void)
{
    if (wp_module_forget() % WP_RULE_GENERATIONS == 0)
        wp_rule_sweep();
}

static inline void
wp_unwind_raise_low(struct wp_unwind_cursor *cursor)
{
    cursor->view.low = cursor->view.sp;
    if (!cursor->known_stack)
        cursor->view.high =
            (cursor->view.sp + WP_UNWIND_MAX_FRAME_BYTES) & ~(sizeof(uintptr_t) - 1);
}

/* The limits of the stack that sp lies in: at the start, and behind a signal frame. */
static __attribute__((noinline)) void
wp_unwind_enter_stack(struct wp_unwind_cursor *cursor)
{
    uintptr_t sp = cursor->view.sp;
    uintptr_t low = wp_unwind_main_low, high = wp_unwind_main_top;

    cursor->known_stack =
        (sp >= low && sp < high) || (wp_unwind_thread_stack(&low, &high) && sp >= low && sp < high);
    cursor->view.high = high;
    wp_unwind_raise_low(cursor);
    if (cursor->exact)
        cursor->view.low -= WP_UNWIND_RED_ZONE_BYTES;
    if (cursor->known_stack && cursor->view.low < low)
        cursor->view.low = low;
}

/* --- Rules ----------------------------------------------------------------------------------- */

/* The rule from the table, or the handle of the module in which to look for it. That is looked up
 * once more by wp_unwind_learn: it may need more stack than the two could share. */
static __attribute__((noinline)) void
wp_unwind_look_up(struct wp_unwind_cursor *cursor)
{
    uintptr_t address = wp_unwind_address(cursor);
    struct wp_unwind_mapping mapping;

    cursor->handle = 0;
    cursor->rule = wp_rule_find(wp_unwind_key(cursor), cursor->generation);
    if (cursor->rule == 0 && wp_unwind_find_mapping(address, &mapping))
        cursor->handle = wp_module_handle(mapping.map, mapping.object.start, mapping.object.end,
                                          cursor->generation);
}

/* The rule that is not in the table. */
static __attribute__((noinline)) void
wp_unwind_learn(struct wp_unwind_cursor *cursor)
{
    uintptr_t address = wp_unwind_address(cursor);
    struct wp_unwind_lookup lookup;

    cursor->stack->rule_misses++;
    cursor->rule = wp_rule_make_special(WP_RULE_NONE);
    /* Outside of any object: not kept, for we should not learn when it changes. */
    if (!wp_unwind_find_mapping(address, &lookup.mapping))
        return;
    if (wp_unwind_read_row(&lookup, address))
        cursor->rule = lookup.entry.is_signal ? wp_rule_make_special(WP_RULE_COMPLEX)
                                              : wp_rule_pack(&lookup.entry.object, &lookup.row);
    cursor->rule = wp_rule_with_handle(cursor->rule, cursor->handle);
    wp_rule_keep(wp_unwind_key(cursor), cursor->generation, cursor->rule);
}

/* --- Steps ----------------------------------------------------------------------------------- */

/* False: the rule does not lead to a frame within the limits. */
static inline __attribute__((always_inline)) bool
wp_unwind_step_packed(struct wp_unwind_cursor *cursor, uint64_t rule)
{
    struct wp_unwind_view *view = &cursor->view;
    uintptr_t cfa = view->sp, fp = view->fp, pc, place;

    if (wp_rule_cfa(rule) != WP_RULE_CFA_SP)
        cfa = fp;
    cfa += (uintptr_t)WP_RULE_OFFSET(rule, CFA);
    if (__builtin_expect(wp_rule_cfa(rule) == WP_RULE_CFA_AT_FP, 0) &&
        !wp_unwind_view_load(view, cfa, &cfa))
        return false;
    if (cfa <= view->sp || cfa > view->high ||
        !wp_unwind_view_load(view, cfa + (uintptr_t)WP_RULE_OFFSET(rule, RA), &pc))
        return false;
    if (wp_rule_fp(rule) == WP_RULE_FP_AT_CFA) {
        place = cfa + (uintptr_t)WP_RULE_OFFSET(rule, FP);
        if (!wp_unwind_view_load(view, place, &fp))
            return false;
    } else if (__builtin_expect(wp_rule_fp(rule) == WP_RULE_FP_AT_FP, 0)) {
        place = fp + (uintptr_t)WP_RULE_OFFSET(rule, FP);
        if (!wp_unwind_view_load(view, place, &fp))
            return false;
    } else if (__builtin_expect(wp_rule_fp(rule) == WP_RULE_FP_UNDEFINED, 0)) {
        fp = 0;
    }
    view->pc = wp_unwind_return_address(pc);
    view->fp = fp;
    view->sp = cfa;
    wp_unwind_raise_low(cursor);
    return true;
}

/* What a register held in the caller's frame, if its rule gives a value. */
static bool
wp_unwind_recover(const struct wp_cfi_object *object, const struct wp_cfi_rule *rule,
                  const struct wp_unwind_view *view, const uintptr_t *cfa, uintptr_t *value)
{
    uintptr_t place = *cfa + (uintptr_t)(intptr_t)rule->value;

    switch (rule->kind) {
    case WP_CFI_AT_CFA:
        return wp_unwind_view_load(view, place, value);
    case WP_CFI_CFA_PLUS:
        *value = place;
        return true;
    case WP_CFI_REGISTER_PLUS:
        return wp_unwind_view_register(view, rule->reg, value);
    case WP_CFI_AT_EXPRESSION:
        return wp_unwind_expression(object, rule->value, view, cfa, true, value);
    case WP_CFI_EXPRESSION:
        return wp_unwind_expression(object, rule->value, view, cfa, false, value);
    default:
        return false;
    }
}

/* The return address. Not every processor's calls put it on the stack: a frame that was interrupted
 * may still have it in its register. */
static bool
wp_unwind_recover_ra(const struct wp_cfi_object *object, const struct wp_cfi_rule *rule,
                     const struct wp_unwind_view *view, const uintptr_t *cfa, uintptr_t *pc)
{
    bool found;

    if (WP_UNWIND_DWARF_RA != WP_UNWIND_DWARF_PC &&
        (rule->kind == WP_CFI_UNSPECIFIED || rule->kind == WP_CFI_SAME))
        found = wp_unwind_view_register(view, WP_UNWIND_DWARF_RA, pc);
    else
        found = wp_unwind_recover(object, rule, view, cfa, pc);
    if (found)
        *pc = wp_unwind_return_address(*pc);
    return found;
}

static bool
wp_unwind_compute_cfa(const struct wp_cfi_object *object, const struct wp_cfi_rule *rule,
                      const struct wp_unwind_view *view, uintptr_t *cfa)
{
    if (rule->kind == WP_CFI_EXPRESSION)
        return wp_unwind_expression(object, rule->value, view, NULL, false, cfa);
    if (!wp_unwind_view_register(view, rule->reg, cfa))
        return false;
    *cfa += (uintptr_t)(intptr_t)rule->value;
    return true;
}

/* Whether the registers that the kernel saved above a signal trampoline's stack pointer
 * are there. */
static bool
wp_unwind_has_saved_registers(const struct wp_unwind_view *view)
{
    uintptr_t word;

    for (uint32_t reg = 0; reg < WP_UNWIND_DWARF_REGISTERS; reg++) {
        int offset = wp_unwind_arch_signal_offset(reg);

        if (offset >= 0 && !wp_unwind_view_load(view, view->sp + (uintptr_t)offset, &word))
            return false;
    }
    return true;
}

/* Moves the cursor to the caller that was found. */
static enum wp_unwind_outcome
wp_unwind_arrive(struct wp_unwind_cursor *cursor, uintptr_t pc, uintptr_t sp, uintptr_t fp,
                 bool is_signal)
{
    struct wp_unwind_view *view = &cursor->view;

    /* An interrupted frame may be no larger than nothing: its return address in a register. */
    if (!is_signal && (sp < view->sp || (sp == view->sp && !cursor->exact) || sp > view->high))
        return WP_UNWIND_STUCK;
    view->saved_registers = is_signal && wp_unwind_has_saved_registers(view) ? view->sp : 0;
    view->pc = pc;
    view->sp = sp;
    view->fp = fp;
    cursor->exact = is_signal;
    if (is_signal)
        wp_unwind_enter_stack(cursor);
    else
        wp_unwind_raise_low(cursor);
    return WP_UNWIND_STEPPED;
}

static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_step_complex(struct wp_unwind_cursor *cursor)
{
    const struct wp_unwind_view *view = &cursor->view;
    uintptr_t address = wp_unwind_address(cursor);
    uintptr_t cfa, sp, pc, fp = view->fp;
    struct wp_unwind_lookup lookup;
    const struct wp_cfi_object *object = &lookup.entry.object;
    const struct wp_cfi_row *row = &lookup.row;

    cursor->stack->rule_misses++;
    if (!wp_unwind_find_mapping(address, &lookup.mapping) || !wp_unwind_read_row(&lookup, address))
        return WP_UNWIND_STUCK;
    if (row->ra.kind == WP_CFI_UNDEFINED)
        return WP_UNWIND_END;
    if (!wp_unwind_compute_cfa(object, &row->cfa, view, &cfa) ||
        !wp_unwind_recover_ra(object, &row->ra, view, &cfa, &pc))
        return WP_UNWIND_STUCK;
    if (row->fp.kind == WP_CFI_UNDEFINED)
        fp = 0;
    else if (row->fp.kind != WP_CFI_UNSPECIFIED && row->fp.kind != WP_CFI_SAME &&
             !wp_unwind_recover(object, &row->fp, view, &cfa, &fp))
        return WP_UNWIND_STUCK;
    sp = cfa;
    if (row->sp.kind != WP_CFI_UNSPECIFIED && !wp_unwind_recover(object, &row->sp, view, &cfa, &sp))
        return WP_UNWIND_STUCK;
    return wp_unwind_arrive(cursor, pc, sp, fp, lookup.entry.is_signal);
}

/* By frame pointer: the caller's is where it points to, the return address above it. */
static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_step_frame_pointer(struct wp_unwind_cursor *cursor)
{
    const struct wp_unwind_view *view = &cursor->view;
    uintptr_t frame = view->fp, fp, pc;

    if (frame == 0 && cursor->sp_is_low)
        return WP_UNWIND_END;
    if (!cursor->known_stack || frame < view->sp || !wp_unwind_view_load(view, frame, &fp) ||
        !wp_unwind_view_load(view, frame + sizeof(uintptr_t), &pc))
        return WP_UNWIND_STUCK;
    pc = wp_unwind_return_address(pc);
    if ((pc >= view->low && pc < view->high) || !wp_unwind_is_code(pc))
        return WP_UNWIND_STUCK;
    cursor->stack->by_frame_pointer++;
    cursor->sp_is_low = !WP_UNWIND_RECORD_ENDS_FRAME;
    return wp_unwind_arrive(cursor, pc, frame + 2 * sizeof(uintptr_t), fp, false);
}

/* A frame without tables: a signal trampoline's, or of code that keeps a frame pointer. */
static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_step_untold(struct wp_unwind_cursor *cursor)
{
    struct wp_unwind_registers interrupted;

    if (!cursor->sp_is_low && wp_unwind_arch_interrupted(&cursor->view, &interrupted))
        return wp_unwind_arrive(cursor, interrupted.pc, interrupted.sp, interrupted.fp, true);
    return wp_unwind_step_frame_pointer(cursor);
}

/* --- The walk -------------------------------------------------------------------------------- */

/* The word behind the last frame is always free: see struct wp_unwind_stack. */
static void
wp_unwind_add_special(struct wp_unwind_stack *stack, enum wp_special_frame special)
{
    stack->frames[stack->depth++] =
        (uint64_t)WP_FRAME_SPECIAL << WP_FRAME_MODULE_SHIFT | (uint64_t)special;
}

/* Adds the frame; false: it does not fit. */
static inline bool
wp_unwind_add_frame(struct wp_unwind_stack *stack, uint64_t rule, uintptr_t pc, bool exact)
{
    if (pc - (uintptr_t)wp_own_image_start < wp_unwind_own_bytes)
        return true;
    if (stack->depth == stack->capacity)
        return false;
    stack->frames[stack->depth++] =
        wp_module_frame(wp_rule_handle(rule), pc) | (exact ? WP_FRAME_EXACT : 0);
    return true;
}

/*
 * Frames whose rules are in the table, until one is not. This is the warm walk: everything that it
 * changes lives in registers. Only the first frame can be an interrupted one.
 */
static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_run(struct wp_unwind_cursor *in_memory)
{
    struct wp_unwind_cursor cursor = *in_memory;
    uint64_t exact = cursor.exact ? WP_FRAME_EXACT : 0;
    uintptr_t key = wp_unwind_key(&cursor);
    uint64_t *frame = cursor.stack->frames + cursor.stack->depth;
    uint64_t *end = cursor.stack->frames + cursor.stack->capacity;
    enum wp_unwind_outcome outcome = cursor.view.pc == 0 ? WP_UNWIND_END : WP_UNWIND_STEPPED;

    while (outcome == WP_UNWIND_STEPPED) {
        uint64_t rule;

        if (__builtin_expect(key - 1 >= WP_UNWIND_ADDRESS_END - 1, 0)) {
            outcome = cursor.view.pc == 0 ? WP_UNWIND_END : WP_UNWIND_STUCK;
            break;
        }
        rule = wp_rule_find(key, cursor.generation);
        if (rule == 0 || wp_rule_cfa(rule) == WP_RULE_CFA_SPECIAL)
            break;
        if (cursor.view.pc - (uintptr_t)wp_own_image_start >= wp_unwind_own_bytes) {
            if (__builtin_expect(frame == end, 0)) {
                outcome = WP_UNWIND_FULL;
                break;
            }
            *frame++ = wp_module_frame(wp_rule_handle(rule), cursor.view.pc) | exact;
        }
        if (__builtin_expect(wp_rule_ra(rule) == WP_RULE_RA_END, 0))
            outcome = WP_UNWIND_END;
        else if (__builtin_expect(!wp_unwind_step_packed(&cursor, rule), 0))
            outcome = WP_UNWIND_STUCK;
        key = cursor.view.pc;
        exact = 0;
        cursor.exact = false;
    }
    cursor.stack->depth = (uint32_t)(frame - cursor.stack->frames);
    /* They were those of the interrupted frame alone. */
    if (cursor.view.sp != in_memory->view.sp)
        cursor.view.saved_registers = 0;
    *in_memory = cursor;
    return outcome;
}

/*
 * The next frames: all whose rules are in the table; then a rule that is not, to be used in the
 * next turn; or one frame whose rule cannot be packed. Code without tables has a frame pointer, or
 * is lost. Code whose tables we cannot follow has none, in all likelihood: there the register
 * belongs to a caller, and a guess would leave out frames.
 */
static inline enum wp_unwind_outcome
wp_unwind_advance(struct wp_unwind_cursor *cursor)
{
    enum wp_unwind_outcome outcome = WP_UNWIND_STEPPED;

    if (!cursor->sp_is_low)
        outcome = wp_unwind_run(cursor);
    if (outcome != WP_UNWIND_STEPPED)
        return outcome;
    wp_unwind_look_up(cursor);
    if (cursor->rule == 0)
        wp_unwind_learn(cursor);
    if (wp_rule_cfa(cursor->rule) != WP_RULE_CFA_SPECIAL && !cursor->sp_is_low)
        return WP_UNWIND_STEPPED;
    if (!wp_unwind_add_frame(cursor->stack, cursor->rule, cursor->view.pc, cursor->exact))
        return WP_UNWIND_FULL;
    if (wp_rule_special(cursor->rule) == WP_RULE_COMPLEX && !cursor->sp_is_low)
        return wp_unwind_step_complex(cursor);
    return wp_unwind_step_untold(cursor);
}

void
wp_unwind_walk(const struct wp_unwind_registers *from, struct wp_unwind_stack *stack)
{
    struct wp_unwind_cursor cursor = {
        .view = {.pc = from->pc, .sp = from->sp, .fp = from->fp},
        .stack = stack,
        .generation = wp_module_generation(),
        .exact = from->exact != 0,
    };
    uint32_t turns = 2 * stack->capacity + WP_UNWIND_SPARE_TURNS;
    enum wp_unwind_outcome outcome;

    stack->depth = 0;
    stack->by_frame_pointer = 0;
    stack->rule_misses = 0;
    stack->truncated = 0;
    stack->failed = 0;
    wp_unwind_enter_stack(&cursor);
    /* Each turn but the last adds a frame, learns a rule for one, or passes one of ours. */
    do {
        outcome = wp_unwind_advance(&cursor);
    } while (outcome == WP_UNWIND_STEPPED && --turns != 0);
    if (outcome == WP_UNWIND_FULL) {
        stack->truncated = 1;
        wp_unwind_add_special(stack, WP_SPECIAL_TRUNCATED);
    } else if (outcome != WP_UNWIND_END || stack->depth == 0) {
        stack->failed = 1;
        wp_unwind_add_special(stack, WP_SPECIAL_UNWIND_FAILED);
    }
}
