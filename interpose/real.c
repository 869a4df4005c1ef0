#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#pragma weak dlvsym /* glibc only */

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
    if (found == NULL)
        found = dlsym(RTLD_NEXT, symbol);
    if (found == NULL) {
        long (*missing)(void) = wp_real_missing;

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

void
wp_real_list(struct wp_start_function *functions)
{
    struct wp_start_function *row = functions;

#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    *row++ = (struct wp_start_function){symbol, kind, (uintptr_t)wp_real.id};
#include "functions.def"
}
