#include "core/unwind_cfi.h"

#include <stddef.h>
#include <string.h>

#include "core/unwind_arch.h"

#define WP_CFI_TABLE_ENCODING (WP_CFI_DATAREL | WP_CFI_SDATA4)
/* Entries read one after the other where there is no table to search. */
#define WP_CFI_MAX_SCAN 65536u

/* The length field: leaves the reader with the entry's body alone. Returns the place behind the
 * length, which references to other entries are relative to; 0 at the end of the section. */
static inline __attribute__((always_inline)) uintptr_t
wp_cfi_enter(struct wp_cfi_reader *reader)
{
    uint64_t bytes = wp_cfi_read_unsigned(reader, 4);

    if (bytes == UINT32_MAX)
        bytes = wp_cfi_read_unsigned(reader, 8);
    if (bytes > (uint64_t)(reader->end - reader->at))
        reader->failed = true;
    if (bytes == 0 || reader->failed)
        return 0;
    reader->end = reader->at + bytes;
    return (uintptr_t)reader->at;
}

/* The augmentation: letters tell which data follow. False for letters that we do not know. */
static bool
wp_cfi_read_augmentation(struct wp_cfi_reader *reader, const struct wp_cfi_object *object,
                         const char *letters, struct wp_cfi_entry *entry)
{
    for (; *letters != '\0'; letters++) {
        switch (*letters) {
        case 'R':
            entry->pointer_encoding = (uint8_t)wp_cfi_read_unsigned(reader, 1);
            break;
        case 'P':
            wp_cfi_read_pointer(reader, object,
                                (uint8_t)wp_cfi_read_unsigned(reader, 1) &
                                    (uint8_t)~WP_CFI_INDIRECT);
            break;
        case 'L':
            wp_cfi_read_unsigned(reader, 1);
            break;
        case 'S':
            entry->is_signal = true;
            break;
        case 'B': /* aarch64: return addresses are signed with the second key */
            break;
        default:
            return false;
        }
    }
    return true;
}

static struct wp_cfi_span
wp_cfi_span_of(const struct wp_cfi_object *object, const uint8_t *at, const uint8_t *end)
{
    return (struct wp_cfi_span){
        .begin = (uint32_t)((uintptr_t)at - object->start),
        .end = (uint32_t)((uintptr_t)end - object->start),
    };
}

/* The common entry at `place`: all of *entry but its range and own program. */
static __attribute__((noinline)) bool
wp_cfi_read_common(struct wp_cfi_entry *entry, uintptr_t place)
{
    const struct wp_cfi_object *object = &entry->object;
    struct wp_cfi_reader reader = wp_cfi_reader_at(object, place);
    const char *letters;
    const uint8_t *start;
    uint64_t version, column, code_align, bytes;
    int64_t data_align;

    entry->pointer_encoding = WP_CFI_ABSPTR;
    entry->has_augmentation_bytes = false;
    entry->is_signal = false;
    if (wp_cfi_enter(&reader) == 0 || wp_cfi_read_unsigned(&reader, 4) != 0)
        return false;
    version = wp_cfi_read_unsigned(&reader, 1);
    letters = (const char *)reader.at;
    while (wp_cfi_read_unsigned(&reader, 1) != 0)
        continue;
    code_align = wp_cfi_read_uleb(&reader);
    data_align = wp_cfi_read_sleb(&reader);
    entry->code_align = (uint8_t)code_align;
    entry->data_align = (int8_t)data_align;
    column = version == 1 ? wp_cfi_read_unsigned(&reader, 1) : wp_cfi_read_uleb(&reader);
    if (reader.failed || (version != 1 && version != 3) || column != WP_UNWIND_DWARF_RA ||
        code_align != entry->code_align || data_align != entry->data_align)
        return false;
    entry->common_program = wp_cfi_span_of(object, reader.at, reader.end);
    if (*letters == 'z') {
        start = reader.at;
        bytes = wp_cfi_read_uleb(&reader);
        entry->has_augmentation_bytes = true;
        if (bytes > (uint64_t)(reader.end - reader.at))
            return false;
        entry->common_program.begin += (uint32_t)(reader.at + bytes - start);
        return wp_cfi_read_augmentation(&reader, object, letters + 1, entry) && !reader.failed;
    }
    return *letters == '\0';
}

/* The body of the entry at `place`: for code, or a common one. */
struct wp_cfi_body {
    uintptr_t common; /* the common entry that it builds on; 0: it is one itself */
    uintptr_t next;   /* behind the entry; 0: malformed, or the end of the section */
};

static __attribute__((noinline)) struct wp_cfi_body
wp_cfi_read_body(const struct wp_cfi_object *object, uintptr_t place)
{
    struct wp_cfi_reader reader = wp_cfi_reader_at(object, place);
    uintptr_t start = wp_cfi_enter(&reader);
    uint64_t distance;

    if (start == 0)
        return (struct wp_cfi_body){0};
    distance = wp_cfi_read_unsigned(&reader, 4);
    return (struct wp_cfi_body){
        .common = distance == 0 ? 0 : start - distance,
        .next = reader.failed ? 0 : (uintptr_t)reader.end,
    };
}

/* The range and the program of the entry at `place`, whose common one has been read. Returns the
 * end of the code that it covers; 0: malformed. */
