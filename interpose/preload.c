/*
 * Constructor and destructor of the library.
 */
#include <gnu/libc-version.h>

#include "core/condition.h"
#include "core/start.h"
#include "mutex_layout.h"
#include "real.h"

#pragma weak gnu_get_libc_version

static const struct wp_start_function *
wp_preload_list(void)
{
    static struct wp_start_function functions[WP_FUNCTION_COUNT - 1];

    wp_real_list(functions);
    return functions;
}

/*
 * The environment comes as the third argument: getenv may not work yet. A library built for glibc
 * can be loaded by musl's loader too; there, every wrapper stays the original call.
 */
__attribute__((constructor)) static void
wp_preload_start(int argc, char *const *argv, char *const *environment)
{
    (void)argc;
    wp_real_bind();
    if (gnu_get_libc_version == NULL)
        return;
    wp_mutex_layout_init();
    wp_condition_mutex_is_free = wp_mutex_is_free;
    wp_start(argv, environment, wp_preload_list, WP_FUNCTION_COUNT - 1);
    wp_mutex_heat_init();
}

/* Other threads and later destructors still run through our wrappers: nothing is torn down. */
__attribute__((destructor)) static void
wp_preload_finish(void)
{
    wp_finish();
}
