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

#define SHOWN_DISAGREEMENTS 10u

struct oracle_tally oracle_tally;

void
oracle_start(void)
{
    extern char **environ;
    struct rlimit limit;

    getrlimit(RLIMIT_STACK, &limit);
    wp_unwind_set_main_stack((uintptr_t)environ,
                             limit.rlim_cur == RLIM_INFINITY ? (uintptr_t)1 << 30 : limit.rlim_cur);
}

static uint32_t
walk_by_libunwind(const ucontext_t *context, uint64_t *addresses)
{
    unw_context_t registers;
    unw_cursor_t cursor;
    uint32_t depth = 0;

    memcpy(&registers, context, sizeof(registers));
    if (unw_init_local2(&cursor, &registers, UNW_INIT_SIGNAL_FRAME) != 0)
        return 0;
    do {
        unw_word_t pc = 0;

        unw_get_reg(&cursor, UNW_REG_IP, &pc);
        if (pc == 0)
            break;
        addresses[depth++] = pc;
    } while (depth < ORACLE_MAX_FRAMES && unw_step(&cursor) > 0);
    return depth;
}

static bool
is_code(uint64_t address)
{
    struct dl_find_object found;

    return _dl_find_object((void *)address, &found) == 0;
}

static void
show(const char *who, const uint64_t *frames, uint32_t depth, uint32_t from)
{
    fprintf(stderr, "  %s:", who);
    for (uint32_t i = from > 2 ? from - 2 : 0; i < depth && i < from + 4; i++) {
        Dl_info info;
        uint64_t address = frames[i] & WP_FRAME_ADDRESS_MASK;

        if (frames[i] >> WP_FRAME_MODULE_SHIFT == WP_FRAME_SPECIAL || !dladdr((void *)address, &info))
            fprintf(stderr, " [%u]%" PRIx64, i, frames[i]);
        else
            fprintf(stderr, " [%u]%s+%" PRIx64 "(%s)", i,
                    strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1 : info.dli_fname,
                    address - (uint64_t)info.dli_fbase, info.dli_sname ? info.dli_sname : "?");
    }
    fprintf(stderr, "\n");
}

static void
report(const uint64_t *ours, uint32_t our_depth, const uint64_t *theirs, uint32_t their_depth,
       uint32_t equal, const char *class)
{
    static uint32_t shown;

    if (shown++ >= SHOWN_DISAGREEMENTS && getenv("ORACLE_VERBOSE") == NULL)
        return;
    fprintf(stderr, "walks differ at frame %u (%s): ours %u deep, libunwind's %u\n", equal, class,
            our_depth, their_depth);
    show("ours", ours, our_depth, equal);
    show("libunwind", theirs, their_depth, equal);
}

void
oracle_compare(const ucontext_t *context)
{
    uint64_t ours[ORACLE_MAX_FRAMES + 1], theirs[ORACLE_MAX_FRAMES];
    struct wp_unwind_stack stack = {.frames = ours, .capacity = ORACLE_MAX_FRAMES};
    struct wp_unwind_registers registers = {
        .pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP],
        .sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP],
        .fp = (uintptr_t)context->uc_mcontext.gregs[REG_RBP],
        .exact = 1,
    };
    uint32_t their_depth = walk_by_libunwind(context, theirs), equal = 0, depth;

    wp_unwind_walk(&registers, &stack);
    depth = stack.depth - stack.failed - stack.truncated;
    while (equal < depth && equal < their_depth &&
           (ours[equal] & WP_FRAME_ADDRESS_MASK) == theirs[equal])
        equal++;
    oracle_tally.walks++;
    oracle_tally.frames += equal;
    oracle_tally.by_frame_pointer += stack.by_frame_pointer;
    oracle_tally.rule_misses += stack.rule_misses;
    if (equal == depth && equal == their_depth)
        return;
    if (stack.failed && equal == depth) {
        oracle_tally.unsupported++;
        report(ours, stack.depth, theirs, their_depth, equal, "ours failed");
    } else if (equal == their_depth && !stack.failed) {
        oracle_tally.oracle_shorter++;
    } else if (!is_code(theirs[equal])) {
        oracle_tally.oracle_lost++;
    } else if (stack.by_frame_pointer != 0) {
        oracle_tally.oracle_guessed++;
        report(ours, stack.depth, theirs, their_depth, equal, "guessed");
    } else {
        oracle_tally.disagreements++;
        report(ours, stack.depth, theirs, their_depth, equal, "disagreement");
    }
}

void
oracle_compare_here(void)
{
    ucontext_t context;

    getcontext(&context);
    oracle_compare(&context);
}

void
oracle_print(const char *title)
{
    printf("%s: %" PRIu64 " walks, %" PRIu64 " frames equal; %" PRIu64 " disagreements; "
           "libunwind stopped early in %" PRIu64 ", left the code in %" PRIu64
           "; both without rules, guesses differ in %" PRIu64 "; ours failed in %" PRIu64
           "; %" PRIu64 " frames by frame pointer, %" PRIu64 " rules read\n",
           title, oracle_tally.walks, oracle_tally.frames, oracle_tally.disagreements,
           oracle_tally.oracle_shorter, oracle_tally.oracle_lost, oracle_tally.oracle_guessed,
           oracle_tally.unsupported, oracle_tally.by_frame_pointer, oracle_tally.rule_misses);
}
