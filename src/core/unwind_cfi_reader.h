/*
 * A bounded reader of call frame information: integers, LEB128 numbers and encoded pointers.
 * No system call, no allocation; signal handlers.
 */
#ifndef WP_CORE_UNWIND_CFI_READER_H
#define WP_CORE_UNWIND_CFI_READER_H

#include <stdbool.h>
#include <stdint.h>

/* Where the information of a module lies: readable bytes [start, end). */
struct wp_cfi_object {
    uintptr_t header; /* .eh_frame_hdr; lies in [start, end) */
    uintptr_t start;
    uintptr_t end;
};

/* Reading beyond the end gives 0, and sets `failed` for good. Invariant: at <= end. */
struct wp_cfi_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

/* Pointer encodings (LSB, "DWARF Exception Header Encoding"): format in the low four bits, what it
 * is relative to in the next three. */
enum {
    WP_CFI_ABSPTR = 0x00,
    WP_CFI_ULEB128 = 0x01,
    WP_CFI_UDATA2 = 0x02,
    WP_CFI_UDATA4 = 0x03,
    WP_CFI_UDATA8 = 0x04,
    WP_CFI_SLEB128 = 0x09,
    WP_CFI_SDATA2 = 0x0a,
    WP_CFI_SDATA4 = 0x0b,
    WP_CFI_SDATA8 = 0x0c,
    WP_CFI_FORMAT_MASK = 0x0f,
    WP_CFI_PCREL = 0x10,
    WP_CFI_DATAREL = 0x30,
    WP_CFI_RELATIVE_MASK = 0x70,
    WP_CFI_INDIRECT = 0x80,
    WP_CFI_OMIT = 0xff,
};

/* A reader of the object's bytes from `address` to the end; failed if it lies outside. */
struct wp_cfi_reader wp_cfi_reader_at(const struct wp_cfi_object *object, uintptr_t address);

uint64_t wp_cfi_read_unsigned(struct wp_cfi_reader *reader, uint32_t bytes); /* at most 8 */
int64_t wp_cfi_read_signed(struct wp_cfi_reader *reader, uint32_t bytes);
uint64_t wp_cfi_read_uleb(struct wp_cfi_reader *reader);
int64_t wp_cfi_read_sleb(struct wp_cfi_reader *reader);

/* The format of an encoding alone, sign-extended, relative to nothing. */
uint64_t wp_cfi_read_format(struct wp_cfi_reader *reader, uint8_t encoding);

/* A pointer in the given encoding. 0 stays 0 whatever it would be relative to, as in the LSB. */
uintptr_t wp_cfi_read_pointer(struct wp_cfi_reader *reader, const struct wp_cfi_object *object,
                              uint8_t encoding);

/* Skips bytes. */
void wp_cfi_skip(struct wp_cfi_reader *reader, uint64_t bytes);

#endif
