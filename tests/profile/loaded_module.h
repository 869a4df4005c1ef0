/*
 * What a region would say of an object that is loaded into the test itself.
 */
#ifndef WP_TESTS_LOADED_MODULE_H
#define WP_TESTS_LOADED_MODULE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/region_builder.h"

struct loaded_module {
    char path[PATH_MAX];
    uint64_t bias;
    uint64_t text_vaddr;
    uint64_t text_bytes;
    uint64_t text_offset;
    uint8_t build_id[32];
    size_t build_id_bytes;
};

/* Finds the object that holds an address; false if none does. */
bool loaded_module_find(const void *address, struct loaded_module *module);

/* Puts it into a row of a region. */
struct wp_region_module *loaded_module_add(const struct loaded_module *module,
                                           struct region_builder *builder, uint32_t row);

#endif
