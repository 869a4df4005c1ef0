/*
 * Two tables.
 *
 * The region's table of modules is shared by all processes of the family and only grows. The row of
 * a module follows from its identity (path and build-id): hash, then linear probing, each free row
 * claimed by compare-and-swap of its key. All processes agree on the row without a lock, and a
 * module that is loaded again after dlclose, wherever, is the row it was. A row that was claimed
 * but is not ready is filled in by whoever comes next: its claimer may have died. Both write the
 * same values (but for the string's offset, and both strings are the same), so that it does not
 * matter who wins.
 *
 * The handles are private to the process: a rule of the walker (unwind_rule.h) has room for 10
 * bits, and the load bias may differ between processes. A handle's owner word says which module in
 * which generation it serves. It is taken by compare-and-swap from an owner of an earlier
 * generation to "being taken", then the base is written, then the owner (release); who finds an
 * owner (acquire) therefore finds its base. A thread that is interrupted by fork or never resumed
 * between the two leaves a handle that is unused until the next generation, no more: nobody waits
 * for it.
 */
#include "core/module.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/auxv.h>

#include "core/module_image.h"
#include "core/region.h"

#define WP_MODULE_VDSO_NAME "[vdso]"
#define WP_MODULE_PROBES 32u
#define WP_MODULE_PATH_BYTES 4096u

uint64_t wp_module_frame_bases[WP_MODULE_HANDLES];
uint32_t wp_module_generation_word;

static uint64_t wp_module_owners[WP_MODULE_HANDLES]; /* [atomic] generation, module; see above */

/* Written by wp_module_init before any other thread can sample. */
static struct wp_region_header *wp_module_region;
static const char *wp_module_executable;
static uintptr_t wp_module_vdso;

void
wp_module_init(struct wp_region_header *region, const char *executable)
{
    wp_module_executable = executable;
    wp_module_vdso = getauxval(AT_SYSINFO_EHDR);
    wp_module_region = region;
    wp_module_forget();
}

uint32_t
wp_module_forget(void)
{
    return wp_atomic_add_32(&wp_module_generation_word, 1) + 1;
}

/* --- The region's table ---------------------------------------------------------------------- */

struct wp_module_identity {
    const char *path;
    const uint8_t *build_id;
    uint64_t key;
    uint32_t path_bytes;
    uint16_t build_id_bytes;
    bool is_executable;
};

/* FNV-1a, 64 bit. */
static uint64_t
wp_module_hash(uint64_t hash, const void *data, size_t bytes)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void
wp_module_identify(struct wp_module_identity *id, const struct link_map *map, uintptr_t start,
                   uintptr_t end)
{
    uint32_t bytes;

    id->build_id = wp_module_image_build_id(start, end, map->l_addr, &bytes);
    id->build_id_bytes =
        bytes > sizeof(((struct wp_region_module *)0)->build_id) ? 0 : (uint16_t)bytes;
    id->is_executable = false;
    id->path = map->l_name;
    if (start == wp_module_vdso) {
        id->path = WP_MODULE_VDSO_NAME;
    } else if (map->l_name == NULL || map->l_name[0] == '\0') {
        id->is_executable = true;
        id->path = wp_module_executable;
    }
    id->path_bytes = 0;
    while (id->path[id->path_bytes] != '\0' && id->path_bytes < WP_MODULE_PATH_BYTES)
        id->path_bytes++;
    id->key = wp_module_hash(UINT64_C(0xcbf29ce484222325), id->path, id->path_bytes);
    id->key = wp_module_hash(id->key, id->build_id, id->build_id_bytes);
    id->key += id->key == 0;
}

static __attribute__((noinline)) void
wp_module_fill(struct wp_region_module *row, const struct wp_module_identity *id,
               const struct link_map *map, uintptr_t start, uintptr_t end)
{
    struct wp_module_image image;
    const ElfW(Phdr) * text;

    wp_module_image_open(&image, start, end, map->l_addr);
    text = wp_module_image_segment(&image, PF_X, 0);
    row->path = wp_region_string(wp_module_region, id->path, id->path_bytes);
    row->bias = map->l_addr;
    if (text != NULL) {
        row->text_vaddr = text->p_vaddr;
        row->text_bytes = text->p_memsz;
        row->text_offset = text->p_offset;
    }
    row->build_id_bytes = id->build_id_bytes;
    for (uint32_t i = 0; i < id->build_id_bytes; i++)
        row->build_id[i] = id->build_id[i];
    row->is_executable = id->is_executable;
    /* Pairs with the reader's acquire of `ready`: it then sees all of the above. */
    wp_atomic_store_32_release(&row->ready, 1);
}

