/*
 * The stack walk: from a register set to frames, without a lock, a system call or an allocation.
 *
 * A bounded table, shared by all threads, maps a return address to the rule that leads to the
 * caller's frame. It is filled on a miss from the module's own .eh_frame_hdr, found with
 * _dl_find_object (glibc >= 2.35, lock-free). Safe in signal handlers and after fork. See unwind.c
 * for the argument why a stale or torn rule cannot crash the program, and docs/unwinding.md.
 */
#ifndef WP_CORE_UNWIND_H
#define WP_CORE_UNWIND_H

#include <stddef.h>
#include <stdint.h>

#include "core/unwind_arch.h"

/* The registers of a frame: where it runs, its stack pointer and its frame pointer. */
struct wp_unwind_registers {
    uintptr_t pc; /* a return address, unless exact */
    uintptr_t sp; /* the stack pointer at pc (for a return address: after the return) */
    uintptr_t fp; /* rbp (x86_64), x29 (aarch64) */
    int exact;    /* 1: pc is the instruction itself, not the one after a call */
};

struct wp_unwind_stack {
    uint64_t *frames;  /* [out] WP_FRAME_* words (region_format.h), innermost first */
    uint32_t capacity; /* program frames that fit; one more word is reserved for a special frame */
    uint32_t depth;    /* [out] frames written, the special frame included */
    uint32_t by_frame_pointer; /* [out] frames for which the rules failed and the fp chain served */
    uint32_t rule_misses;      /* [out] rules read from .eh_frame during this walk */
    uint8_t truncated;         /* [out] ends in [truncated] */
    uint8_t failed;            /* [out] ends in [unwind failed] */
};

/*
 * Limits of the main thread's stack, for the bounds of every walk on it. `top` is an address that
 * no frame reaches (argv); `bytes` the soft RLIMIT_STACK. Once, in the constructor; before it,
 * walks in the main thread trust the rules alone.
 */
void wp_unwind_set_main_stack(uintptr_t top, uintptr_t bytes);

/*
 * The frame of the function that expands this, for wp_unwind_caller: needs -fno-omit-frame-pointer.
 * On x86_64 the record of frame pointer and return address is all there is to know. On aarch64 it
 * may lie anywhere in the frame: bits 63..48 have the distance to the frame's end, in 16 bytes.
 */
#if defined(__aarch64__)
#if defined(__clang__)
#define WP_UNWIND_FRAME_END() __builtin_sponentry()
#else
#define WP_UNWIND_FRAME_END() __builtin_dwarf_cfa()
#endif
#define WP_UNWIND_FRAME()                                                                          \
    ((const void *)((uintptr_t)__builtin_frame_address(0) |                                        \
                    ((uintptr_t)WP_UNWIND_FRAME_END() - (uintptr_t)__builtin_frame_address(0))     \
                        << 44))
#else
#define WP_UNWIND_FRAME() ((const void *)__builtin_frame_address(0))
#endif

/* Registers of the caller of the function whose frame this is, once that function has returned. */
static inline struct wp_unwind_registers
wp_unwind_caller(const void *frame)
{
#if defined(__aarch64__)
    uintptr_t end_bytes = (uintptr_t)frame >> 48 << 4;
    const uintptr_t *record = (const uintptr_t *)((uintptr_t)frame & (WP_UNWIND_ADDRESS_END - 1));
#else
    uintptr_t end_bytes = 2 * sizeof(uintptr_t);
    const uintptr_t *record = (const uintptr_t *)frame;
#endif

    return (struct wp_unwind_registers){
        .pc = wp_unwind_return_address(record[1]),
        .sp = (uintptr_t)record + end_bytes,
        .fp = record[0],
    };
}

/* Registers of the caller of the function that expands this. */
#define WP_UNWIND_CALLER_REGISTERS() wp_unwind_caller(WP_UNWIND_FRAME())

/*
 * Walks from `from` outwards, the frame of from->pc included, leaving out frames of our own library
 * wherever they are. Never fails: what cannot be walked ends in a special frame. errno unchanged.
 * Uses at most 600 bytes of stack. Any thread, signal handlers included.
 */
void wp_unwind_walk(const struct wp_unwind_registers *from, struct wp_unwind_stack *stack);

/*
 * Forgets all rules: code may have been unmapped (dlclose), and its addresses may serve anew.
 * Lock-free; walks in progress may still use old rules, which costs a wrong frame, never a crash.
 */
void wp_unwind_forget(void);

#endif
