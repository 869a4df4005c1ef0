/*
 * The exit codes of every command, one list: `--help` and the manual page show it.
 * `waitprof run` leaves with the exit status of the program that it ran instead, and with 126 or
 * 127 when that could not be started.
 */
#ifndef WP_CLI_EXIT_CODE_H
#define WP_CLI_EXIT_CODE_H

#include <stdint.h>

/*   X(code, name, text for people) */
#define WP_EXIT_CODES(X)                                                                           \
    X(0, OK, "done")                                                                               \
    X(1, FAILURE, "failed")                                                                        \
    X(2, USAGE, "wrong usage: unknown command, option or argument")                                \
    X(3, NOT_FOUND, "no such process or region, or the process is not profiled")                   \
    X(4, BAD_REGION, "the region is damaged or was written by another version")                    \
    X(5, PERMISSION, "the region belongs to another user")

/* What they mean besides in one command. */
#define WP_DOCTOR_EXIT_CODES(X)                                                                    \
    X(0, OK, "doctor: the program can be profiled")                                                \
    X(1, FAILURE, "doctor: the program cannot be profiled")

/* All of them: a file that cannot be read must look neither like a regression nor like little data.
 * */
#define WP_GATE_EXIT_CODES(X)                                                                      \
    X(0, PASS, "gate: no regression")                                                              \
    X(1, REGRESSION, "gate: a regression")                                                         \
    X(2, USAGE, "gate: wrong usage, or captures that cannot be compared")                          \
    X(3, TOO_LITTLE, "gate: too little data to tell")                                              \
    X(4, FILE, "gate: a file cannot be read or written")

#define WP_DIFF_EXIT_CODES(X)                                                                      \
    X(3, NOT_FOUND, "diff: no such file")                                                          \
    X(4, BAD_REGION, "diff: a file is no profile of waits, or is damaged")                         \
    X(5, PERMISSION, "diff: a file may not be read")

#define WP_RUN_EXIT_CODES(X)                                                                       \
    X(1, FAILURE, "run: the profiles could not be written, and the program exited with 0")         \
    X(126, CANNOT_EXECUTE, "run: the program exists but cannot be executed")                       \
    X(127, NO_PROGRAM, "run: there is no such program")

enum wp_exit_code {
#define WP_EXIT_ENUM(code, name, text) WP_EXIT_##name = code,
    WP_EXIT_CODES(WP_EXIT_ENUM)
#undef WP_EXIT_ENUM
        WP_EXIT_CANNOT_EXECUTE = 126,
    WP_EXIT_NO_PROGRAM = 127,
};

enum wp_gate_exit_code {
#define WP_GATE_EXIT_ENUM(code, name, text) WP_GATE_EXIT_##name = code,
    WP_GATE_EXIT_CODES(WP_GATE_EXIT_ENUM)
#undef WP_GATE_EXIT_ENUM
};

/* Sets of those below 32, for struct wp_command. */
#define WP_EXIT_BIT(code) (UINT32_C(1) << (code))
#define WP_EXIT_BITS_PLAIN                                                                         \
    (WP_EXIT_BIT(WP_EXIT_OK) | WP_EXIT_BIT(WP_EXIT_FAILURE) | WP_EXIT_BIT(WP_EXIT_USAGE))
#define WP_EXIT_BITS_REGION                                                                        \
    (WP_EXIT_BITS_PLAIN | WP_EXIT_BIT(WP_EXIT_NOT_FOUND) | WP_EXIT_BIT(WP_EXIT_BAD_REGION) |       \
     WP_EXIT_BIT(WP_EXIT_PERMISSION))

#endif
