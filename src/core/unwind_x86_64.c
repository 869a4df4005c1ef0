#include "core/unwind_arch.h"

#include <ucontext.h>

#include "core/atomic.h"

/*
 * glibc keeps a thread's stack limits in its thread descriptor, to which the thread pointer points:
 * three words in a row, start of the block, its size, size of the guard at its low end. Where in
 * the descriptor is no interface, pthread_getattr_np locks, allocates and calls the system, and we
 * must make no thread to look at. So the place is found by what must hold of the three words, and
 * each use checks them again: the block ends just behind the descriptor that lies at its top,
 * begins below it, and the guard is a part of it. For a main thread the words are 0 and nothing is
 * found.
 */
#define WP_UNWIND_DESCRIPTOR_FIRST_WORD                                                            \
    16u                                 /* behind the part that the psABI and libc's headers fix */
#define WP_UNWIND_DESCRIPTOR_WORDS 256u /* less than sizeof(struct pthread) since glibc 2.35 */
/* The descriptor's own size and what alignment leaves: the end of the block is this near. */
#define WP_UNWIND_DESCRIPTOR_MAX_BYTES 65536u
#define WP_UNWIND_LOWEST_STACK 65536u
#define WP_UNWIND_LARGEST_STACK (UINT64_C(1) << 40)

static uint32_t
    wp_unwind_stack_word; /* [atomic] index of the first of the three; 0: not found yet */

static bool
wp_unwind_is_block(const uintptr_t *words, uintptr_t descriptor)
{
    uintptr_t start = words[0];
    uintptr_t bytes = words[1];
    uintptr_t guard_bytes = words[2];

    return start >= WP_UNWIND_LOWEST_STACK && start < descriptor &&
           bytes < WP_UNWIND_LARGEST_STACK && start + bytes > descriptor &&
           start + bytes - descriptor <= WP_UNWIND_DESCRIPTOR_MAX_BYTES && guard_bytes < bytes;
}

bool
wp_unwind_arch_thread_stack(uintptr_t *low, uintptr_t *high)
{
    const uintptr_t *descriptor;
    uint32_t word = wp_atomic_load_32(&wp_unwind_stack_word);

    /* The first word of the descriptor is its own address, by the psABI. */
    __asm__("movq %%fs:0, %0" : "=r"(descriptor));
    if (word == 0) {
        word = WP_UNWIND_DESCRIPTOR_FIRST_WORD;
        while (!wp_unwind_is_block(descriptor + word, (uintptr_t)descriptor)) {
            if (++word + 2 >= WP_UNWIND_DESCRIPTOR_WORDS)
                return false;
        }
        wp_atomic_store_32(&wp_unwind_stack_word, word);
    }
    descriptor += word;
    if (!wp_unwind_is_block(descriptor, (uintptr_t)(descriptor - word)))
        return false;
    *low = descriptor[0] + descriptor[2];
    *high = (uintptr_t)(descriptor - word);
    return true;
}

int
wp_unwind_arch_signal_offset(uint32_t dwarf_register)
{
    /* In the order of DWARF numbers, psABI figure 3.36. */
    static const int8_t saved_index[WP_UNWIND_DWARF_REGISTERS] = {
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
        REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
    };

    if (dwarf_register >= WP_UNWIND_DWARF_REGISTERS)
        return -1;
    /* The trampoline runs with the stack pointer at the ucontext. */
    return (int)(offsetof(ucontext_t, uc_mcontext.gregs) +
                 (size_t)saved_index[dwarf_register] * sizeof(greg_t));
}
