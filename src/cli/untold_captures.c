#include "cli/untold_captures.h"

#include <stdio.h>

#include "cli/message.h"

void
wp_untold_captures_drop(struct wp_pprof **captures, size_t *count,
                        struct wp_untold_captures *dropped)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (captures[i]->type != 0 || captures[i]->stack_count > 0) {
            captures[kept++] = captures[i];
            continue;
        }
        if (dropped->count++ == 0)
            snprintf(dropped->first, sizeof dropped->first, "%s", captures[i]->path);
        wp_pprof_free(captures[i]);
    }
    *count = kept;
}

void
wp_untold_captures_warn(const struct wp_untold_captures *dropped)
{
    char others[64] = "";

    if (dropped->count == 0)
        return;
    if (dropped->count > 1)
        snprintf(others, sizeof others, " and %zu more", dropped->count - 1);
    wp_message_warning(NULL, NULL,
                       "%s%s: passed over: without stacks, a profile that waitprof has not written "
                       "does not say whether it is a block or a mutex profile",
                       dropped->first, others);
}
