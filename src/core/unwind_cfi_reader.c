#include "core/unwind_cfi_reader.h"

#include <stddef.h>
#include <string.h>

static inline const uint8_t *
wp_cfi_take(struct wp_cfi_reader *reader, uint64_t bytes)
{
    const uint8_t *at = reader->at;

    if (bytes > (uint64_t)(reader->end - at)) {
        reader->failed = true;
        reader->at = reader->end;
        return NULL;
    }
    reader->at = at + bytes;
    return at;
}

uint64_t
wp_cfi_read_unsigned(struct wp_cfi_reader *reader, uint32_t bytes)
{
    const uint8_t *at = wp_cfi_take(reader, bytes);
    uint64_t value = 0;

    if (at == NULL)
        return 0;
    for (uint32_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

int64_t
wp_cfi_read_signed(struct wp_cfi_reader *reader, uint32_t bytes)
{
    uint32_t unused_bits = 64 - 8 * bytes;

    return (int64_t)(wp_cfi_read_unsigned(reader, bytes) << unused_bits) >> unused_bits;
}

static inline __attribute__((always_inline)) uint64_t
wp_cfi_read_leb(struct wp_cfi_reader *reader, bool is_signed)
{
    uint64_t value = 0;
    uint32_t shift = 0;
    uint8_t byte;

    do {
        const uint8_t *at = wp_cfi_take(reader, 1);

        byte = at == NULL ? 0 : *at;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    if (is_signed && (byte & 0x40) != 0 && shift < 64)
        value |= ~UINT64_C(0) << shift;
    return value;
}

uint64_t
wp_cfi_read_uleb(struct wp_cfi_reader *reader)
{
    return wp_cfi_read_leb(reader, false);
}

int64_t
wp_cfi_read_sleb(struct wp_cfi_reader *reader)
{
    return (int64_t)wp_cfi_read_leb(reader, true);
}

uint64_t
wp_cfi_read_format(struct wp_cfi_reader *reader, uint8_t encoding)
{
    switch (encoding & WP_CFI_FORMAT_MASK) {
    case WP_CFI_ABSPTR:
    case WP_CFI_UDATA8:
    case WP_CFI_SDATA8:
        return wp_cfi_read_unsigned(reader, 8);
    case WP_CFI_ULEB128:
        return wp_cfi_read_uleb(reader);
    case WP_CFI_SLEB128:
        return (uint64_t)wp_cfi_read_sleb(reader);
    case WP_CFI_UDATA2:
        return wp_cfi_read_unsigned(reader, 2);
    case WP_CFI_UDATA4:
        return wp_cfi_read_unsigned(reader, 4);
    case WP_CFI_SDATA2:
        return (uint64_t)wp_cfi_read_signed(reader, 2);
    case WP_CFI_SDATA4:
        return (uint64_t)wp_cfi_read_signed(reader, 4);
    default:
        reader->failed = true;
        return 0;
    }
}

uintptr_t
wp_cfi_read_pointer(struct wp_cfi_reader *reader, const struct wp_cfi_object *object,
                    uint8_t encoding)
{
    uintptr_t place = (uintptr_t)reader->at;
    uintptr_t value;

    if (encoding == WP_CFI_OMIT)
        return 0;
    value = wp_cfi_read_format(reader, encoding);
    if (value == 0)
        return 0;
    switch (encoding & WP_CFI_RELATIVE_MASK) {
    case WP_CFI_ABSPTR:
        break;
    case WP_CFI_PCREL:
        value += place;
        break;
    case WP_CFI_DATAREL:
        value += object->header;
        break;
    default:
        reader->failed = true;
        return 0;
    }
    if ((encoding & WP_CFI_INDIRECT) == 0)
        return value;
    if (value < object->start || object->end - object->start < 8 || value > object->end - 8) {
        reader->failed = true;
        return 0;
    }
    memcpy(&value, (const void *)value, sizeof(value));
    return value;
}

struct wp_cfi_reader
wp_cfi_reader_at(const struct wp_cfi_object *object, uintptr_t address)
{
    bool inside = address >= object->start && address < object->end;

    return (struct wp_cfi_reader){
        .at = (const uint8_t *)(inside ? address : object->end),
        .end = (const uint8_t *)object->end,
        .failed = !inside,
    };
}

void
wp_cfi_skip(struct wp_cfi_reader *reader, uint64_t bytes)
{
    wp_cfi_take(reader, bytes);
}
