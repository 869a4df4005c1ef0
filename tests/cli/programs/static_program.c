/*
 * static_program [SECONDS]: linked statically, it cannot be profiled.
 */
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    if (argc > 1)
        sleep((unsigned)strtoul(argv[1], NULL, 10));
    return 0;
}
