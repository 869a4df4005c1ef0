/*
 * Start and end: what the library's constructor and destructor do.
 */
#ifndef WP_CORE_START_H
#define WP_CORE_START_H

#include <stdint.h>

#include "core/config.h"
#include "core/region_format.h"
#include "core/visibility.h"

/* A wrapped function, as it is listed in the region (struct wp_region_function says more). */
struct wp_start_function {
    const char *name;
    const char *kind;
    enum wp_family family;
    const char *version;
    uintptr_t address; /* of the real function, 0 unknown */
    uint32_t flags;    /* WP_REGION_FUNCTION_* */
    uint32_t part_of;  /* number of the function that this is another kind of, else 0 */
};

/*
 * The regions whose rates the wrappers of each family obey: the region, or a page of zeros (off)
 * for a family that WAITPROF_EVENTS leaves out, for all before wp_start and when it fails.
 */
extern WP_HIDDEN struct wp_region_header *wp_start_family_regions[WP_FAMILY_COUNT];

/* The wrapped functions, in the order of their ids. Asked for once, and only by a program that is
 * meant: to look them up takes time at its start. */
typedef const struct wp_start_function *wp_start_list(void);

/*
 * Reads the settings, makes the region, lists `count` functions in it in order (the first has id 1)
 * and switches sampling on. `main_argv` also bounds the main thread's stack. Does nothing where the
 * settings say that this program is not meant. Constructor only; errno unchanged; no allocation, no
 * output but one line when WAITPROF_DEBUG asks for it.
 */
void wp_start(char *const *main_argv, char *const *environment, wp_start_list *list,
              uint32_t count);

/* Makes every wrapper the original call from now on, in this process and its children to come; what
 * is in the region stays. Any thread. */
void wp_stop(void);

/* Marks the region as left by a clean exit, and removes it if it is empty and nobody waits for it.
 * Destructor only; the region stays mapped, for whoever still waits. */
void wp_finish(void);

#endif
