/*
 * A parent that waits for its children, and N workers that wait for nothing in particular, 5 ms at
 * a time, until they are killed: prefork N.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noinline)) work(void)
{
    for (;;)
        poll(NULL, 0, 5);
}

int
main(int argc, char **argv)
{
    int workers = argc > 1 ? atoi(argv[1]) : 2;

    for (int i = 0; i < workers; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
        }
    }
    while (wait(NULL) > 0)
        continue;
    return 0;
}
