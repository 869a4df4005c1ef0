/*
 * Waits made on purpose, by the hidden program that tune starts under the library to learn what
 * recording costs on this machine.
 */
#ifndef WP_CLI_TUNE_CONTENTION_H
#define WP_CLI_TUNE_CONTENTION_H

#include <stdint.h>

/* In place of PID on tune's command line: waits of the kind that follows, in a process of its own.
 * No region or process can have such a name. */
#define WP_CONTENTION_LOCKS "@locks"
#define WP_CONTENTION_SEMAPHORES "@semaphores"

/*
 * Two threads make one wait after the other for a lock that the other has, or for a semaphore, for
 * so long (a few times that on a busy machine), below WP_CONTENTION_DEPTH frames. Then says so by a
 * byte on standard output, and waits until standard input ends: the region lives as long. Returns
 * an exit code.
 */
int wp_contention_run(const char *kind, uint64_t span_ns);

/* As deep as a service waits. */
#define WP_CONTENTION_DEPTH 16

#endif
