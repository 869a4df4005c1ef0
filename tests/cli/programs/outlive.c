/*
 * outlive FILE: forks a child that waits until FILE is gone, and ends itself at once. The child
 * writes its pid to FILE first.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    FILE *file;
    int ends[2];
    char byte;

    if (argc != 2 || pipe(ends) != 0)
        return 2;
    switch (fork()) {
    case -1:
        return 1;
    case 0:
        nanosleep(&pause, NULL);
        file = fopen(argv[1], "w");
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
        if (write(ends[1], "", 1) != 1)
            return 1;
        while (access(argv[1], F_OK) == 0)
            nanosleep(&pause, NULL);
        return 0;
    default:
        /* A wait of the first process, so that the region is not empty. */
        return read(ends[0], &byte, 1) == 1 ? 0 : 1;
    }
}
