/* A library whose constructor waits in every way: it may run before that of libwaitprof.so. */
#define EXPECT_NO_PROOF
#include "expect.h"

#include "exercise_families.h"

int early_library_done(void);
static int done;

__attribute__((constructor)) static void
wait_in_the_constructor(void)
{
    exercise_waits(30);
    exercise_families(10);
    done = 1;
}

/* Runs after the destructor of libwaitprof.so when that was loaded later, before it otherwise. */
__attribute__((destructor)) static void
wait_in_the_destructor(void)
{
    exercise_waits(30);
    exercise_families(10);
    if (getenv("EARLY_LIBRARY_REPORTS") != NULL)
        dprintf(STDOUT_FILENO, "library destructor\n");
}

int
early_library_done(void)
{
    return done;
}
