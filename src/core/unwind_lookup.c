#include "core/unwind_lookup.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "core/module_image.h"
#include "core/unwind_arch.h"

/* Since glibc 2.35; without it there are frame pointers only. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* Nothing that is code lies lower (vm.mmap_min_addr). */
#define WP_UNWIND_LOWEST_CODE 65536u

/* On its own, so that the loader's structure does not stand on the stack any longer. */
static __attribute__((noinline)) bool
wp_unwind_ask_loader(uintptr_t address, struct wp_unwind_mapping *mapping)
{
    struct dl_find_object found;

    if (_dl_find_object == NULL || _dl_find_object((void *)address, &found) != 0)
        return false;
    mapping->object.header = (uintptr_t)found.dlfo_eh_frame;
    mapping->object.start = (uintptr_t)found.dlfo_map_start;
    mapping->object.end = (uintptr_t)found.dlfo_map_end;
    mapping->map = found.dlfo_link_map;
    return true;
}

bool
wp_unwind_find_mapping(uintptr_t address, struct wp_unwind_mapping *mapping)
{
    if (!wp_unwind_ask_loader(address, mapping))
        return false;
    wp_module_image_widen(mapping->map, &mapping->object.start, &mapping->object.end);
    return true;
}

/* Bounds the object by the segment that holds its tables; false: it has none. Without program
 * headers where they should be, the module's whole mapping must do. */
static __attribute__((noinline)) bool
wp_unwind_bound_object(struct wp_unwind_mapping *mapping)
{
    struct wp_cfi_object *object = &mapping->object;
    struct wp_module_image image;
    const ElfW(Phdr) * segment;

    if (object->header == 0 || object->header < object->start || object->header >= object->end)
        return false;
    if (!wp_module_image_open(&image, object->start, object->end, mapping->map->l_addr))
        return true;
    segment = wp_module_image_segment(&image, PF_R, object->header);
    if (segment == NULL)
        return false;
    object->start = segment->p_vaddr + image.bias;
    object->end = object->start + segment->p_memsz;
    return true;
}

enum wp_unwind_entry
wp_unwind_find_entry(struct wp_unwind_lookup *lookup, uintptr_t address)
{
    enum wp_cfi_result result;

    /* entry.object and mapping.object are the same memory. */
    if (!wp_unwind_bound_object(&lookup->mapping))
        return WP_UNWIND_ENTRY_MISSING;
    result = wp_cfi_find(&lookup->entry, address);
    if (result == WP_CFI_FOUND)
        return WP_UNWIND_ENTRY_FOUND;
    if (result != WP_CFI_MISSING || wp_cfi_find(&lookup->entry, address + 1) != WP_CFI_FOUND ||
        lookup->entry.begin != address + 1)
        return WP_UNWIND_ENTRY_MISSING;
    memset(&lookup->row, 0, sizeof(lookup->row));
    lookup->row.cfa.kind = WP_CFI_REGISTER_PLUS;
    lookup->row.cfa.reg = WP_UNWIND_DWARF_SP;
    lookup->row.ra.kind = WP_CFI_UNDEFINED;
    return WP_UNWIND_ENTRY_BOTTOM;
}

bool
wp_unwind_is_code(uintptr_t pc)
{
    struct wp_unwind_mapping mapping;
    struct wp_module_image image;

    if (pc < WP_UNWIND_LOWEST_CODE || pc >= WP_UNWIND_ADDRESS_END)
        return false;
    if (!wp_unwind_find_mapping(pc - 1, &mapping))
        return true;
    return !wp_module_image_open(&image, mapping.object.start, mapping.object.end,
                                 mapping.map->l_addr) ||
           wp_module_image_segment(&image, PF_X, pc - 1) != NULL;
}
