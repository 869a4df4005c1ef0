#include "unwind/oracle.h"

#include <dlfcn.h>
#include <inttypes.h>
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/region_format.h"
#include "core/unwind.h"
#include "core/unwind_arch.h"
#include "core/unwind_cfi.h"

#define SHOWN_DISAGREEMENTS 10u

struct oracle_tally oracle_tally;

void
oracle_start(void)
{
    extern char **environ;
    struct rlimit limit;

    /* Its cache is keyed by address alone, and so takes the rule of a call for that of an
     * interrupted instruction behind it, which is another after a call that does not return. */
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_NONE);
    getrlimit(RLIMIT_STACK, &limit);
    wp_unwind_set_main_stack((uintptr_t)environ,
                             limit.rlim_cur == RLIM_INFINITY ? (uintptr_t)1 << 30 : limit.rlim_cur);
}

/* What libunwind found. */
struct oracle_walk {
    uint64_t frames[ORACLE_MAX_FRAMES];
    uint32_t depth;
    bool failed; /* it says so itself */
};

static void
walk_by_libunwind(const ucontext_t *context, int flags, struct oracle_walk *walk)
{
    unw_context_t registers;
    unw_cursor_t cursor;
    int step = 0;

    walk->depth = 0;
    walk->failed = true;
    memcpy(&registers, context, sizeof(registers));
    if (unw_init_local2(&cursor, &registers, flags) != 0)
        return;
    do {
        unw_word_t pc = 0;

        unw_get_reg(&cursor, UNW_REG_IP, &pc);
        if (pc == 0)
            break;
        walk->frames[walk->depth++] = pc;
        step = unw_step(&cursor);
    } while (walk->depth < ORACLE_MAX_FRAMES && step > 0);
    walk->failed = step < 0;
}

static bool
is_code(uint64_t address)
{
    struct dl_find_object found;

    return _dl_find_object((void *)address, &found) == 0;
}

static bool
is_other_register(const struct wp_cfi_rule *rule)
{
    return rule->kind == WP_CFI_REGISTER_PLUS && rule->reg != WP_UNWIND_DWARF_SP &&
           rule->reg != WP_UNWIND_DWARF_FP;
}

/* The row of the tables for a frame of ours. */
static bool
find_row(uint64_t frame, struct wp_cfi_row *row)
{
    uint64_t address = (frame & WP_FRAME_ADDRESS_MASK) - ((frame & WP_FRAME_EXACT) == 0);
    struct wp_cfi_entry entry;
    struct dl_find_object found;

    if (_dl_find_object((void *)address, &found) != 0)
        return false;
    entry.object = (struct wp_cfi_object){
        .header = (uintptr_t)found.dlfo_eh_frame,
        .start = (uintptr_t)found.dlfo_map_start,
        .end = (uintptr_t)found.dlfo_map_end,
    };
    return wp_cfi_find(&entry, address) == WP_CFI_FOUND && wp_cfi_evaluate(&entry, address, row);
}

/* Whether the tables say that the frame is measured from another register than sp and fp, or that
 * another holds the return address. */
static bool
needs_other_register(uint64_t frame)
{
    struct wp_cfi_row row;

    return find_row(frame, &row) && (is_other_register(&row.cfa) || is_other_register(&row.ra));
}

static bool
is_outermost(uint64_t frame)
{
    struct wp_cfi_row row;

    return find_row(frame, &row) && row.ra.kind == WP_CFI_UNDEFINED;
}

static void
show(const char *who, const uint64_t *frames, uint32_t depth, uint32_t from)
{
    fprintf(stderr, "  %s:", who);
    for (uint32_t i = from > 2 ? from - 2 : 0; i < depth && i < from + 4; i++) {
        Dl_info info;
        uint64_t address = frames[i] & WP_FRAME_ADDRESS_MASK;

        if (frames[i] >> WP_FRAME_MODULE_SHIFT == WP_FRAME_SPECIAL ||
            !dladdr((void *)address, &info))
            fprintf(stderr, " [%u]%" PRIx64, i, frames[i]);
        else
            fprintf(stderr, " [%u]%s+%" PRIx64 "(%s)", i,
                    strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1
                                                 : info.dli_fname,
                    address - (uint64_t)info.dli_fbase, info.dli_sname ? info.dli_sname : "?");
    }
    fprintf(stderr, "\n");
}

