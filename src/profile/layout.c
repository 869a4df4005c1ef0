#include "profile/layout.h"

#include <stdbool.h>

#define PAGE_BYTES UINT64_C(4096)
#define PAGE_MASK (PAGE_BYTES - 1)
#define REAL_LIMIT (UINT64_C(1) << 57)
#define MOVED_BASE (UINT64_C(1) << 60)
#define MOVED_SHIFT 44
#define MOVED_MAX_BYTES (UINT64_C(1) << 40)
#define SYNTHETIC_BASE (UINT64_C(1) << 62)
#define SYNTHETIC_SHIFT 47

_Static_assert(WP_PROFILE_MODULES_MAX < WP_LAYOUT_FUNCTION, "module numbers fit below");

uint64_t
wp_layout_synthetic(uint32_t number, uint64_t value)
{
    return SYNTHETIC_BASE | (uint64_t)number << SYNTHETIC_SHIFT | value;
}

/* True if a module before this one, in the order in which they came, lies in [start, limit). */
static bool
layout_is_taken(const struct wp_module_symbols *modules, size_t number, uint64_t start,
                uint64_t limit)
{
    for (size_t i = 1; i < number; i++) {
        if (start < modules[i].limit && modules[i].start < limit)
            return true;
    }
    return false;
}

void
wp_layout_place(const struct wp_profile *profile, struct wp_module_symbols *modules)
{
    for (size_t i = 1; i < profile->module_count; i++) {
        const struct wp_profile_module *module = &profile->modules[i];
        uint64_t begin = module->bias + module->text_vaddr;
        uint64_t start = begin & ~PAGE_MASK;
        uint64_t bytes = ((begin & PAGE_MASK) + module->text_bytes + PAGE_MASK) & ~PAGE_MASK;

        if (!module->known || module->text_bytes == 0 || bytes > MOVED_MAX_BYTES)
            continue;
        if (start == 0 || start >= REAL_LIMIT || start + bytes > REAL_LIMIT ||
            layout_is_taken(modules, i, start, start + bytes))
            start = MOVED_BASE + ((uint64_t)i << MOVED_SHIFT);
        modules[i].start = start;
        modules[i].limit = start + bytes;
        modules[i].file_offset = module->text_offset & ~PAGE_MASK;
    }
}

/* True if the address lies in a module's place or in a range that has a meaning of its own. */
static bool
layout_is_occupied(const struct wp_profile *profile, const struct wp_module_symbols *modules,
                   uint64_t address)
{
    if (address == 0 || address >= REAL_LIMIT)
        return true;
    for (size_t i = 1; i < profile->module_count; i++) {
        if (address >= modules[i].start && address < modules[i].limit)
            return true;
    }
    return false;
}

uint64_t
wp_layout_address(const struct wp_profile *profile, const struct wp_module_symbols *modules,
                  uint32_t module, uint64_t vaddr)
{
    const struct wp_profile_module *row = &profile->modules[module];

    if (module == 0)
        return layout_is_occupied(profile, modules, vaddr) ? wp_layout_synthetic(0, vaddr) : vaddr;
    if (modules[module].start == 0 || vaddr < row->text_vaddr ||
        vaddr - row->text_vaddr >= row->text_bytes)
        return wp_layout_synthetic(module, vaddr);
    return modules[module].start + ((row->bias + row->text_vaddr) & PAGE_MASK) + vaddr -
           row->text_vaddr;
}
