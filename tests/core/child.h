/*
 * Parts of a test that change the process (limits, user, mounts, signals) or need a second one run
 * in a forked child. A child has no cmocka: it says with CHILD_REQUIRE what it found, and ends.
 */
#ifndef WP_TESTS_CORE_CHILD_H
#define WP_TESTS_CORE_CHILD_H

#include <errno.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the child with status 1, and says why, unless the condition holds. */
#define CHILD_REQUIRE(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: in a child: not so: %s\n", __FILE__, __LINE__, #condition);    \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* Waits for a child. Its exit status, or 128 and the signal that ended it. */
static inline int
child_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Starts a child that runs body and ends with status 0. */
static inline pid_t
child_start(void (*body)(void *), void *argument)
{
    fflush(NULL);

    pid_t pid = fork();

    if (pid == 0) {
        body(argument);
        _exit(0);
    }
    return pid;
}

/* Runs body in a child: 0 if all it required was so. */
static inline int
child_run(void (*body)(void *), void *argument)
{
    return child_wait(child_start(body, argument));
}

#endif
