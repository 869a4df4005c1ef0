#include "core/module_image.h"

#include <dlfcn.h>
#include <elf.h>
#include <stddef.h>
#include <sys/auxv.h>

/* Since glibc 2.35. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* The smallest page of any processor we serve: what certainly is mapped at the start. */
#define WP_MODULE_FIRST_PAGE_BYTES 4096u

static bool
wp_module_image_is_elf(const ElfW(Ehdr) * elf)
{
    return elf->e_ident[EI_MAG0] == ELFMAG0 && elf->e_ident[EI_MAG1] == ELFMAG1 &&
           elf->e_ident[EI_MAG2] == ELFMAG2 && elf->e_ident[EI_MAG3] == ELFMAG3 &&
           elf->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           elf->e_phentsize == sizeof(ElfW(Phdr));
}

bool
wp_module_image_open(struct wp_module_image *image, uintptr_t start, uintptr_t end, uintptr_t bias)
{
    const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)start;

    *image = (struct wp_module_image){.bias = bias, .start = start, .end = end};
    if (start == 0 || start % sizeof(uintptr_t) != 0 || end < start ||
        end - start < WP_MODULE_FIRST_PAGE_BYTES || !wp_module_image_is_elf(elf))
        return false;
    if (elf->e_phoff % sizeof(uintptr_t) != 0 || elf->e_phoff > WP_MODULE_FIRST_PAGE_BYTES ||
        elf->e_phnum > (WP_MODULE_FIRST_PAGE_BYTES - elf->e_phoff) / sizeof(ElfW(Phdr)))
        return false;
    image->headers = (const ElfW(Phdr) *)(start + elf->e_phoff);
    image->count = elf->e_phnum;
    return true;
}

const ElfW(Phdr) *
    wp_module_image_segment(const struct wp_module_image *image, uint32_t flags, uintptr_t address)
{
    for (uint32_t i = 0; i < image->count; i++) {
        const ElfW(Phdr) *segment = &image->headers[i];
        uintptr_t start = segment->p_vaddr + image->bias;

        if (segment->p_type != PT_LOAD || (segment->p_flags & flags) != flags)
            continue;
        if (start < image->start || start > image->end || segment->p_memsz > image->end - start)
            continue;
        if (address == 0 || address - start < segment->p_memsz)
            return segment;
    }
    return NULL;
}

/* Where the module's ELF header should be: its first page is linked at 0, or it is the program,
 * whose program headers the kernel told. */
static uintptr_t
wp_module_image_first_page(const struct link_map *map)
{
    if (map->l_addr != 0)
        return map->l_addr;
    return getauxval(AT_PHDR) & ~(uintptr_t)(WP_MODULE_FIRST_PAGE_BYTES - 1);
}

static __attribute__((noinline)) bool
wp_module_image_begins_at(uintptr_t start, uintptr_t end)
{
    struct wp_module_image image;

    return wp_module_image_open(&image, start, end, 0);
}

static __attribute__((noinline)) void
wp_module_image_widen_slow(const struct link_map *map, uintptr_t *start, uintptr_t *end)
{
    struct wp_module_image image;
    struct dl_find_object found;
    uintptr_t first_page = wp_module_image_first_page(map);

    if (_dl_find_object == NULL || _dl_find_object((void *)first_page, &found) != 0 ||
        found.dlfo_link_map != map ||
        !wp_module_image_open(&image, first_page, (uintptr_t)found.dlfo_map_end, map->l_addr))
        return;
    *start = first_page;
    for (uint32_t i = 0; i < image.count; i++) {
        const ElfW(Phdr) *segment = &image.headers[i];
        uintptr_t segment_end = segment->p_vaddr + segment->p_memsz + map->l_addr;

        if (segment->p_type == PT_LOAD && segment_end > *end)
            *end = segment_end;
    }
}

/* In two parts: walks call this on a stack that is not ours, and rarely need the second. */
void
wp_module_image_widen(const struct link_map *map, uintptr_t *start, uintptr_t *end)
{
    if (!wp_module_image_begins_at(*start, *end))
        wp_module_image_widen_slow(map, start, end);
}

/* The name field of a build-id note, as a word. */
#define WP_MODULE_NOTE_GNU UINT32_C(0x00554e47)

static const uint8_t *
wp_module_image_search_notes(const uint8_t *at, size_t left, size_t align, uint32_t *bytes)
{
    while (left >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
        size_t name = sizeof(*note);
        size_t body = (name + note->n_namesz + align - 1) & ~(align - 1);
        size_t next = (body + note->n_descsz + align - 1) & ~(align - 1);

        if (note->n_namesz > left || note->n_descsz > left || body + note->n_descsz > left)
            break;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
            *(const uint32_t *)(at + name) == WP_MODULE_NOTE_GNU) {
            *bytes = note->n_descsz;
            return at + body;
        }
        if (next >= left)
            break;
        at += next;
        left -= next;
    }
    return NULL;
}

/* The i-th program header's notes, if they are ones that can be read. */
static bool
wp_module_image_notes(const struct wp_module_image *image, uint32_t i, size_t *align)
{
    const ElfW(Phdr) *notes = &image->headers[i];
    uintptr_t start = notes->p_vaddr + image->bias;
    const ElfW(Phdr) * segment;

    *align = notes->p_align == 8 ? 8 : 4;
    if (notes->p_type != PT_NOTE || start % *align != 0 || notes->p_filesz > notes->p_memsz)
        return false;
    segment = wp_module_image_segment(image, PF_R, start);
    return segment != NULL &&
           notes->p_filesz <= segment->p_vaddr + segment->p_filesz - notes->p_vaddr;
}

const uint8_t *
wp_module_image_build_id(uintptr_t start, uintptr_t end, uintptr_t bias, uint32_t *bytes)
{
    struct wp_module_image image;
    const uint8_t *id = NULL;
    size_t align;

    *bytes = 0;
    wp_module_image_open(&image, start, end, bias);
    for (uint32_t i = 0; i < image.count && id == NULL; i++) {
        if (wp_module_image_notes(&image, i, &align))
            id = wp_module_image_search_notes((const uint8_t *)(image.headers[i].p_vaddr + bias),
                                              image.headers[i].p_filesz, align, bytes);
    }
    return id;
}
