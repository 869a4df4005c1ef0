#include "core/unwind_thread.h"

#include "core/atomic.h"
#include "core/unwind_arch.h"

/*
 * glibc keeps a thread's stack limits in its thread descriptor: three words in a row, start of the
 * block, its size, size of the guard at its low end. Where in the descriptor is no interface,
 * pthread_getattr_np locks, allocates and calls the system, and we must make no thread to look at.
 * So the place is found by what must hold of the three words, and each use checks them again: the
 * block begins below the descriptor, which lies near its top, ends behind it, and the guard is a
 * part of it. For a main thread the words are 0 and nothing is found.
 */
#define WP_UNWIND_DESCRIPTOR_FIRST_WORD                                                            \
    16u /* behind the part that the ABI and libc's headers fix */
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
wp_unwind_thread_stack(uintptr_t *low, uintptr_t *high)
{
    const uintptr_t *descriptor;
    uint32_t count = wp_unwind_arch_descriptor(&descriptor);
    uint32_t word = wp_atomic_load_32(&wp_unwind_stack_word);

    if (word == 0) {
        word = WP_UNWIND_DESCRIPTOR_FIRST_WORD;
        while (word + 2 < count && !wp_unwind_is_block(descriptor + word, (uintptr_t)descriptor))
            word++;
        if (word + 2 >= count)
            return false;
        wp_atomic_store_32(&wp_unwind_stack_word, word);
    }
    descriptor += word;
    if (!wp_unwind_is_block(descriptor, (uintptr_t)(descriptor - word)))
        return false;
    *low = descriptor[0] + descriptor[2];
    *high = (uintptr_t)(descriptor - word);
    return true;
}
