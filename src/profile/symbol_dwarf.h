/*
 * Internal to symbolizing: functions, inline frames and lines from the DWARF of one module.
 */
#ifndef WP_PROFILE_SYMBOL_DWARF_H
#define WP_PROFILE_SYMBOL_DWARF_H

#include <elfutils/libdwfl.h>
#include <stddef.h>

#include "profile/symbol_name.h"
#include "profile/symbolize.h"

/* Inlining deeper than this is cut at the outer side of the inner ones. */
#define WP_SYMBOL_LINES_MAX 64u

struct wp_symbol_dwarf;

/* An index of the compilation units; NULL if the module has no DWARF or memory is short. Does not
 * rest on .debug_aranges, which clang does not write. Valid as long as the Dwfl. */
struct wp_symbol_dwarf *wp_symbol_dwarf_open(Dwfl_Module *module);
void wp_symbol_dwarf_close(struct wp_symbol_dwarf *dwarf); /* NULL is fine */

/*
 * The functions at a Dwfl address, innermost first, at most WP_SYMBOL_LINES_MAX. When the address
 * has a line but no function, one line without a function ("") is given. Returns how many.
 */
size_t wp_symbol_dwarf_lookup(struct wp_symbol_dwarf *dwarf, uint64_t address,
                              struct wp_symbol_names *names, struct wp_line *lines);

#endif
