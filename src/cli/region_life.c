#include "cli/region_life.h"

#include <string.h>

#include "profile/procfs.h"

struct wp_region_life
wp_region_life_look(const struct wp_snapshot *snapshot)
{
    struct wp_region_life life = {.state = "running"};
    enum wp_reader_state state = wp_snapshot_state(snapshot, &life.pid);
    /* The name holds a random id, and unlike the path it is the same in every mount namespace. */
    const char *slash = strrchr(snapshot->place.path, '/');
    bool seen = life.pid != 0;
    bool replaced =
        state == WP_STATE_RUNNING && seen && slash != NULL && wp_procfs_maps(life.pid, slash) == 0;

    if (state == WP_STATE_RUNNING && seen && !replaced)
        return life;
    if (state != WP_STATE_CHILDREN || !seen)
        life.pid = slash != NULL ? wp_procfs_find_user(slash) : 0;
    if (life.pid != 0) {
        life.state = "children";
    } else if (state != WP_STATE_GONE && !seen) {
        if (state == WP_STATE_CHILDREN)
            life.state = "children";
    } else {
        life.ended = true;
        if (replaced)
            life.state = "replaced";
        else
            life.state = (snapshot->flags & WP_REGION_FLAG_EXITED) != 0 ? "exited" : "dead";
    }
    return life;
}
