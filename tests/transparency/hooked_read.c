/* A library below us that has its own read(), as coroutine libraries do: a read of an empty pipe
 * leaves the coroutine, and another thread may resume it. Whoever wraps read() must forward to this
 * one, the next in line, and must not remember the thread across the call. */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "hooked_read.h"

hooked_read_yield_function *hooked_read_yield;
int hooked_read_calls;

ssize_t
read(int fd, void *buffer, size_t size)
{
    ssize_t (*next)(int, void *, size_t) =
        (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t length = next(fd, buffer, size);

    __atomic_add_fetch(&hooked_read_calls, 1, __ATOMIC_RELAXED);
    while (length < 0 && errno == EAGAIN && hooked_read_yield != NULL) {
        hooked_read_yield();
        length = next(fd, buffer, size);
    }
    return length;
}
