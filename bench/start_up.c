/*
 * How long a small program takes from start to end, bare and with a library preloaded, in turn.
 *
 *   start_up LIBRARY TURNS [PROGRAM]      default /bin/true
 *
 * Prints `ms_bare N` and `ms_preloaded N`, medians.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "accuracy/truth.h"

#define MAX_TURNS 1000u

static int
compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static uint64_t
run_once(char *program, char *const *environment)
{
    char *const arguments[] = {program, NULL};
    uint64_t start_ns = truth_now_ns();
    int status;
    pid_t pid;
    int error = posix_spawn(&pid, program, NULL, NULL, arguments, environment);

    if (error != 0)
        truth_fail(program, error);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        truth_fail("the program failed", ECHILD);
    return truth_now_ns() - start_ns;
}

int
main(int argc, char **argv)
{
    static uint64_t bare_ns[MAX_TURNS];
    static uint64_t preloaded_ns[MAX_TURNS];
    static char program[] = "/bin/true";
    static char preload[4096];
    char directory[4096];
    unsigned turns = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    char *bare[] = {NULL};
    char *preloaded[] = {preload, directory, NULL};

    if (turns == 0 || turns > MAX_TURNS) {
        fprintf(stderr, "usage: start_up LIBRARY TURNS [PROGRAM]\n");
        return 2;
    }
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", argv[1]);
    snprintf(directory, sizeof directory, "WAITPROF_DIR=%s",
             getenv("WAITPROF_DIR") != NULL ? getenv("WAITPROF_DIR") : "");
    for (unsigned i = 0; i < turns; i++) {
        bare_ns[i] = run_once(argc > 3 ? argv[3] : program, bare);
        preloaded_ns[i] = run_once(argc > 3 ? argv[3] : program, preloaded);
    }
    qsort(bare_ns, turns, sizeof bare_ns[0], compare_u64);
    qsort(preloaded_ns, turns, sizeof preloaded_ns[0], compare_u64);
    printf("ms_bare %.4f\nms_preloaded %.4f\n", (double)bare_ns[turns / 2] / 1e6,
           (double)preloaded_ns[turns / 2] / 1e6);
    return 0;
}
