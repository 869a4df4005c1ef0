/*
 * The module table: which executable, library or vDSO an address belongs to, as a number that all
 * processes of the region share and that outlives dlclose; and what this process alone knows of its
 * modules: where each is mapped at present.
 *
 * Nothing here takes a lock, allocates, or calls the system; all but wp_module_init may run in a
 * signal handler, in any thread and after fork, and leaves errno alone.
 */
#ifndef WP_CORE_MODULE_H
#define WP_CORE_MODULE_H

#include <stdint.h>

#include "core/atomic.h"
#include "core/region_format.h"

struct link_map;

/*
 * Where modules are recorded. `strings` bytes are handed out by wp_region_string(). Both point into
 * the region; before wp_module_init the table is absent and every module is 0 (unknown).
 * `executable` (absolute path) stands for the loader's empty name of the program itself; it must
 * stay valid for good. Once, in the constructor. Forgets what was known (wp_module_forget).
 */
void wp_module_init(struct wp_region_header *region, const char *executable);

/*
 * The number (1..) of the module that the loader knows as `map`, mapped at [start, end), recorded
 * on first sight with its path and build-id; 0 when it cannot be (table full: counted). *bias is
 * set to load address minus link-time address.
 */
uint16_t wp_module_number(const struct link_map *map, uintptr_t start, uintptr_t end,
                          uintptr_t *bias);

/*
 * Handles: what this process knows of a module, 1 .. WP_MODULE_HANDLES - 1; 0 means that no handle
 * was free, or that the module has no number. A handle serves for one generation.
 */
#define WP_MODULE_HANDLES 1024u

/*
 * The handle of the module, taken on first sight in this generation. `generation` is what
 * wp_module_generation() said before the caller learned of the module.
 */
uint16_t wp_module_handle(const struct link_map *map, uintptr_t start, uintptr_t end,
                          uint32_t generation);

/* [atomic] Number of the module in bits 63..48, minus its load bias, modulo 2^64; by handle. 0 at
 * 0: an address outside of any module is its own frame, without its bit 47. */
extern uint64_t wp_module_frame_bases[WP_MODULE_HANDLES] __attribute__((visibility("hidden")));

/* The frame (region_format.h) of a run-time address in the module of this handle. One word is read,
 * so that the result is never half of one module and half of another. */
static inline uint64_t
wp_module_frame(uint16_t handle, uintptr_t address)
{
    return (wp_atomic_load_64(&wp_module_frame_bases[handle]) + address) & ~WP_FRAME_EXACT;
}

/* [atomic] Counts wp_module_forget calls. */
extern uint32_t wp_module_generation_word __attribute__((visibility("hidden")));

static inline uint32_t
wp_module_generation(void)
{
    return wp_atomic_load_32_acquire(&wp_module_generation_word);
}

/* Handles of before are void: the loader may have unmapped a module, and mapped another there.
 * Returns the new generation. */
uint32_t wp_module_forget(void);

#endif
