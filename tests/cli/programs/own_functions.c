/*
 * A program with a function of its own of a name that waitprof wraps, as some have to replace their
 * locks. It stays until it is killed.
 */
#include <pthread.h>
#include <unistd.h>

int
pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
    return pthread_rwlock_tryrdlock(rwlock);
}

int
main(void)
{
    static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

    if (pthread_rwlock_rdlock(&rwlock) != 0)
        return 1;
    for (;;)
        pause();
}