static void
report(const struct wp_unwind_stack *stack, const struct oracle_walk *theirs, uint32_t equal)
{
    static uint32_t shown;

    if (shown++ >= SHOWN_DISAGREEMENTS)
        return;
    fprintf(stderr, "walks differ at frame %u: ours %u deep, libunwind's %u%s\n", equal,
            stack->depth, theirs->depth, theirs->failed ? ", and failed" : "");
    show("ours", stack->frames, stack->depth, equal);
    show("libunwind", theirs->frames, theirs->depth, equal);
}

/* Sorts a difference from frame `equal` on into its class. */
static void
classify(const struct wp_unwind_stack *stack, const struct oracle_walk *theirs, uint32_t equal)
{
    uint32_t depth = stack->depth - stack->failed;

    if (stack->failed && equal > 0 && equal == depth && equal == theirs->depth &&
        (theirs->failed || !is_outermost(stack->frames[equal - 1]))) {
        oracle_tally.both_failed++;
    } else if (stack->failed && equal == depth && equal > 0 &&
               needs_other_register(stack->frames[equal - 1])) {
        oracle_tally.other_register++;
    } else if (equal == depth && equal < theirs->depth && !is_code(theirs->frames[equal])) {
        oracle_tally.oracle_lost++;
    } else {
        oracle_tally.disagreements++;
        report(stack, theirs, equal);
    }
}

static void
compare(const struct wp_unwind_registers *registers, const struct oracle_walk *theirs)
{
    uint64_t ours[ORACLE_MAX_FRAMES + 1];
    struct wp_unwind_stack stack = {.frames = ours, .capacity = ORACLE_MAX_FRAMES};
    uint32_t equal = 0;

    wp_unwind_walk(registers, &stack);
    while (equal < stack.depth && equal < theirs->depth &&
           (ours[equal] & ~WP_FRAME_EXACT) == theirs->frames[equal])
        equal++;
    oracle_tally.walks++;
    oracle_tally.frames += equal;
    oracle_tally.by_frame_pointer += stack.by_frame_pointer;
    oracle_tally.rule_misses += stack.rule_misses;
    if (equal != stack.depth || equal != theirs->depth)
        classify(&stack, theirs, equal);
}

void
oracle_compare(const ucontext_t *context)
{
    struct oracle_walk theirs;
    struct wp_unwind_registers registers = {
        .pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP],
        .sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP],
        .fp = (uintptr_t)context->uc_mcontext.gregs[REG_RBP],
        .exact = 1,
    };

    walk_by_libunwind(context, UNW_INIT_SIGNAL_FRAME, &theirs);
    compare(&registers, &theirs);
}

void
oracle_compare_here(void)
{
    struct oracle_walk theirs;
    struct wp_unwind_registers registers = WP_UNWIND_CALLER_REGISTERS();
    ucontext_t context;

    getcontext(&context);
    walk_by_libunwind(&context, 0, &theirs);
    /* The first is this function, whose caller ours begins with. */
    theirs.depth -= theirs.depth != 0;
    memmove(theirs.frames, theirs.frames + 1, theirs.depth * sizeof(theirs.frames[0]));
    compare(&registers, &theirs);
}

bool
oracle_report(const char *title)
{
    printf("%s: %" PRIu64 " walks, %" PRIu64 " frames equal, %" PRIu64
           " disagreements; ended at a frame measured from another register: %" PRIu64
           "; libunwind left the code: %" PRIu64 "; both failed: %" PRIu64 "; %" PRIu64
           " frames by frame pointer, %" PRIu64 " rules read\n",
           title, oracle_tally.walks, oracle_tally.frames, oracle_tally.disagreements,
           oracle_tally.other_register, oracle_tally.oracle_lost, oracle_tally.both_failed,
           oracle_tally.by_frame_pointer, oracle_tally.rule_misses);
    return oracle_tally.disagreements == 0 && oracle_tally.frames > 0;
}
