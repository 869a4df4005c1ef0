/* Waits in a constructor of a library that is initialised before libwaitprof.so; main goes on. */
#include "exercise_families.h"
#include "expect.h"
#include "expect_region.h"

int early_library_done(void);

int
main(void)
{
    EXPECT_EQ(early_library_done(), 1);
    exercise_waits(30);
    exercise_families(30);
    for (size_t i = 0; expect_is_preloaded() && i < EXERCISE_FAMILIES_WAITING; i++)
        if (expect_contentions(expect_own_region(), WP_PROFILE_BLOCK,
                               exercise_families_waiting[i]) == 0)
            expect_fail(__FILE__, __LINE__, "no sample of %s", exercise_families_waiting[i]);
    return 0;
}
