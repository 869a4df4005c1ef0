/*
 * The walk. For each frame: find the rule of its address, make the frame word, step to the caller.
 *
 * Why it cannot crash the program, whatever the rules, the registers and the stack hold:
 *
 * 1. Memory is read in four places only. (a) The stack, by wp_unwind_view_load and the three loads of
 *    wp_unwind_step_packed: aligned words in [low, high), see 2. (b) Call frame information: within
 *    the segment that holds it, by wp_cfi_reader. (c) ELF headers and link_map of an object that
 *    _dl_find_object just gave. (d) Registers that the kernel saved in a signal frame: checked
 *    against the limits of the stack where they lie when that frame is crossed.
 * 2. low is the frame's stack pointer (less the red zone, for an interrupted frame), and every step
 *    raises it: the walk ends. high is the top of the stack if sp lies in the main thread's stack or
 *    in the calling thread's own, and between a live stack pointer and the top of such a stack all
 *    memory is mapped. So a stale rule, a corrupt stack or a guessed frame pointer gives a wrong
 *    frame there, or ends the walk.
 * 3. On any other stack (alternate signal stack, coroutine) the top is not known and high is
 *    WP_UNWIND_MAX_FRAME_BYTES above sp. There only call frame information is followed, no frame
 *    pointer is guessed: what a true rule names is mapped. A rule is never a mixture of two
 *    (unwind_rule.h), and it is true for the code that was mapped at its address in the generation it
 *    is marked with. It is stale only if code was unmapped and other code mapped in its place within
 *    one generation: not if wp_unwind_forget() is called before and after each dlclose, but for code
 *    that runs on such a stack between another thread's unmapping and that thread's call.
 * 4. (b) and (c) read an object that may be unmapped at the same time only if the address is not a
 *    live one: code on the stack of a running thread is not unmapped by a correct program. A guessed
 *    frame can yield a dead address that lies by chance in an object that is just being closed.
 *    _dl_find_object then mostly no longer knows it; what remains is the time between the two.
 */
#include "core/unwind.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>

#include "core/module.h"
#include "core/module_image.h"
#include "core/region_format.h"
#include "core/unwind_arch.h"
#include "core/unwind_cfi.h"
#include "core/unwind_expression.h"
#include "core/unwind_rule.h"

/* Since glibc 2.35; without it there are frame pointers only. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* This library as mapped: [__ehdr_start, _end). Made by the linker. */
extern const char wp_unwind_image_start[] __asm__("__ehdr_start")
    __attribute__((visibility("hidden")));
extern const char wp_unwind_image_end[] __asm__("_end") __attribute__((visibility("hidden")));

/* No frame is larger, on a stack of which we know no limits. */
#define WP_UNWIND_MAX_FRAME_BYTES ((uintptr_t)1 << 20)
/* Nothing that is code lies lower (vm.mmap_min_addr). */
#define WP_UNWIND_LOWEST_CODE 65536u
/* Frames of ours that a walk may leave out, so that it is bounded even between stacks. */
#define WP_UNWIND_SPARE_TURNS 64u

/* Written once, in the constructor. */
static uintptr_t wp_unwind_main_low;
static uintptr_t wp_unwind_main_top;
static uintptr_t wp_unwind_own_bytes; /* 0: nothing is left out */

struct wp_unwind_cursor {
    struct wp_unwind_view view;
    bool exact;
    bool known_stack; /* view.high is the top of a stack that is mapped up to there */
};

enum wp_unwind_outcome { WP_UNWIND_STEPPED, WP_UNWIND_END, WP_UNWIND_STUCK };

/* --- Limits ---------------------------------------------------------------------------------- */

/* A test program that holds this code is an executable: there nothing is ours to be left out. */
static bool
wp_unwind_is_in_library(void)
{
    struct wp_module_image image;

    if (!wp_module_image_open(&image, (uintptr_t)wp_unwind_image_start,
                              (uintptr_t)wp_unwind_image_end, 0))
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
        wp_unwind_own_bytes = (uintptr_t)(wp_unwind_image_end - wp_unwind_image_start);
}

