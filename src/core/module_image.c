#include "core/module_image.h"

#include <elf.h>
#include <stddef.h>

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

const uint8_t *
wp_module_image_build_id(const struct wp_module_image *image, uint32_t *bytes)
{
    *bytes = 0;
    for (uint32_t i = 0; i < image->count; i++) {
        const ElfW(Phdr) *notes = &image->headers[i];
        uintptr_t start = notes->p_vaddr + image->bias;
        size_t align = notes->p_align == 8 ? 8 : 4;
        const ElfW(Phdr) * segment;
        const uint8_t *id;

        if (notes->p_type != PT_NOTE || start % align != 0 || notes->p_filesz > notes->p_memsz)
            continue;
        segment = wp_module_image_segment(image, PF_R, start);
        if (segment == NULL ||
            notes->p_filesz > segment->p_vaddr + segment->p_filesz - notes->p_vaddr)
            continue;
        id = wp_module_image_search_notes((const uint8_t *)start, notes->p_filesz, align, bytes);
        if (id != NULL)
            return id;
    }
    return NULL;
}
