#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdbool.h>
#include <string.h>

#include "core/own_image.h"

#pragma weak dlvsym /* glibc only, and the next */
#pragma weak gnu_get_libc_version

#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    static type wp_real_stub_##id parameters                                                       \
    {                                                                                              \
        wp_real_bind();                                                                            \
        return wp_real.id arguments;                                                               \
    }
#define WP_NEEDED(id, symbol, type, parameters, arguments)                                         \
    WP_FUNCTION(id, symbol, "", sync, "", type, parameters, arguments)
#include "functions.def"

struct wp_real wp_real = {
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    .id = wp_real_stub_##id,
#define WP_NEEDED(id, symbol, type, parameters, arguments) .id = wp_real_stub_##id,
#include "functions.def"
};

/* Stands for a function that the C library lacks: then nobody can have linked against it. */
static long
wp_real_missing(void)
{
    errno = ENOSYS;
    return -1;
}

/*
 * epoll_pwait2 is younger (2.35) than the oldest glibc in which all others are found, and a look-up
 * that fails allocates: that must not happen in a call that an allocator makes before our
 * constructor.
 */
static bool
wp_real_is_known_missing(const char *symbol)
{
    return gnu_get_libc_version != NULL && strcmp(symbol, "epoll_pwait2") == 0 &&
           strverscmp(gnu_get_libc_version(), "2.35") < 0;
}

/*
 * dlsym and dlvsym look behind the library that calls them, which they tell by their return
 * address: neither may be called as the last thing a function does, or the compiler makes it a jump
 * and the caller seen is someone else. Hence the variable that is used afterwards.
 */
static void
wp_real_look_up(void *slot, const char *symbol, const char *version)
{
    void *found = NULL;

    if (version[0] != '\0' && dlvsym != NULL)
        found = dlvsym(RTLD_NEXT, symbol, version);
    if (found == NULL && !wp_real_is_known_missing(symbol))
        found = dlsym(RTLD_NEXT, symbol);
    if (found == NULL) {
        long (*missing)(void) = wp_real_missing;

        (void)dlerror(); /* the program need not hear of it: musl would tell at its next dlerror */
        memcpy(&found, &missing, sizeof(found));
    }
    memcpy(slot, &found, sizeof(found));
}

void
wp_real_bind(void)
{
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    wp_real_look_up(&wp_real.id, symbol, version);
#define WP_NEEDED(id, symbol, type, parameters, arguments) wp_real_look_up(&wp_real.id, symbol, "");
#include "functions.def"
}

/* What stands in the way of a wrapper, as flags of its row. Code of ours is recognized by the
 * object that it lies in: the address of a wrapper is whatever the program's name for it means. */
static uint32_t
wp_real_flags(const char *symbol, uintptr_t real)
{
    const void *called = dlsym(RTLD_DEFAULT, symbol);
    uint32_t flags = 0;

    if (real == (uintptr_t)wp_real_missing)
        flags |= WP_REGION_FUNCTION_UNBOUND;
    if (called != NULL && !wp_own_image_holds((uintptr_t)called))
        flags |= WP_REGION_FUNCTION_HIDDEN;
    return flags;
}

void
wp_real_list(struct wp_start_function *functions)
{
    struct wp_start_function *row = functions;
    struct wp_start_function whole;

#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    whole = (struct wp_start_function){                                                            \
        symbol, kind, WP_FAMILY_##family, version, (uintptr_t)wp_real.id, 0, 0};                   \
    whole.flags = wp_real_flags(symbol, whole.address);                                            \
    *row++ = whole;                                                                                \
    whole.part_of = WP_FUNCTION_##id;
#define WP_PART(id, of, part_family, part_kind)                                                    \
    *row = whole;                                                                                  \
    row->family = WP_FAMILY_##part_family;                                                         \
    row++->kind = part_kind;
#define WP_VARIADIC(id, symbol, of, family, kind)                                                  \
    whole = (struct wp_start_function){                                                            \
        symbol, kind, WP_FAMILY_##family, "", (uintptr_t)dlsym(RTLD_NEXT, symbol), 0, 0};          \
    whole.flags = wp_real_flags(symbol, whole.address);                                            \
    *row++ = whole;
#include "functions.def"
}
