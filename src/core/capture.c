#include "core/capture.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/atomic.h"
#include "core/process.h"
#include "core/region.h"
#include "core/stack_table.h"
#include "core/thread.h"

/*
 * Frames do not fit on the program's stack (a thread may have 8 KiB), so they go to one of these
 * while a walk is under way: some hundred nanoseconds. Not one per thread: a thousand threads wait
 * at once, but few walk at once. The memory is touched only as far as it is used.
 */
#define WP_CAPTURE_BUFFERS 64u

static uint64_t wp_capture_frames[WP_CAPTURE_BUFFERS][WP_REGION_MAX_DEPTH + 1];

/* Which buffers are taken. Zero in a forked child: the threads that held them are not there. */
static union wp_capture_page {
    uint64_t taken; /* bit per buffer */
    char page[WP_PROCESS_PAGE_BYTES];
} wp_capture_state __attribute__((aligned(WP_PROCESS_PAGE_BYTES)));

/* A handler that interrupted a capture may itself be refused so many times; a thread that is
 * refused more often in a row has a stale mark. */
#define WP_CAPTURE_REFUSALS 16u

static uint32_t wp_capture_depth = WP_REGION_DEFAULT_DEPTH;

void
wp_capture_init(uint32_t depth)
{
    wp_capture_depth = depth;
    (void)wp_process_wipe_on_fork(&wp_capture_state, sizeof(wp_capture_state));
}

/* Takes a free buffer, starting its search at one that this thread is likely to have used before.
 * -1: none was free. Bounded by the number of buffers, whatever other threads do. */
static int
wp_capture_take(uint32_t hint)
{
    for (uint32_t tries = 0; tries < WP_CAPTURE_BUFFERS; tries++) {
        uint32_t buffer = (hint + tries) % WP_CAPTURE_BUFFERS;
        uint64_t taken = wp_atomic_load_64(&wp_capture_state.taken);

        while ((taken & UINT64_C(1) << buffer) == 0) {
            if (wp_atomic_cas_64(&wp_capture_state.taken, taken, taken | UINT64_C(1) << buffer))
                return (int)buffer;
            taken = wp_atomic_load_64(&wp_capture_state.taken);
        }
    }
    return -1;
}

static void
wp_capture_release(int buffer)
{
    uint64_t taken;

    do {
        taken = wp_atomic_load_64(&wp_capture_state.taken);
    } while (!wp_atomic_cas_64(&wp_capture_state.taken, taken, taken & ~(UINT64_C(1) << buffer)));
}

static void
wp_capture_count(const struct wp_unwind_stack *stack)
{
    if (stack->by_frame_pointer != 0)
        wp_region_count(WP_COUNTER_unwind_frame_pointer, stack->by_frame_pointer);
    if (stack->rule_misses != 0)
        wp_region_count(WP_COUNTER_unwind_rule_misses, stack->rule_misses);
    if (stack->truncated)
        wp_region_count(WP_COUNTER_unwind_truncated, 1);
    if (stack->failed)
        wp_region_count(WP_COUNTER_unwind_failed, 1);
}

static uint32_t
wp_capture_into(uint64_t *frames, enum wp_region_profile profile, uint16_t function,
                const struct wp_unwind_registers *caller)
{
    struct wp_unwind_stack stack = {.frames = frames, .capacity = wp_capture_depth};

    wp_unwind_walk(caller, &stack);
    wp_capture_count(&stack);
    return wp_stack_table_intern(profile, function, frames, stack.depth);
}

/*
 * True: this thread is in the middle of a capture, and we are in a signal handler that interrupted
 * it. A mark may also be stale, left by a capture that a handler's siglongjmp cut short; the thread
 * must not stay blind for that. It is taken for stale if it lies below the present stack pointer,
 * or if it has been in the way too often. On an alternate stack both guesses may be wrong; that is
 * safe, since captures share nothing but their buffer: at worst one stack is recorded with
 * another's frames.
 */
static bool
wp_capture_is_nested(struct wp_thread *thread, uintptr_t sp)
{
    if (thread->recording == 0)
        return false;
    if (sp < thread->recording && thread->refused++ < WP_CAPTURE_REFUSALS)
        return true;
    if (thread->buffer >= 0)
        wp_capture_release(thread->buffer);
    return false;
}

uint32_t
wp_capture_stack(enum wp_region_profile profile, uint16_t function,
                 const struct wp_unwind_registers *caller)
{
    struct wp_thread *thread = wp_thread_self();
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

    if (wp_capture_is_nested(thread, sp)) {
        wp_region_count(WP_COUNTER_lost_reentrant, 1);
        return wp_stack_table_lost(profile, WP_SPECIAL_LOST_REENTRANT);
    }

    int buffer = wp_capture_take((uint32_t)((uintptr_t)thread >> 12));
    uint32_t unit;

    thread->refused = 0;
    thread->buffer = buffer;
    thread->recording = sp;
    if (buffer >= 0) {
        unit = wp_capture_into(wp_capture_frames[buffer], profile, function, caller);
        wp_capture_release(buffer);
    } else {
        wp_region_count(WP_COUNTER_lost_buffers, 1);
        unit = wp_stack_table_lost(profile, WP_SPECIAL_LOST_BUFFERS);
    }
    thread->recording = 0;
    return unit;
}