void
wp_unwind_forget(void)
{
    wp_module_forget();
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
        (sp >= low && sp < high) ||
        (wp_unwind_arch_thread_stack(&low, &high) && sp >= low && sp < high);
    cursor->view.high = high;
    wp_unwind_raise_low(cursor);
    if (cursor->exact)
        cursor->view.low -= WP_UNWIND_RED_ZONE_BYTES;
    if (cursor->known_stack && cursor->view.low < low)
        cursor->view.low = low;
}

/* --- Rules ----------------------------------------------------------------------------------- */

/* Memory of a lookup: first what _dl_find_object says, then, in the same place, what is read with it.
 * All of this stands on the program's stack. */
union wp_unwind_lookup {
    struct dl_find_object found;
    struct {
        const struct link_map *map;
        struct wp_cfi_entry entry; /* first the object alone: the module's mapping */
        struct wp_cfi_row row;
    };
};

/* The object that holds an address. False: none. Its header is 0 if it has no unwind tables. */
static inline bool
wp_unwind_find_object(uintptr_t address, union wp_unwind_lookup *lookup)
{
    struct wp_cfi_object object;
    const struct link_map *map;

    if (_dl_find_object == NULL || _dl_find_object((void *)address, &lookup->found) != 0)
        return false;
    object.header = (uintptr_t)lookup->found.dlfo_eh_frame;
    object.start = (uintptr_t)lookup->found.dlfo_map_start;
    object.end = (uintptr_t)lookup->found.dlfo_map_end;
    map = lookup->found.dlfo_link_map;
    lookup->entry.object = object;
    lookup->map = map;
    return true;
}

/* Bounds the object by the segment that holds its tables; false: it has none. Without program headers
 * where they should be, the module's whole mapping must do. */
static __attribute__((noinline)) bool
wp_unwind_bound_object(union wp_unwind_lookup *lookup)
{
    struct wp_cfi_object *object = &lookup->entry.object;
    struct wp_module_image image;
    const ElfW(Phdr) * segment;

    if (object->header == 0 || object->header < object->start || object->header >= object->end)
        return false;
    if (!wp_module_image_open(&image, object->start, object->end, lookup->map->l_addr))
        return true;
    segment = wp_module_image_segment(&image, PF_R, object->header);
    if (segment == NULL)
        return false;
    object->start = segment->p_vaddr + image.bias;
    object->end = object->start + segment->p_memsz;
    return true;
}

/*
 * The row for an address in the object. A return address that no call can have left, because nothing
 * is before it and a function begins right there, was planted as the bottom of a stack made by hand
 * (makecontext): the frame has no caller.
 */
static inline bool
wp_unwind_read_row(union wp_unwind_lookup *lookup, uintptr_t address)
{
    enum wp_cfi_result result;

    if (!wp_unwind_bound_object(lookup))
        return false;
    result = wp_cfi_find(&lookup->entry, address);
    if (result == WP_CFI_MISSING && wp_cfi_find(&lookup->entry, address + 1) == WP_CFI_FOUND &&
        lookup->entry.begin == address + 1) {
        lookup->row = (struct wp_cfi_row){
            .cfa = {.kind = WP_CFI_REGISTER_PLUS, .reg = WP_UNWIND_DWARF_SP},
            .ra = {.kind = WP_CFI_UNDEFINED},
        };
        return true;
    }
    return result == WP_CFI_FOUND && wp_cfi_evaluate(&lookup->entry, address, &lookup->row);
}

/* The rule that is not in the table. */
static __attribute__((noinline)) uint64_t
wp_unwind_learn(uintptr_t address, uint32_t generation)
{
    union wp_unwind_lookup lookup;
    uint64_t rule = wp_rule_make_special(WP_RULE_NONE);
    uint16_t handle;

    /* Outside of any object: not kept, for we should not learn when it changes. */
    if (!wp_unwind_find_object(address, &lookup))
        return rule;
    handle = wp_module_handle(lookup.map, lookup.entry.object.start, lookup.entry.object.end,
                              generation);
    if (wp_unwind_read_row(&lookup, address))
        rule = lookup.entry.is_signal ? wp_rule_make_special(WP_RULE_COMPLEX)
                                      : wp_rule_pack(&lookup.entry.object, &lookup.row);
    rule = wp_rule_with_handle(rule, handle);
    wp_rule_keep(address, generation, rule);
    return rule;
}

