/*
 * A second preload, behind libwaitprof.so: counts the calls that reach it, the program's own and
 * any that waitprof might make. Counting is off until a program asks for it (count_calls.h).
 */
#include "accuracy/count_calls.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

/* Of glibc: what malloc and the others are, with no need of dlsym, which itself allocates. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

static struct count_calls counts;
static int counting; /* atomic */

static int (*real_mutex_unlock)(pthread_mutex_t *);
static int (*real_rwlock_unlock)(pthread_rwlock_t *);

static void
count(uint64_t *counter)
{
    if (__atomic_load_n(&counting, __ATOMIC_RELAXED))
        __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void
count_calls_begin(void)
{
    counts = (struct count_calls){0};
    __atomic_store_n(&counting, 1, __ATOMIC_SEQ_CST);
}

struct count_calls
count_calls_end(void)
{
    __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
    return counts;
}

void *
malloc(size_t size)
{
    count(&counts.allocations);
    return __libc_malloc(size);
}

void *
calloc(size_t number, size_t size)
{
    count(&counts.allocations);
    return __libc_calloc(number, size);
}

void *
realloc(void *old, size_t size)
{
    count(&counts.allocations);
    return __libc_realloc(old, size);
}

void
free(void *old)
{
    count(&counts.frees);
    __libc_free(old);
}

/* Resolved at the first call: other libraries' constructors unlock before ours has run. */
int
pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (real_mutex_unlock == NULL)
        *(void **)&real_mutex_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    count(&counts.unlocks);
    return real_mutex_unlock(mutex);
}

int
pthread_rwlock_unlock(pthread_rwlock_t *rwlock)
{
    if (real_rwlock_unlock == NULL)
        *(void **)&real_rwlock_unlock = dlsym(RTLD_NEXT, "pthread_rwlock_unlock");
    count(&counts.unlocks);
    return real_rwlock_unlock(rwlock);
}
