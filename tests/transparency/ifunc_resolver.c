/* An IFUNC resolver of the executable calls wrapped functions while relocations are still being
 * done, before any constructor. */
#include "expect.h"

typedef int answer_function(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int resolver_calls;
static int resolver_read;

static int
answer_42(void)
{
    return 42;
}

/* Used at run time, thus bound when the executable's own relocations are processed. */
__attribute__((used)) static answer_function *
resolve_answer(void)
{
    pthread_mutex_lock(&mutex);
    resolver_calls++;
    pthread_mutex_unlock(&mutex);
    resolver_read = (int)read(-1, NULL, 0);
    return answer_42;
}

int answer(void) __attribute__((ifunc("resolve_answer")));

int
main(void)
{
    answer_function *volatile pointer = answer;

    EXPECT_EQ(answer(), 42);
    EXPECT_EQ(pointer(), 42);
    EXPECT(resolver_calls >= 1);
    EXPECT_EQ(resolver_read, -1);
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    return 0;
}