/* --- Steps ----------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) enum wp_unwind_outcome
wp_unwind_step_packed(struct wp_unwind_cursor *cursor, uint64_t rule)
{
    struct wp_unwind_view *view = &cursor->view;
    uintptr_t cfa = wp_rule_cfa(rule) == WP_RULE_CFA_SP ? view->sp : view->fp;
    uintptr_t fp = view->fp, pc;

    if (wp_rule_ra(rule) == WP_RULE_RA_END)
        return WP_UNWIND_END;
    cfa += (uintptr_t)WP_RULE_OFFSET(rule, CFA);
    if (wp_rule_cfa(rule) == WP_RULE_CFA_AT_FP && !wp_unwind_view_load(view, cfa, &cfa))
        return WP_UNWIND_STUCK;
    if (cfa <= view->sp || cfa > view->high)
        return WP_UNWIND_STUCK;
    if (!wp_unwind_view_load(view, cfa + (uintptr_t)WP_RULE_OFFSET(rule, RA), &pc))
        return WP_UNWIND_STUCK;
    if (wp_rule_fp(rule) != WP_RULE_FP_SAME) {
        uintptr_t place = wp_rule_fp(rule) == WP_RULE_FP_AT_CFA ? cfa : fp;

        if (wp_rule_fp(rule) == WP_RULE_FP_UNDEFINED)
            fp = 0;
        else if (!wp_unwind_view_load(view, place + (uintptr_t)WP_RULE_OFFSET(rule, FP), &fp))
            return WP_UNWIND_STUCK;
    }
    view->pc = pc;
    view->fp = fp;
    view->sp = cfa;
    cursor->exact = false;
    wp_unwind_raise_low(cursor);
    return WP_UNWIND_STEPPED;
}

/* What a register held in the caller's frame, if its rule gives a value. */
static bool
wp_unwind_recover(const struct wp_cfi_object *object, const struct wp_cfi_rule *rule,
                  const struct wp_unwind_view *view, uintptr_t cfa, uintptr_t *value)
{
    uintptr_t place = cfa + (uintptr_t)(intptr_t)rule->value;

    switch (rule->kind) {
    case WP_CFI_AT_CFA:
        return wp_unwind_view_load(view, place, value);
    case WP_CFI_CFA_PLUS:
        *value = place;
        return true;
    case WP_CFI_REGISTER_PLUS:
        return wp_unwind_view_register(view, rule->reg, value);
    case WP_CFI_AT_EXPRESSION:
        return wp_unwind_expression(object, rule->value, view, &cfa, &place) &&
               wp_unwind_view_load(view, place, value);
    case WP_CFI_EXPRESSION:
        return wp_unwind_expression(object, rule->value, view, &cfa, value);
    default:
        return false;
    }
}

static bool
wp_unwind_compute_cfa(const struct wp_cfi_object *object, const struct wp_cfi_rule *rule,
                      const struct wp_unwind_view *view, uintptr_t *cfa)
{
    if (rule->kind == WP_CFI_EXPRESSION)
        return wp_unwind_expression(object, rule->value, view, NULL, cfa);
    if (!wp_unwind_view_register(view, rule->reg, cfa))
        return false;
    *cfa += (uintptr_t)(intptr_t)rule->value;
    return true;
}

