/*
 * The stack of the calling thread, as libc knows it.
 */
#ifndef WP_CORE_UNWIND_THREAD_H
#define WP_CORE_UNWIND_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * [*low, *high), as libc mapped or was given it: readable memory from any live stack pointer in it
 * up to *high. False for the main thread, and where libc's layout is not the expected one. Signal
 * handlers; errno unchanged.
 */
bool wp_unwind_thread_stack(uintptr_t *low, uintptr_t *high);

#endif
