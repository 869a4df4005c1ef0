/* Built with a sanitizer, with the library preloaded behind the sanitizer's runtime: no report, and
 * the events are recorded all the same. */
#define EXPECT_ONLY_LOADED
#include "expect.h"

#include "exercise.h"
#include "expect_region.h"

#define ROUNDS 50

static void
events_are_recorded(void)
{
    if (!expect_is_preloaded())
        return;
    EXPECT(expect_counter(expect_own_region(), WP_COUNTER_waits) > ROUNDS / 2);
}

/* Memory that a thread allocated, checked and freed by another while both wait in between. */
static void *
fill_under_lock(void *argument)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    char **slot = argument;

    for (int i = 0; i < 200; i++) {
        char *fresh = malloc(64);

        memset(fresh, i, 64);
        EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
        char *old = *slot;
        *slot = fresh;
        exercise_hold_briefly();
        EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
        if (old != NULL)
            EXPECT_EQ(old[0], old[63]);
        free(old);
    }
    return NULL;
}

int
main(void)
{
    char *slot = NULL;
    pthread_t first = expect_thread(fill_under_lock, &slot);
    pthread_t second = expect_thread(fill_under_lock, &slot);

    exercise_waits(ROUNDS);
    expect_join(first);
    expect_join(second);
    free(slot);
    events_are_recorded();
    return 0;
}
