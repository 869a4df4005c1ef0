/*
 * What the walk must know of the processor and of libc's thread layout on it. One implementation a
 * processor: unwind_x86_64.c, unwind_aarch64.c. All functions may run in signal handlers and leave
 * errno alone.
 */
#ifndef WP_CORE_UNWIND_ARCH_H
#define WP_CORE_UNWIND_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wp_unwind_registers;
struct wp_unwind_view;

#if defined(__x86_64__)

/* DWARF numbers of the registers that the walk follows, and how many a signal context holds. PC is
 * what a rule means that asks for the frame's own address. */
#define WP_UNWIND_DWARF_FP 6u  /* rbp */
#define WP_UNWIND_DWARF_SP 7u  /* rsp */
#define WP_UNWIND_DWARF_RA 16u /* the return address column, as in the psABI */
#define WP_UNWIND_DWARF_PC WP_UNWIND_DWARF_RA
#define WP_UNWIND_DWARF_REGISTERS 17u
/* Bytes below the stack pointer that a leaf function may use. */
#define WP_UNWIND_RED_ZONE_BYTES 128u
/* Code of user space lies below. */
#define WP_UNWIND_ADDRESS_END (UINT64_C(1) << 47)
/* What lies between the start of a thread's descriptor and the end of its stack's block: the
 * descriptor, and what alignment leaves. */
#define WP_UNWIND_DESCRIPTOR_MAX_BYTES 65536u
/* A caller's stack pointer is just above the record that its callee's frame pointer points to. */
#define WP_UNWIND_RECORD_ENDS_FRAME true

#elif defined(__aarch64__)

#define WP_UNWIND_DWARF_FP 29u /* x29 */
#define WP_UNWIND_DWARF_SP 31u
#define WP_UNWIND_DWARF_RA 30u /* x30: a leaf function keeps it there */
#define WP_UNWIND_DWARF_PC 33u /* the exception link register */
#define WP_UNWIND_DWARF_REGISTERS 32u
#define WP_UNWIND_RED_ZONE_BYTES 0u
#define WP_UNWIND_ADDRESS_END (UINT64_C(1) << 48)
/* The program's thread-local data, whatever their size, lie behind the descriptor. */
#define WP_UNWIND_DESCRIPTOR_MAX_BYTES (UINT64_C(1) << 26)
#define WP_UNWIND_DESCRIPTOR_LARGEST 16384u
/* The record is the lowest part of what a function saves: how far it is to the end of the frame,
 * only tables tell. */
#define WP_UNWIND_RECORD_ENDS_FRAME false

#else
#error "waitprof: no stack walk for this processor: write unwind_<processor>.c and its numbers here"
#endif

/* The address in a word that a function saved to return by. Functions may sign it (pointer
 * authentication), in the bits that no address of user space has. */
static inline uintptr_t
wp_unwind_return_address(uintptr_t word)
{
#if defined(__aarch64__)
    if (__builtin_expect(word >= WP_UNWIND_ADDRESS_END, 0)) {
        /* xpaclri, which does nothing on processors that cannot sign */
        register uintptr_t link __asm__("x30") = word;

        __asm__("hint #7" : "+r"(link));
        word = link;
    }
#endif
    return word;
}

/* The calling thread's descriptor in libc: its words, and how many may be read; 0: not as expected.
 */
uint32_t wp_unwind_arch_descriptor(const uintptr_t **words);

/* Where the kernel saved a register (DWARF number), in bytes from the stack pointer of a signal
 * frame's return trampoline; -1 if it does not save it. */
int wp_unwind_arch_signal_offset(uint32_t dwarf_register);

/* Whether a frame without tables is a signal trampoline's; *interrupted is then the frame that the
 * signal interrupted. */
bool wp_unwind_arch_interrupted(const struct wp_unwind_view *view,
                                struct wp_unwind_registers *interrupted);

#endif
