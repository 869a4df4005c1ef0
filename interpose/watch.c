/*
 * Calls that are not waits, but that the profiler must know of.
 */
#include <linux/prctl.h>

#include "core/region.h"
#include "wrapper.h"

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int dlclose(void *handle);

/*
 * Code goes: what was learned about the stack frames of its addresses goes with it. Before, for walks
 * that begin while other code may be mapped in its place already; after, for what was learned about
 * it up to the end.
 */
WP_EXPORT int
dlclose(void *handle)
{
    wp_unwind_forget();

    int error = wp_real.dlclose(handle);

    wp_unwind_forget();
    return error;
}

/* A seccomp filter may kill for any call that the program itself does not make. Variadic in libc's
 * header; the five words it can take are forwarded, as libc itself does. */
WP_EXPORT int
prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (option == PR_SET_SECCOMP)
        wp_region_set_flag(WP_REGION_FLAG_SECCOMP);
    return wp_real.prctl(option, a, b, c, d);
}
