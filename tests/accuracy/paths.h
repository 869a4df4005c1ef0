/*
 * Waits once in every way of a table, several times over. Each way has a function of its own, whose
 * name is the path (truth.h). A helper thread brings the wait about: it makes the object
 * unavailable, sees the waiter asleep in the kernel (so that every wait is a real one and counts
 * are exact, on a busy machine too), lets it wait for a while, and ends it.
 */
#ifndef WP_TESTS_PATHS_H
#define WP_TESTS_PATHS_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "accuracy/truth.h"

/* How a wait comes to its end. */
enum path_end {
    PATH_RELEASED, /* the helper's release ends it, when the waiter was seen asleep */
    PATH_SPINNING, /* the same, when the waiter was seen to use the processor */
    PATH_ALONE,    /* by itself (a time-out, a disk): the release only tidies up */
};

struct path {
    void (*wait)(void);    /* in the main thread */
    void (*hold)(void);    /* in the helper, before */
    void (*release)(void); /* in the helper, after */
    enum path_end end;
};

/* For how long the helper lets the waiter wait, and for how long waits in vain last. */
extern uint64_t path_hold_ns;

/* The waiter: the main thread. */
extern pthread_t path_waiter;
extern pid_t path_waiter_tid;

/*
 * Waits `rounds` times on each path of the table, and prints the truth. main() calls it, with its
 * arguments ROUNDS and HOLD_NS, as its last act, and returns what it returns.
 */
int paths_run(const struct path *paths, unsigned path_count, int argc, char **argv);

/* The time on `clock` after_ns from now. */
struct timespec path_deadline(clockid_t clock, uint64_t after_ns);

/* For `hold` and `release` where there is nothing to be done. */
void path_do_nothing(void);

/* Ends the program, with errno or `error` if it is not 0, unless `holds`. */
#define PATH_NEED(holds, error)                                                                    \
    do {                                                                                           \
        if (!(holds))                                                                              \
            truth_fail(#holds, (error));                                                           \
    } while (0)

/* errno if the call has returned -1, else 0. */
#define PATH_ERROR_OF(call) ((call) == -1 ? errno : 0)

/*
 * void NAME(void): measures `call`, whose value is an int, and checks that it is `expected`. The
 * path is NAME:KIND. `set_up` runs before the clock starts, and may define variables but must not
 * sleep; `finish` runs after it stopped, and must not wait: it is on the path too.
 */
#define DEFINE_WAIT_AS(name, kind, truth, object, set_up, call, expected, finish)                  \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        uint64_t start_ns;                                                                         \
        uint64_t end_ns;                                                                           \
        int result;                                                                                \
                                                                                                   \
        set_up;                                                                                    \
        start_ns = truth_now_ns();                                                                 \
        result = (int)(call);                                                                      \
        end_ns = truth_now_ns();                                                                   \
        if (result != (expected))                                                                  \
            truth_fail(#name, result);                                                             \
        truth_wait(#name ":" kind, truth, object, start_ns, end_ns);                               \
        finish;                                                                                    \
    }

/* The wait is for no lock, and needs nothing besides. */
#define DEFINE_WAIT(name, kind, call, expected)                                                    \
    DEFINE_WAIT_AS(name, kind, TRUTH_OTHER, NULL, (void)0, call, expected, (void)0)

/* `call` may use `until`, ten seconds ahead on `clock`. */
#define DEFINE_BOUNDED_WAIT(name, kind, truth, object, clock, call, finish)                        \
    DEFINE_WAIT_AS(name, kind, truth, object,                                                      \
                   struct timespec until = path_deadline(clock, 10000000000u), call, 0, finish)

/* `call` may use `until`, the moment at which it shall give up with `expected`. */
#define DEFINE_TIMEOUT(name, kind, truth, object, clock, call, expected)                           \
    DEFINE_WAIT_AS(name, kind, truth, object,                                                      \
                   struct timespec until = path_deadline(clock, path_hold_ns), call, expected,     \
                   (void)0)

#endif
