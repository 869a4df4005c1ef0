/*
 * Internal to symbolizing: one executable or library, found, checked and opened.
 */
#ifndef WP_PROFILE_SYMBOL_MODULE_H
#define WP_PROFILE_SYMBOL_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "profile/profile.h"
#include "profile/symbol_dwarf.h"
#include "profile/symbol_name.h"

struct wp_symbol_module;

/*
 * Opens the file of a module: as `live_pid` (0: nobody) sees its path, as we see it, a separate
 * debug file of its build-id, or our own vDSO. Only a file with the module's build-id is taken, or,
 * if it has none, one without whose code lies at the same addresses. On failure returns NULL and
 * writes the reason.
 */
struct wp_symbol_module *wp_symbol_module_open(const struct wp_profile_module *module,
                                               pid_t live_pid, char *trouble, size_t size);
void wp_symbol_module_close(struct wp_symbol_module *module); /* NULL is fine */

bool wp_symbol_module_has_dwarf(const struct wp_symbol_module *module);

/*
 * The functions at a link-time address, innermost first, from DWARF or else from the symbol tables;
 * at most WP_SYMBOL_LINES_MAX. Returns how many, 0: no name.
 */
size_t wp_symbol_module_lookup(struct wp_symbol_module *module, uint64_t vaddr,
                               struct wp_symbol_names *names, struct wp_line *lines);

#endif