/* Whether the registers that the kernel saved above a signal trampoline's stack pointer are there. */
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

    if (!is_signal && (sp <= view->sp || sp > view->high))
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
    uintptr_t address = view->pc - !cursor->exact;
    uintptr_t cfa, sp, pc, fp = view->fp;
    union wp_unwind_lookup lookup;
    const struct wp_cfi_object *object = &lookup.entry.object;
    const struct wp_cfi_row *row = &lookup.row;

    if (!wp_unwind_find_object(address, &lookup) || !wp_unwind_read_row(&lookup, address))
        return WP_UNWIND_STUCK;
    if (row->ra.kind == WP_CFI_UNDEFINED)
        return WP_UNWIND_END;
    if (!wp_unwind_compute_cfa(object, &row->cfa, view, &cfa) ||
        !wp_unwind_recover(object, &row->ra, view, cfa, &pc))
        return WP_UNWIND_STUCK;
    if (row->fp.kind == WP_CFI_UNDEFINED)
        fp = 0;
    else if (row->fp.kind != WP_CFI_UNSPECIFIED && row->fp.kind != WP_CFI_SAME &&
             !wp_unwind_recover(object, &row->fp, view, cfa, &fp))
        return WP_UNWIND_STUCK;
    sp = cfa;
    if (row->sp.kind != WP_CFI_UNSPECIFIED &&
        !wp_unwind_recover(object, &row->sp, view, cfa, &sp))
        return WP_UNWIND_STUCK;
    return wp_unwind_arrive(cursor, pc, sp, fp, lookup.entry.is_signal);
}

/* Whether a return address that a frame pointer led to may be one: in an executable segment, or in
 * no object at all (code made at run time), but not on the stack. */
static __attribute__((noinline)) bool
wp_unwind_is_code(const struct wp_unwind_view *view, uintptr_t pc)
{
    union wp_unwind_lookup lookup;
    struct wp_module_image image;

    if (pc < WP_UNWIND_LOWEST_CODE || pc >= WP_UNWIND_ADDRESS_END ||
        (pc >= view->low && pc < view->high))
        return false;
    if (!wp_unwind_find_object(pc - 1, &lookup))
        return true;
    return !wp_module_image_open(&image, lookup.entry.object.start, lookup.entry.object.end,
                                 lookup.map->l_addr) ||
           wp_module_image_segment(&image, PF_X, pc - 1) != NULL;
}

/* By frame pointer: the caller's is where it points to, the return address above it. */
static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_step_frame_pointer(struct wp_unwind_cursor *cursor)
{
    const struct wp_unwind_view *view = &cursor->view;
    uintptr_t frame = view->fp, fp, pc;

    if (!cursor->known_stack || frame < view->sp || !wp_unwind_view_load(view, frame, &fp) ||
        !wp_unwind_view_load(view, frame + sizeof(uintptr_t), &pc))
        return WP_UNWIND_STUCK;
    if (!wp_unwind_is_code(view, pc))
        return WP_UNWIND_STUCK;
    return wp_unwind_arrive(cursor, pc, frame + 2 * sizeof(uintptr_t), fp, false);
}

/* --- The walk -------------------------------------------------------------------------------- */

/* The word behind the last frame is always free: see struct wp_unwind_stack. */
static void
wp_unwind_add_special(struct wp_unwind_stack *stack, enum wp_special_frame special)
{
    stack->frames[stack->depth++] =
        (uint64_t)WP_FRAME_SPECIAL << WP_FRAME_MODULE_SHIFT | (uint64_t)special;
}

static void
wp_unwind_fail(struct wp_unwind_stack *stack)
{
    stack->failed = 1;
    wp_unwind_add_special(stack, WP_SPECIAL_UNWIND_FAILED);
}

/* Adds the frame; false: it does not fit. */
static inline bool
wp_unwind_add_frame(struct wp_unwind_stack *stack, uint64_t rule, uintptr_t pc, bool exact)
{
    if (pc - (uintptr_t)wp_unwind_image_start < wp_unwind_own_bytes)
        return true;
    if (stack->depth == stack->capacity)
        return false;
    stack->frames[stack->depth++] =
        wp_module_frame(wp_rule_handle(rule), pc) | (exact ? WP_FRAME_EXACT : 0);
    return true;
}

static enum wp_unwind_outcome
wp_unwind_truncate(struct wp_unwind_stack *stack)
{
    stack->truncated = 1;
    wp_unwind_add_special(stack, WP_SPECIAL_TRUNCATED);
    return WP_UNWIND_END;
}

