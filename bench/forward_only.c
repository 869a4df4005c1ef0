/*
 * The least that an interposer can do: each function calls the real one through a pointer. What it
 * costs is the price of interposing at all; waitprof is measured against it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int (*real_lock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);
static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_signal)(pthread_cond_t *);
static ssize_t (*real_read)(int, void *, size_t);

__attribute__((constructor)) static void
find_real_functions(void)
{
    *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    *(void **)&real_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    *(void **)&real_wait = dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2");
    *(void **)&real_signal = dlvsym(RTLD_NEXT, "pthread_cond_signal", "GLIBC_2.3.2");
    *(void **)&real_read = dlsym(RTLD_NEXT, "read");
}

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
    return real_lock(mutex);
}

int
pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    return real_unlock(mutex);
}

int
pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return real_wait(cond, mutex);
}

int
pthread_cond_signal(pthread_cond_t *cond)
{
    return real_signal(cond);
}

ssize_t
read(int fd, void *buffer, size_t size)
{
    return real_read(fd, buffer, size);
}
