/*
 * Rules: how to get from a frame to its caller's, packed into one word, in a table that all threads
 * share.
 *
 * The table maps the return address of a frame (of an interrupted frame: the address behind its
 * instruction's first byte) to a rule. It has WP_RULE_SETS sets of WP_RULE_WAYS entries; a set is
 * one cache line.
 *
 * Entry. Two words, `low` = stamp and `high` = rule:
 *
 *     stamp:  bits 63..28 address >> 12
 *             bits 27..12 generation, low 16 bits
 *             bits 11..0  version: counts the writes to this entry
 *     rule:   see WP_RULE_* below
 *
 * The set is bits 11..0 of the address, each flipped if the bit 12 above it is set: so equal stamps
 * in one set mean equal addresses, and code that lies alike in many pages does not meet in few
 * sets.
 *
 * Protocol. A writer replaces both words at once by a 16-byte compare-and-swap, whose expected
 * value it read before, with the version increased; if another was faster it gives up: a rule that
 * is not kept costs time, nothing else. A reader loads the stamp (acquire), the rule (acquire), and
 * the stamp again. A rule from another writer than the first stamp's can only be seen if the entry
 * was written between the first two loads, and then the third load sees another version (it comes
 * later in program order than the load that saw the newer write, and both words change at one
 * instant), and the reader takes it as a miss. It would be fooled only by a multiple of 4096 writes
 * to this one entry between two of its loads, the last of them for the same address again. No
 * reader waits, no writer waits, and a process that is forked in the middle of a write inherits
 * either the old entry or the new one.
 *
 * Generations. wp_module_forget() ends one: stamps of before no longer match, and their entries are
 * overwritten first. Before the 16 bits come round again wp_rule_sweep() empties the table.
 */
#ifndef WP_CORE_UNWIND_RULE_H
#define WP_CORE_UNWIND_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomic.h"
#include "core/unwind_cfi.h"

#define WP_RULE_SET_BITS 12
#define WP_RULE_SETS (1u << WP_RULE_SET_BITS)
#define WP_RULE_WAYS 4u

/*
 * A rule, from bit 0:
 *     2  enum wp_rule_cfa
 *     2  enum wp_rule_fp
 *     2  enum wp_rule_ra
 *     1  set: never 0
 *    12  frame pointer offset, 11 return address offset: signed, in 8-byte units
 *    10  handle of the module (module.h)
 *     6  0
 *    18  CFA offset, likewise: on top, because a walk waits for it first
 */
enum wp_rule_cfa {
    WP_RULE_CFA_SP,     /* sp + offset */
    WP_RULE_CFA_FP,     /* fp + offset */
    WP_RULE_CFA_AT_FP,  /* the word at fp + offset: a function that aligns its stack */
    WP_RULE_CFA_SPECIAL /* enum wp_rule_special, in the place of the frame pointer's two bits */
};

enum wp_rule_fp {
    WP_RULE_FP_SAME,
    WP_RULE_FP_AT_CFA, /* saved at CFA + offset */
    WP_RULE_FP_AT_FP,  /* saved at fp + offset */
    WP_RULE_FP_UNDEFINED,
};

enum wp_rule_ra {
    WP_RULE_RA_AT_CFA,
    WP_RULE_RA_END, /* undefined: the outermost frame */
};

/* Code whose rule cannot be packed. */
enum wp_rule_special {
    WP_RULE_NONE,    /* no call frame information */
    WP_RULE_COMPLEX, /* to be read and evaluated at each use */
};

#define WP_RULE_FP_SHIFT 2
#define WP_RULE_RA_SHIFT 4
#define WP_RULE_SET_BIT (UINT64_C(1) << 6)
#define WP_RULE_FP_OFFSET_SHIFT 7
#define WP_RULE_FP_OFFSET_BITS 12
#define WP_RULE_RA_OFFSET_SHIFT 19
#define WP_RULE_RA_OFFSET_BITS 11
#define WP_RULE_HANDLE_SHIFT 30
#define WP_RULE_HANDLE_MASK 1023u
#define WP_RULE_CFA_OFFSET_SHIFT 46
#define WP_RULE_CFA_OFFSET_BITS 18