/*
 * Frames whose rules are in the table, until one is not. The cursor lives in registers here, and what
 * is called for the others does not stand on this function's stack.
 */
static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_run(struct wp_unwind_cursor *in_memory, struct wp_unwind_stack *stack, uint32_t generation)
{
    struct wp_unwind_cursor cursor = *in_memory;
    enum wp_unwind_outcome outcome = WP_UNWIND_STEPPED;

    while (outcome == WP_UNWIND_STEPPED) {
        uintptr_t pc = cursor.view.pc;
        uint64_t rule;

        if (pc == 0 || pc >= WP_UNWIND_ADDRESS_END)
            return pc == 0 ? WP_UNWIND_END : WP_UNWIND_STUCK;
        rule = wp_rule_find(pc - !cursor.exact, generation);
        if (rule == 0 || wp_rule_cfa(rule) == WP_RULE_CFA_SPECIAL)
            break;
        if (!wp_unwind_add_frame(stack, rule, pc, cursor.exact))
            return wp_unwind_truncate(stack);
        outcome = wp_unwind_step_packed(&cursor, rule);
    }
    *in_memory = cursor;
    return outcome;
}

/*
 * One frame whose rule was not in the table, or could not be packed. Code without tables has a frame
 * pointer, or is lost. Code whose tables we cannot follow has none, in all likelihood: there the
 * register belongs to a caller, and a guess would leave out frames.
 */
static __attribute__((noinline)) enum wp_unwind_outcome
wp_unwind_step_slow(struct wp_unwind_cursor *cursor, struct wp_unwind_stack *stack, uint64_t rule)
{
    enum wp_unwind_outcome outcome;

    if (!wp_unwind_add_frame(stack, rule, cursor->view.pc, cursor->exact))
        return wp_unwind_truncate(stack);
    if (wp_rule_cfa(rule) != WP_RULE_CFA_SPECIAL)
        return wp_unwind_step_packed(cursor, rule);
    if (wp_rule_special(rule) == WP_RULE_COMPLEX) {
        stack->rule_misses++;
        return wp_unwind_step_complex(cursor);
    }
    outcome = wp_unwind_step_frame_pointer(cursor);
    stack->by_frame_pointer += outcome == WP_UNWIND_STEPPED;
    return outcome;
}

/* The rule for the cursor's frame, from the table or from the module. */
static __attribute__((noinline)) uint64_t
wp_unwind_rule(const struct wp_unwind_cursor *cursor, struct wp_unwind_stack *stack,
               uint32_t generation)
{
    uintptr_t address = cursor->view.pc - !cursor->exact;
    uint64_t rule = wp_rule_find(address, generation);

    if (rule != 0)
        return rule;
    stack->rule_misses++;
    return wp_unwind_learn(address, generation);
}

void
wp_unwind_walk(const struct wp_unwind_registers *from, struct wp_unwind_stack *stack)
{
    struct wp_unwind_cursor cursor = {
        .view = {.pc = from->pc, .sp = from->sp, .fp = from->fp},
        .exact = from->exact != 0,
    };
    uint32_t generation = wp_module_generation();
    enum wp_unwind_outcome outcome;

    stack->depth = 0;
    stack->by_frame_pointer = 0;
    stack->rule_misses = 0;
    stack->truncated = 0;
    stack->failed = 0;
    wp_unwind_enter_stack(&cursor);
    /* Each turn but the last adds a frame, or passes one of ours. */
    for (uint32_t turns = stack->capacity + WP_UNWIND_SPARE_TURNS; turns != 0; turns--) {
        outcome = wp_unwind_run(&cursor, stack, generation);
        if (outcome == WP_UNWIND_STEPPED)
            outcome =
                wp_unwind_step_slow(&cursor, stack, wp_unwind_rule(&cursor, stack, generation));
        if (outcome != WP_UNWIND_STEPPED)
            break;
    }
    if (outcome != WP_UNWIND_END || stack->depth == 0)
        wp_unwind_fail(stack);
}