/* The row of this key, claimed if it is new; NULL: the table is full. */
static __attribute__((noinline)) struct wp_region_module *
wp_module_row(uint64_t identity_key, uint16_t *number)
{
    const struct wp_region_table *table = &wp_module_region->tables[WP_TABLE_MODULES];
    char *rows = wp_region_rows(wp_module_region, WP_TABLE_MODULES);
    uint32_t usable = table->capacity < WP_FRAME_SPECIAL ? table->capacity : WP_FRAME_SPECIAL;

    /* Row 0 stays empty. */
    for (uint32_t i = 0; i + 1 < usable; i++) {
        uint32_t index = 1 + (uint32_t)((identity_key + i) % (usable - 1));
        struct wp_region_module *row =
            (struct wp_region_module *)(rows + (size_t)index * table->stride);
        uint64_t key = wp_atomic_load_64_acquire(&row->key);

        if (key == 0 && !wp_atomic_cas_64(&row->key, 0, identity_key))
            key = wp_atomic_load_64_acquire(&row->key);
        if (key != 0 && key != identity_key)
            continue;
        *number = (uint16_t)index;
        return row;
    }
    return NULL;
}

uint16_t
wp_module_number(const struct link_map *map, uintptr_t start, uintptr_t end, uintptr_t *bias)
{
    struct wp_module_identity id;
    struct wp_region_module *row;
    uint16_t number = 0;

    *bias = map->l_addr;
    if (wp_module_region == NULL || wp_module_region->tables[WP_TABLE_MODULES].capacity == 0)
        return 0;
    wp_module_identify(&id, map, start, end);
    row = wp_module_row(id.key, &number);
    if (row == NULL)
        wp_region_count(WP_COUNTER_module_table_full, 1);
    else if (wp_atomic_load_32_acquire(&row->ready) == 0)
        wp_module_fill(row, &id, map, start, end);
    return number;
}

/* --- Handles --------------------------------------------------------------------------------- */

/* The owner word: generation in bits 63..32, identity of the mapping in bits 31..1, bit 0: taken.
 * Two modules of one generation whose 31 bits agree would share a handle, and show each other's
 * names: among 1000 modules once in 4000 programs; so the mapping's start is compared as well. */
static uintptr_t wp_module_starts[WP_MODULE_HANDLES]; /* [atomic] written before the owner */

#define WP_MODULE_BEING_TAKEN 2u

static inline uint64_t
wp_module_mix(uint64_t hash, uintptr_t word)
{
    return (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t
wp_module_owner(const struct link_map *map, uintptr_t start, uintptr_t end, uint32_t generation)
{
    uint64_t mapping = wp_module_mix(0, (uintptr_t)map);

    mapping = wp_module_mix(mapping, start);
    mapping = wp_module_mix(mapping, end);
    mapping = wp_module_mix(mapping, (uintptr_t)map->l_ld);
    mapping = wp_module_mix(mapping, (uintptr_t)map->l_name);
    return (uint64_t)generation << 32 | mapping >> 32 | 1;
}

/* A handle for this owner: its own (*taken false), or one that the caller now must set (true). */
static __attribute__((noinline)) uint16_t
wp_module_take(uint64_t owner, uintptr_t start, bool *taken)
{
    uint32_t generation = (uint32_t)(owner >> 32);

    for (uint32_t i = 0; i < WP_MODULE_PROBES; i++) {
        uint16_t handle = (uint16_t)(1 + ((uint32_t)owner / 256 + i) % (WP_MODULE_HANDLES - 1));
        uint64_t found = wp_atomic_load_64_acquire(&wp_module_owners[handle]);

        *taken = false;
        if (found == owner && wp_atomic_load_64(&wp_module_starts[handle]) == start)
            return handle;
        /* Only handles of earlier generations are free: a walk that began before the latest
         * wp_module_forget must not take from those that began after it. */
        if (found != 0 && (int32_t)((uint32_t)(found >> 32) - generation) >= 0)
            continue;
        *taken = wp_atomic_cas_64(&wp_module_owners[handle], found,
                                  (uint64_t)generation << 32 | WP_MODULE_BEING_TAKEN);
        if (*taken)
            return handle;
    }
    return 0;
}

uint16_t
wp_module_handle(const struct link_map *map, uintptr_t start, uintptr_t end, uint32_t generation)
{
    uint64_t owner = wp_module_owner(map, start, end, generation);
    uintptr_t bias;
    uint64_t number;
    bool taken;
    uint16_t handle = wp_module_take(owner, start, &taken);

    if (handle == 0)
        wp_region_count(WP_COUNTER_module_table_full, 1);
    if (!taken)
        return handle;
    number = wp_module_number(map, start, end, &bias);
    wp_atomic_store_64(&wp_module_frame_bases[handle],
                       number == 0 ? 0 : (number << WP_FRAME_MODULE_SHIFT) - bias);
    wp_atomic_store_64(&wp_module_starts[handle], start);
    wp_atomic_store_64_release(&wp_module_owners[handle], owner);
    return handle;
}
