#include "cli/push/directory_sink.h"

#include <errno.h>

#define BATCH_MAX 8u

static int
put(struct wp_push_sink *sink, const struct wp_push_profile *profiles, size_t count,
    struct wp_error *error)
{
    const struct wp_directory_sink *self = (const struct wp_directory_sink *)sink;
    struct wp_stored_profile stored[BATCH_MAX];
    const struct wp_profile_directory_program program = {
        .command = profiles[0].command,
        .pid = profiles[0].pid,
        .until_ns = profiles[0].until_ns,
    };

    if (count > BATCH_MAX)
        return wp_error_set(error, EINVAL, "too many profiles at once");
    for (size_t i = 0; i < count; i++)
        stored[i] =
            (struct wp_stored_profile){profiles[i].type, profiles[i].bytes, profiles[i].length};
    return wp_profile_directory_put(self->directory, &program, stored, count, error);
}

struct wp_directory_sink
wp_directory_sink_of(struct wp_profile_directory *directory)
{
    return (struct wp_directory_sink){{put}, directory};
}
