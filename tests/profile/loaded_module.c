#include "profile/loaded_module.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct module_search {
    uintptr_t address;
    struct loaded_module *module;
    bool found;
};

/* The build-id note, whose name is "GNU" and type 3. */
static void
module_note(const struct dl_phdr_info *info, const ElfW(Phdr) * segment,
            struct loaded_module *module)
{
    const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr);
    const char *end = at + segment->p_memsz;

    while (end - at >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)at;
        const char *name = at + sizeof *note;
        const char *bytes = name + ((note->n_namesz + 3u) & ~3u);

        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0 &&
            note->n_descsz <= sizeof module->build_id) {
            memcpy(module->build_id, bytes, note->n_descsz);
            module->build_id_bytes = note->n_descsz;
        }
        at = bytes + ((note->n_descsz + 3u) & ~3u);
    }
}

static int
module_visit(struct dl_phdr_info *info, size_t size, void *context)
{
    struct module_search *search = context;
    struct loaded_module *module = search->module;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) && search->address >= start &&
            search->address - start < segment->p_memsz) {
            module->bias = info->dlpi_addr;
            module->text_vaddr = segment->p_vaddr;
            module->text_bytes = segment->p_memsz;
            module->text_offset = segment->p_offset;
            search->found = true;
        }
    }
    if (!search->found)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_NOTE)
            module_note(info, &info->dlpi_phdr[i], module);
    }
    if (info->dlpi_name[0] == '\0') {
        if (realpath("/proc/self/exe", module->path) == NULL)
            search->found = false;
    } else {
        snprintf(module->path, sizeof module->path, "%s", info->dlpi_name);
    }
    return 1;
}

bool
loaded_module_find(const void *address, struct loaded_module *module)
{
    struct module_search search = {.address = (uintptr_t)address, .module = module};

    memset(module, 0, sizeof *module);
    dl_iterate_phdr(module_visit, &search);
    return search.found;
}

struct wp_region_module *
loaded_module_add(const struct loaded_module *module, struct region_builder *builder, uint32_t row)
{
    struct wp_region_module *added = region_builder_module(builder, row, module->path, module->bias,
                                                           module->text_vaddr, module->text_bytes);

    added->text_offset = module->text_offset;
    region_builder_build_id(added, module->build_id, module->build_id_bytes);
    return added;
}
