/*
 * tell_signals READY_FILE: prints the name of each signal that arrives, one line each, and ends
 * with status 7 at SIGTERM. READY_FILE is created when it is ready.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    static const int told[] = {SIGINT,  SIGQUIT,  SIGHUP,  SIGUSR1,
                               SIGUSR2, SIGWINCH, SIGCONT, SIGTERM};
    sigset_t signals;
    int received = 0;

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        sigaddset(&signals, told[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (argc > 1)
        close(open(argv[1], O_CREAT | O_WRONLY, 0666));
    while (received != SIGTERM && sigwait(&signals, &received) == 0) {
        printf("%s\n", sigabbrev_np(received));
        fflush(stdout);
    }
    return 7;
}
