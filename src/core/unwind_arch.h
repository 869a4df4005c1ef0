/*
 * What the walk must know of the processor and of libc's thread layout on it. One implementation a
 * processor: unwind_x86_64.c. All functions may run in signal handlers and leave errno alone.
 */
#ifndef WP_CORE_UNWIND_ARCH_H
#define WP_CORE_UNWIND_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DWARF numbers of the registers that the walk follows, and how many a signal context holds. */
#if defined(__x86_64__)
#define WP_UNWIND_DWARF_FP 6u  /* rbp */
#define WP_UNWIND_DWARF_SP 7u  /* rsp */
#define WP_UNWIND_DWARF_RA 16u /* the return address column, as in the psABI */
#define WP_UNWIND_DWARF_REGISTERS 17u
/* Bytes below the stack pointer that a leaf function may use. */
#define WP_UNWIND_RED_ZONE_BYTES 128u
#else
#error "waitprof: no stack walk for this processor: write unwind_<processor>.c and its numbers here"
#endif

/* Code of user space lies below; a frame word has 47 bits for an address. */
#define WP_UNWIND_ADDRESS_END (UINT64_C(1) << 47)

/*
 * The calling thread's own stack, [*low, *high), as libc mapped or was given it: readable memory
 * from any live stack pointer in it up to *high. False for the main thread, and where libc's layout
 * is not the expected one.
 */
bool wp_unwind_arch_thread_stack(uintptr_t *low, uintptr_t *high);

/* Where the kernel saved a register (DWARF number), in bytes from the stack pointer of a signal
 * frame's return trampoline; -1 if it does not save it. */
int wp_unwind_arch_signal_offset(uint32_t dwarf_register);

#endif
