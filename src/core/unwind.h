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
 * Registers of the caller of the function that expands this, once that function has returned:
 * needs -fno-omit-frame-pointer.
 */
#define WP_UNWIND_CALLER_REGISTERS()                                                               \
    ((struct wp_unwind_registers){                                                                 \
        .pc = (uintptr_t)__builtin_return_address(0),                                              \
        .sp = (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(uintptr_t),                       \
        .fp = *(uintptr_t *)__builtin_frame_address(0),                                            \
    })

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