static __attribute__((noinline)) uintptr_t
wp_cfi_read_range(struct wp_cfi_entry *entry, uintptr_t place)
{
    const struct wp_cfi_object *object = &entry->object;
    struct wp_cfi_reader reader = wp_cfi_reader_at(object, place);
    uintptr_t end;

    wp_cfi_enter(&reader);
    wp_cfi_skip(&reader, 4);
    entry->begin = wp_cfi_read_pointer(&reader, object, entry->pointer_encoding);
    end = entry->begin + wp_cfi_read_format(&reader, entry->pointer_encoding);
    if (entry->has_augmentation_bytes)
        wp_cfi_skip(&reader, wp_cfi_read_uleb(&reader));
    entry->program = wp_cfi_span_of(object, reader.at, reader.end);
    return reader.failed || end - entry->begin >= UINT32_MAX ? 0 : end;
}

/* Reads the entry at `place` and says whether it covers `address`. *next is the place behind it; 0
 * at the end of the section. */
static inline __attribute__((always_inline)) enum wp_cfi_result
wp_cfi_read_entry(struct wp_cfi_entry *entry, uintptr_t place, uintptr_t address, uintptr_t *next)
{
    struct wp_cfi_body body = wp_cfi_read_body(&entry->object, place);
    uintptr_t end;

    *next = body.next;
    if (body.common == 0 || body.next == 0)
        return body.next == 0 ? WP_CFI_BAD : WP_CFI_MISSING;
    if (!wp_cfi_read_common(entry, body.common))
        return WP_CFI_BAD;
    end = wp_cfi_read_range(entry, place);
    if (end == 0)
        return WP_CFI_BAD;
    return entry->begin <= address && address < end ? WP_CFI_FOUND : WP_CFI_MISSING;
}

/* --- Search ---------------------------------------------------------------------------------- */

static int32_t
wp_cfi_table_word(uintptr_t rows, uint64_t word)
{
    int32_t value;

    memcpy(&value, (const void *)(rows + word * sizeof(value)), sizeof(value));
    return value;
}

/* The entry of the last row of the sorted table that begins at or before `address`; 0: none. */
static uintptr_t
wp_cfi_search_table(const struct wp_cfi_object *object, uintptr_t rows, uint64_t count,
                    uintptr_t address)
{
    intptr_t wanted = (intptr_t)(address - object->header);
    uint64_t low = 0, high = count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (wp_cfi_table_word(rows, 2 * middle) <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : object->header + (intptr_t)wp_cfi_table_word(rows, 2 * low - 1);
}

/* The sorted table behind the header, if it has one of the usual form. */
struct wp_cfi_table {
    uintptr_t rows; /* 0: none */
    uint64_t count;
};

/* False: malformed. */
static __attribute__((noinline)) bool
wp_cfi_read_header(const struct wp_cfi_object *object, struct wp_cfi_table *table)
{
    struct wp_cfi_reader reader = wp_cfi_reader_at(object, object->header);
    uint32_t fields = (uint32_t)wp_cfi_read_unsigned(&reader, 4);
    uint8_t count_encoding = (uint8_t)(fields >> 16);

    wp_cfi_read_format(&reader, (uint8_t)(fields >> 8));
    table->count = count_encoding == WP_CFI_OMIT ? 0 : wp_cfi_read_format(&reader, count_encoding);
    table->rows = 0;
    if (reader.failed || (uint8_t)fields != 1 || object->end - object->start > UINT32_MAX)
        return false;
    if (fields >> 24 != WP_CFI_TABLE_ENCODING || count_encoding == WP_CFI_OMIT)
        return true;
    table->rows = (uintptr_t)reader.at;
    return table->count <= (uint64_t)(reader.end - reader.at) / 8;
}

/* From entry to entry, where there is no table. One that is malformed or unknown does not hide the
 * others. */
static __attribute__((noinline)) enum wp_cfi_result
wp_cfi_scan(struct wp_cfi_entry *entry, uintptr_t address)
{
    struct wp_cfi_reader reader = wp_cfi_reader_at(&entry->object, entry->object.header + 1);
    uint8_t encoding = (uint8_t)wp_cfi_read_unsigned(&reader, 1);
    uintptr_t place;

    wp_cfi_skip(&reader, 2);
    place = wp_cfi_read_pointer(&reader, &entry->object, encoding);
    for (uint32_t i = 0; i < WP_CFI_MAX_SCAN && place != 0; i++) {
        if (wp_cfi_read_entry(entry, place, address, &place) == WP_CFI_FOUND)
            return WP_CFI_FOUND;
    }
    return WP_CFI_MISSING;
}

enum wp_cfi_result
wp_cfi_find(struct wp_cfi_entry *entry, uintptr_t address)
{
    struct wp_cfi_table table;
    uintptr_t place;

    if (!wp_cfi_read_header(&entry->object, &table))
        return WP_CFI_BAD;
    if (table.rows == 0)
        return wp_cfi_scan(entry, address);
    place = wp_cfi_search_table(&entry->object, table.rows, table.count, address);
    if (place == 0)
        return WP_CFI_MISSING;
    return wp_cfi_read_entry(entry, place, address, &place);
}
