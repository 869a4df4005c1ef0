/*
 * Starts a program and stands in for it: signals and job control pass through, its end is known.
 */
#ifndef WP_CLI_LAUNCH_H
#define WP_CLI_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

struct wp_launch_variable {
    const char *name;
    char value[256]; /* longer ones are cut */
};

#define WP_LAUNCH_VARIABLES 8u

struct wp_launch {
    char *const *arguments; /* argv of the program, found as execvp(3) does */
    const char *library;    /* put in front of LD_PRELOAD */
    struct wp_launch_variable variables[WP_LAUNCH_VARIABLES];
    unsigned variable_count;
    bool tells_pid; /* set WAITPROF_PID to the program's pid */
};

struct wp_launch_end {
    int exec_errno;  /* not 0: the program could not be started, and why */
    int wait_status; /* as of waitpid(2), when it could */
};

/* Adds a variable to the environment of the program. At most WP_LAUNCH_VARIABLES. */
void wp_launch_set(struct wp_launch *launch, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Runs the program to its end. While it runs, this process neither dies of nor stops by the signals
 * that it passes on (INT, QUIT, TERM, HUP, USR1, USR2, WINCH, TSTP, CONT): those that the terminal
 * sends reach the program without us, since it stays in our process group; those that a process
 * sends to us alone are sent on. When the program stops by job control we stop too. The program
 * gets the signal mask and dispositions that we were started with. 0, or -errno when no process
 * could be made.
 */
int wp_launch_run(const struct wp_launch *launch, struct wp_launch_end *end);

/* Ends this process as the program ended: the same exit status, or the same signal without a core
 * file. Never returns. */
void wp_launch_end_alike(int wait_status) __attribute__((noreturn));

#endif