#define WP_RULE_UNIT 8

/* The field as a signed number of bytes. */
#define WP_RULE_OFFSET(rule, name)                                                                 \
    (((int64_t)((rule) << (64 - WP_RULE_##name##_OFFSET_SHIFT - WP_RULE_##name##_OFFSET_BITS)) >>  \
      (64 - WP_RULE_##name##_OFFSET_BITS)) *                                                       \
     WP_RULE_UNIT)

static inline uint16_t
wp_rule_handle(uint64_t rule)
{
    return (uint16_t)(rule >> WP_RULE_HANDLE_SHIFT & WP_RULE_HANDLE_MASK);
}

static inline enum wp_rule_cfa
wp_rule_cfa(uint64_t rule)
{
    return (enum wp_rule_cfa)(rule & 3);
}

static inline enum wp_rule_fp
wp_rule_fp(uint64_t rule)
{
    return (enum wp_rule_fp)(rule >> WP_RULE_FP_SHIFT & 3);
}

static inline enum wp_rule_ra
wp_rule_ra(uint64_t rule)
{
    return (enum wp_rule_ra)(rule >> WP_RULE_RA_SHIFT & 3);
}

/* Valid if the CFA is special. */
static inline enum wp_rule_special
wp_rule_special(uint64_t rule)
{
    return (enum wp_rule_special)(rule >> WP_RULE_FP_SHIFT & 3);
}

uint64_t wp_rule_make_special(enum wp_rule_special special);

/*
 * The rule for a row; special if it cannot be packed. The object is that of the row: short
 * expressions, which compilers emit for functions that align their stack, have a form of their own.
 */
uint64_t wp_rule_pack(const struct wp_cfi_object *object, const struct wp_cfi_row *row);

/* With the module's handle. */
static inline uint64_t
wp_rule_with_handle(uint64_t rule, uint16_t handle)
{
    return rule | (uint64_t)handle << WP_RULE_HANDLE_SHIFT;
}

#define WP_RULE_STAMP_ADDRESS_SHIFT 28
#define WP_RULE_STAMP_GENERATION_SHIFT 12
#define WP_RULE_STAMP_VERSION_MASK ((UINT64_C(1) << WP_RULE_STAMP_GENERATION_SHIFT) - 1)
#define WP_RULE_GENERATIONS 65536u

extern struct wp_atomic_pair wp_rule_table[WP_RULE_SETS][WP_RULE_WAYS]
    __attribute__((visibility("hidden")));

static inline struct wp_atomic_pair *
wp_rule_set(uintptr_t address)
{
    return wp_rule_table[(address ^ address >> WP_RULE_SET_BITS) % WP_RULE_SETS];
}

/* Without the version. */
static inline uint64_t
wp_rule_stamp(uintptr_t address, uint32_t generation)
{
    return (uint64_t)address >> 12 << WP_RULE_STAMP_ADDRESS_SHIFT |
           (uint64_t)(generation % WP_RULE_GENERATIONS) << WP_RULE_STAMP_GENERATION_SHIFT;
}

/* The rule for an address up to WP_UNWIND_ADDRESS_END, or 0. */
static inline uint64_t
wp_rule_find(uintptr_t address, uint32_t generation)
{
    const struct wp_atomic_pair *set = wp_rule_set(address);
    uint64_t wanted = wp_rule_stamp(address, generation);

    for (uint32_t way = 0; way < WP_RULE_WAYS; way++) {
        uint64_t stamp = wp_atomic_load_64_acquire(&set[way].low);
        uint64_t rule;

        if ((stamp & ~WP_RULE_STAMP_VERSION_MASK) != wanted)
            continue;
        rule = wp_atomic_load_64_acquire(&set[way].high);
        /* Both loads above come before this one. */
        if (wp_atomic_load_64(&set[way].low) == stamp)
            return rule;
    }
    return 0;
}

/* Keeps a rule, in the place of another if the set is full. */
void wp_rule_keep(uintptr_t address, uint32_t generation, uint64_t rule);

/* Empties the table. Walks in progress may still put in rules of before. */
void wp_rule_sweep(void);

#endif
