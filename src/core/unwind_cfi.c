#include "core/unwind_cfi.h"

#include <stddef.h>
#include <string.h>

#include "core/unwind_arch.h"

#define WP_CFI_TABLE_ENCODING (WP_CFI_DATAREL | WP_CFI_SDATA4)
/* Entries read one after the other where there is no table to search. */
#define WP_CFI_MAX_SCAN 65536u

/* The length field: leaves the reader with the entry's body alone. Returns the place behind the
 * length, which references to other entries are relative to; 0 at the end of the section. */
static uintptr_t
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
                                (uint8_t)wp_cfi_read_unsigned(reader, 1) & (uint8_t)~WP_CFI_INDIRECT);
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

/* Code that an entry covers, [begin, end), and the place behind the entry; 0: none. */
struct wp_cfi_extent {
    uintptr_t end;
    uintptr_t next;
};

/* Reads the entry at `place`, which may also be a common one: then it covers nothing. False: it is
 * malformed, or the end of the section. */
static bool
wp_cfi_read_entry(struct wp_cfi_entry *entry, uintptr_t place, struct wp_cfi_extent *extent)
{
    const struct wp_cfi_object *object = &entry->object;
    struct wp_cfi_reader reader = wp_cfi_reader_at(object, place);
    uintptr_t body = wp_cfi_enter(&reader);
    uint64_t distance;

    entry->begin = extent->end = extent->next = 0;
    if (body == 0)
        return false;
    extent->next = (uintptr_t)reader.end;
    distance = wp_cfi_read_unsigned(&reader, 4);
    if (distance == 0)
        return true;
    if (reader.failed || !wp_cfi_read_common(entry, body - distance))
        return false;
    entry->begin = wp_cfi_read_pointer(&reader, object, entry->pointer_encoding);
    extent->end = entry->begin + wp_cfi_read_format(&reader, entry->pointer_encoding);
    if (entry->has_augmentation_bytes)
        wp_cfi_skip(&reader, wp_cfi_read_uleb(&reader));
    entry->program = wp_cfi_span_of(object, reader.at, reader.end);
    return !reader.failed;
}

/* --- Search ---------------------------------------------------------------------------------- */

static int32_t
wp_cfi_table_word(uintptr_t table, uint64_t word)
{
    int32_t value;

    memcpy(&value, (const void *)(table + word * sizeof(value)), sizeof(value));
    return value;
}

/* The entry of the last row of the sorted table that begins at or before `address`; 0: none. */
static uintptr_t
wp_cfi_search_table(const struct wp_cfi_object *object, uintptr_t table, uint64_t count,
                    uintptr_t address)
{
    intptr_t wanted = (intptr_t)(address - object->header);
    uint64_t low = 0, high = count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (wp_cfi_table_word(table, 2 * middle) <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : object->header + (intptr_t)wp_cfi_table_word(table, 2 * low - 1);
}

static enum wp_cfi_result
wp_cfi_scan(struct wp_cfi_entry *entry, uintptr_t section, uintptr_t address)
{
    struct wp_cfi_extent extent = {.next = section};

    for (uint32_t i = 0; i < WP_CFI_MAX_SCAN && extent.next != 0; i++) {
        bool known = wp_cfi_read_entry(entry, extent.next, &extent);

        if (entry->begin <= address && address < extent.end)
            return known ? WP_CFI_FOUND : WP_CFI_BAD;
    }
    return WP_CFI_MISSING;
}

enum wp_cfi_result
wp_cfi_find(struct wp_cfi_entry *entry, uintptr_t address)
{
    const struct wp_cfi_object *object = &entry->object;
    struct wp_cfi_reader reader = wp_cfi_reader_at(object, object->header);
    uint64_t version = wp_cfi_read_unsigned(&reader, 1);
    uint8_t section_encoding = (uint8_t)wp_cfi_read_unsigned(&reader, 1);
    uint8_t count_encoding = (uint8_t)wp_cfi_read_unsigned(&reader, 1);
    uint8_t table_encoding = (uint8_t)wp_cfi_read_unsigned(&reader, 1);
    uintptr_t section = wp_cfi_read_pointer(&reader, object, section_encoding);
    uint64_t count = wp_cfi_read_pointer(&reader, object, count_encoding);
    struct wp_cfi_extent extent;
    uintptr_t found;

    if (reader.failed || version != 1 || object->end - object->start > UINT32_MAX)
        return WP_CFI_BAD;
    if (table_encoding != WP_CFI_TABLE_ENCODING || count_encoding == WP_CFI_OMIT)
        return wp_cfi_scan(entry, section, address);
    if (count > (uint64_t)(reader.end - reader.at) / 8)
        return WP_CFI_BAD;
    found = wp_cfi_search_table(object, (uintptr_t)reader.at, count, address);
    if (found == 0)
        return WP_CFI_MISSING;
    if (!wp_cfi_read_entry(entry, found, &extent))
        return WP_CFI_BAD;
    return entry->begin <= address && address < extent.end ? WP_CFI_FOUND : WP_CFI_MISSING;
}
