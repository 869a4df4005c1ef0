#include "agent/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
shelf_open(void **state)
{
    static struct shelf shelf;

    strcpy(shelf.directory, "/tmp/wp-test-XXXXXX");
    if (mkdtemp(shelf.directory) == NULL)
        return -1;
    setenv("WAITPROF_DIR", shelf.directory, 1);
    *state = &shelf;
    return 0;
}

int
shelf_close(void **state)
{
    const struct shelf *shelf = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", shelf->directory);
    return system(command);
}
