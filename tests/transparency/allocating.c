/* A short program that allocates in several threads under locks: started many times with other
 * allocators, before us, behind us, or linked in. */
#include "exercise.h"
#include "expect.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *shared[16];

static void *
allocate_and_free(void *unused)
{
    for (size_t i = 0; i < 400; i++) {
        char *fresh = malloc(64 + i * 16);

        EXPECT(fresh != NULL);
        fresh[0] = (char)i;
        EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
        char *old = shared[i % 16];
        shared[i % 16] = fresh;
        EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
        free(old);
    }
    return unused;
}

int
main(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = expect_thread(allocate_and_free, NULL);
    exercise_waits(2);
    for (int i = 0; i < 4; i++)
        expect_join(threads[i]);
    return 0;
}
