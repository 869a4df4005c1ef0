/*
 * A directory for regions that only one test looks into: $WAITPROF_DIR while it is there.
 */
#ifndef WP_TESTS_SHELF_H
#define WP_TESTS_SHELF_H

struct shelf {
    char directory[64];
};

/* For cmocka: setup and teardown; *state is a struct shelf. */
int shelf_open(void **state);
int shelf_close(void **state);

#endif
