/* A C program loads a C++ library that throws: the exception must find the C++ runtime's own
 * unwinder, whatever a preload brought along. */
#include "expect.h"

#define ROUNDS 1000

typedef int run_function(int rounds, int (*through_c)(int (*callback)(void *), void *));

__attribute__((noinline)) static int
call_through_c(int (*callback)(void *), void *argument)
{
    volatile int result = callback(argument);

    return result;
}

int
main(int argument_count, char **arguments)
{
    EXPECT_EQ(argument_count, 2);
    EXPECT(dlsym(RTLD_DEFAULT, "_Unwind_RaiseException") == NULL);
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        expect_fail(__FILE__, __LINE__, "%s", dlerror());
    run_function *run = (run_function *)dlsym(library, "throwing_run");
    EXPECT(run != NULL);
    EXPECT_EQ(run(ROUNDS, call_through_c), 2 * ROUNDS);
    EXPECT_EQ(dlclose(library), 0);
    return 0;
}
