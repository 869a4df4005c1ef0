/*
 * What the ELF headers in a mapped module say: its segments and its build-id. Reads mapped memory
 * alone, within the bounds that the loader gave for the module; no system call, no allocation;
 * signal handlers.
 */
#ifndef WP_CORE_MODULE_IMAGE_H
#define WP_CORE_MODULE_IMAGE_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct wp_module_image {
    const ElfW(Phdr) * headers;
    uint32_t count;
    uintptr_t bias;  /* load address minus link-time address */
    uintptr_t start; /* the module's mapping: [start, end) */
    uintptr_t end;
};

/*
 * Finds the program headers of the module mapped at [start, end). False if its first page does not
 * begin with an ELF header, or does not hold all program headers: then nothing is known.
 */
bool wp_module_image_open(struct wp_module_image *image, uintptr_t start, uintptr_t end,
                          uintptr_t bias);

/*
 * Makes [*start, *end), a mapped part of the module that the loader knows as `map`, the whole of
 * it, from its ELF header to the end of its last segment. The loader gives a part where a module's
 * segments leave a gap between them; nothing is changed if it gave the whole, or if the headers
 * cannot be found.
 */
void wp_module_image_widen(const struct link_map *map, uintptr_t *start, uintptr_t *end);

/* The first loaded segment that has all of `flags` (PF_R, PF_X) and, if address is not 0, holds it;
 * NULL if none does. Segments that reach beyond [start, end) do not count. */
const ElfW(Phdr) *
    wp_module_image_segment(const struct wp_module_image *image, uint32_t flags, uintptr_t address);

/* The build-id of the module mapped at [start, end), or NULL and 0. Lies in the module. */
const uint8_t *wp_module_image_build_id(uintptr_t start, uintptr_t end, uintptr_t bias,
                                        uint32_t *bytes);

#endif
