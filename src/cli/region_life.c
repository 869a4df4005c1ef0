#include "cli/region_life.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1: the process has a file of that name mapped; 0: it has not; negative errno: nobody can tell. */
static int
maps_file(pid_t pid, const char *name)
{
    char path[64];
    char *line = NULL;
    size_t room = 0;
    int found = 0;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return -errno;
    while (found == 0 && getline(&line, &room, maps) > 0)
        found = strstr(line, name) != NULL;
    if (found == 0 && ferror(maps))
        found = -EIO;
    free(line);
    fclose(maps);
    return found;
}

/* A process that has the file mapped; 0 when there is none that may be looked at. */
static pid_t
find_user(const char *name)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    pid_t user = 0;

    if (processes == NULL)
        return 0;
    while (user == 0 && (entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && maps_file(pid, name) == 1)
            user = pid;
    }
    closedir(processes);
    return user;
}

struct wp_region_life
wp_region_life_look(const struct wp_snapshot *snapshot)
{
    struct wp_region_life life = {.state = "running"};
    enum wp_reader_state state = wp_snapshot_state(snapshot, &life.pid);
    /* The name holds a random id, and unlike the path it is the same in every mount namespace. */
    const char *slash = strrchr(snapshot->place.path, '/');
    bool replaced;

    if (state == WP_STATE_RUNNING && (slash == NULL || maps_file(life.pid, slash) != 0))
        return life;
    replaced = state == WP_STATE_RUNNING;
    if (state != WP_STATE_CHILDREN)
        life.pid = slash != NULL ? find_user(slash) : 0;
    life.ended = life.pid == 0;
    if (!life.ended)
        life.state = "children";
    else if (replaced)
        life.state = "replaced";
    else
        life.state = (snapshot->flags & WP_REGION_FLAG_EXITED) != 0 ? "exited" : "dead";
    return life;
}
