/*
 * The address space of a profile. Consumers know a location by its address alone, so that each must
 * be unique, not 0, and the same each time that a region is read. Modules lie where the program had
 * them, unless two claim the same addresses (a library loaded where another was unloaded, programs
 * merged): then the one that came first stays, and the later moves to a place of its own.
 *
 *   below 2^57               as in the program
 *   2^60 + module * 2^44     a module that was moved
 *   2^62 + number * 2^47     what lies in no executable segment: number is that of the module, or
 *                            WP_LAYOUT_FUNCTION (then a function number follows), or
 *                            WP_LAYOUT_SPECIAL (then the code of a special frame)
 */
#ifndef WP_PROFILE_LAYOUT_H
#define WP_PROFILE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"
#include "profile/symbolize.h"

#define WP_LAYOUT_FUNCTION 0x3ffeu
#define WP_LAYOUT_SPECIAL 0x3fffu

/* Fills start, limit and file_offset of each module: start 0 if it has no known segment. */
void wp_layout_place(const struct wp_profile *profile, struct wp_module_symbols *modules);

/* The address of a link-time address of a module (0: of a run-time address outside of any). */
uint64_t wp_layout_address(const struct wp_profile *profile,
                           const struct wp_module_symbols *modules, uint32_t module,
                           uint64_t vaddr);

/* An address outside of all modules: `number` < 2^14, value < 2^47. */
uint64_t wp_layout_synthetic(uint32_t number, uint64_t value);

#endif
