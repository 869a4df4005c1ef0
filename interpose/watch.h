/*
 * Calls that are not waits, but that the profiler must know of.
 */
#ifndef WP_INTERPOSE_WATCH_H
#define WP_INTERPOSE_WATCH_H

#include <stdbool.h>

/* A call by syscall() of SYS_seccomp or SYS_prctl, before it is made, with its first arguments.
 * True: it froze the region (wp_region_freeze), which is to be taken back if the call fails. */
bool wp_watch_syscall(long number, unsigned long a, unsigned long b);

#endif
