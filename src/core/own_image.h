/*
 * Where this library lies in memory.
 */
#ifndef WP_CORE_OWN_IMAGE_H
#define WP_CORE_OWN_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/* [start, end), made by the linker. In a test program that holds this code, the program itself. */
extern const char wp_own_image_start[] __asm__("__ehdr_start")
    __attribute__((visibility("hidden")));
extern const char wp_own_image_end[] __asm__("_end") __attribute__((visibility("hidden")));

/* Does the address lie in it? */
static inline bool
wp_own_image_holds(uintptr_t address)
{
    return address >= (uintptr_t)wp_own_image_start && address < (uintptr_t)wp_own_image_end;
}

#endif
