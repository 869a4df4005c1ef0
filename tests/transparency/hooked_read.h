/* Between coroutines.c and the library with its read() hook. */
#ifndef WP_TESTS_TRANSPARENCY_HOOKED_READ_H
#define WP_TESTS_TRANSPARENCY_HOOKED_READ_H

typedef void hooked_read_yield_function(void);

/* Called when a read would block; it returns when the coroutine is resumed, on any thread. */
extern hooked_read_yield_function *hooked_read_yield;
extern int hooked_read_calls;

#endif
