/*
 * The least that a lock profiler can do: try the lock first, so that a contended lock is told from
 * a free one, then wait for it. Records nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

static int (*real_trylock)(pthread_mutex_t *);
static int (*real_lock)(pthread_mutex_t *);

__attribute__((constructor)) static void
find_real_functions(void)
{
    *(void **)&real_trylock = dlsym(RTLD_NEXT, "pthread_mutex_trylock");
    *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
}

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
    int result = real_trylock(mutex);

    return result == EBUSY ? real_lock(mutex) : result;
}
