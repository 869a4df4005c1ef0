/* Loaded and unloaded over and over by dlopen_storm.c: it locks and reads from its own code, so
 * that its addresses are in sampled stacks. */
#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

int plugin_lock(pthread_mutex_t *mutex, long *sum);
ssize_t plugin_read(int fd, void *buffer, size_t size);

int
plugin_lock(pthread_mutex_t *mutex, long *sum)
{
    int result = pthread_mutex_lock(mutex);

    if (result != 0)
        return result;
    ++*sum;
    for (volatile int i = 0; i < 2000; i++)
        continue;
    return pthread_mutex_unlock(mutex);
}

ssize_t
plugin_read(int fd, void *buffer, size_t size)
{
    ssize_t length = read(fd, buffer, size);

    return length;
}

/* Set by the program: run from the constructor when it exists there. */
extern __attribute__((weak)) void plugin_constructor_hook(void);

__attribute__((constructor)) static void
call_hook(void)
{
    if (plugin_constructor_hook != NULL)
        plugin_constructor_hook();
}
