/*
 * What the loader and a module's tables say of a code address. No lock, no system call, no
 * allocation; signal handlers; errno unchanged.
 */
#ifndef WP_CORE_UNWIND_LOOKUP_H
#define WP_CORE_UNWIND_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/unwind_cfi.h"

struct link_map;

/* The object that holds an address. */
struct wp_unwind_mapping {
    struct wp_cfi_object object; /* the whole module's bounds; header is 0 if it has no tables */
    const struct link_map *map;
};

/* False: in no object. */
bool wp_unwind_find_mapping(uintptr_t address, struct wp_unwind_mapping *mapping);

/* What is read of an address: the entry takes the place of the mapping, on a stack that is not
 * ours. */
struct wp_unwind_lookup {
    union {
        struct wp_unwind_mapping mapping;
        struct wp_cfi_entry entry;
    };
    struct wp_cfi_row row;
};

enum wp_unwind_entry {
    WP_UNWIND_ENTRY_MISSING,
    WP_UNWIND_ENTRY_FOUND,  /* lookup->entry covers the address */
    WP_UNWIND_ENTRY_BOTTOM, /* lookup->row says that the frame has no caller */
};

/*
 * The entry for an address in lookup->mapping. A return address that no call can have left, because
 * nothing is before it and a function begins right there, was planted as the bottom of a stack made
 * by hand (makecontext).
 */
enum wp_unwind_entry wp_unwind_find_entry(struct wp_unwind_lookup *lookup, uintptr_t address);

/* The entry and the row. False: there is none. */
static inline bool
wp_unwind_read_row(struct wp_unwind_lookup *lookup, uintptr_t address)
{
    enum wp_unwind_entry entry = wp_unwind_find_entry(lookup, address);

    if (entry != WP_UNWIND_ENTRY_FOUND)
        return entry == WP_UNWIND_ENTRY_BOTTOM;
    return wp_cfi_evaluate(&lookup->entry, address, &lookup->row);
}

/* Whether a return address that a frame pointer led to may be one: in an executable segment, or in
 * no object at all (code made at run time). */
bool wp_unwind_is_code(uintptr_t pc);

#endif
