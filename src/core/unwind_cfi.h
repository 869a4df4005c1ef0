/*
 * Call frame information: the rules that lead from a frame to its caller's, from a module's
 * .eh_frame_hdr and .eh_frame, as the Linux Standard Base and DWARF 5, section 6.4, define them.
 *
 * Every read lies within the object's bounds, and all loops are bounded, whatever the bytes say. No
 * system call, no allocation; signal handlers. Only the four rules that a walk needs are kept. Done
 * in two steps, so that the stack of the first is free again in the second.
 */
#ifndef WP_CORE_UNWIND_CFI_H
#define WP_CORE_UNWIND_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/unwind_cfi_reader.h"

enum wp_cfi_kind {
    WP_CFI_UNSPECIFIED, /* nothing was said: the ABI's default */
    WP_CFI_UNDEFINED,
    WP_CFI_SAME,
    WP_CFI_AT_CFA,        /* saved at CFA + value */
    WP_CFI_CFA_PLUS,      /* is CFA + value */
    WP_CFI_REGISTER_PLUS, /* is register + value */
    WP_CFI_AT_EXPRESSION, /* saved where the expression says */
    WP_CFI_EXPRESSION,    /* is what the expression says */
};

/* Packed: a miss keeps several of these on a stack that is not ours. */
struct wp_cfi_rule {
    int32_t
        value;    /* bytes; of an expression: its block (length, operations), from object->header */
    uint8_t kind; /* enum wp_cfi_kind */
    uint8_t reg;  /* DWARF number, WP_CFI_REGISTER_PLUS only */
} __attribute__((packed, aligned(2)));

struct wp_cfi_row {
    struct wp_cfi_rule cfa; /* WP_CFI_REGISTER_PLUS or WP_CFI_EXPRESSION */
    struct wp_cfi_rule fp;
    struct wp_cfi_rule ra;
    struct wp_cfi_rule sp; /* unspecified: the CFA */
};

/* A stretch of the object's bytes, from object->start. */
struct wp_cfi_span {
    uint32_t begin;
    uint32_t end;
};

/* The entry that covers an address: two programs to be run one after the other. */
struct wp_cfi_entry {
    struct wp_cfi_object object; /* first: see unwind.c, struct wp_unwind_lookup */
    uintptr_t begin;             /* the first address that it covers */
    struct wp_cfi_span common_program;
    struct wp_cfi_span program;
    uint8_t code_align;
    int8_t data_align;
    uint8_t pointer_encoding;
    bool has_augmentation_bytes;
    bool is_signal; /* a signal trampoline: its caller was interrupted */
};

enum wp_cfi_result {
    WP_CFI_FOUND,
    WP_CFI_MISSING, /* no entry covers the address */
    WP_CFI_BAD,     /* malformed, or a form that we do not know */
};

/* Finds the entry in entry->object, which the caller has filled in. */
enum wp_cfi_result wp_cfi_find(struct wp_cfi_entry *entry, uintptr_t address);

/* The row that is in force at `address`. False: malformed or unknown. */
bool wp_cfi_evaluate(const struct wp_cfi_entry *entry, uintptr_t address, struct wp_cfi_row *row);

#endif
