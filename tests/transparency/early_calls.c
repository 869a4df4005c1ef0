/* Waits in a constructor of a library that is initialised before libwaitprof.so; main goes on. */
#include "exercise.h"
#include "expect.h"

int early_library_done(void);

int
main(void)
{
    EXPECT_EQ(early_library_done(), 1);
    exercise_waits(30);
    return 0;
}
