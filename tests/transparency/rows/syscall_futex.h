/*
 * Futexes by the syscall() under test.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_SYSCALL_FUTEX_H
#define WP_TESTS_TRANSPARENCY_ROWS_SYSCALL_FUTEX_H

#include <linux/futex.h>
#include <time.h>

#include "syscall_parts.h"

#define FUTEX_HELD_BACK 7 /* waiters wait while the word is this */

/* A call of SYS_futex or its kin, and what its arguments point to. */
struct futex {
    struct syscall_call call;
    uint32_t words[2];
    struct timespec time;
};

/* Their places among the arguments of SYS_futex. */
enum { FUTEX_WORD, FUTEX_OPERATION, FUTEX_VALUE, FUTEX_TIME, FUTEX_WORD2, FUTEX_VALUE3 };

/* Makes it a call of SYS_futex to wait for words[0], without a time-out. */
void futex_set(struct futex *futex, row_type_syscall function, int operation);

/* Its time-out: `time`, as it is when the call is made. */
void futex_set_time(struct futex *futex, struct timespec time);

/* For a row_call whose object is a struct futex. */
long futex_call(void *futex);

/* Another operation on one of its words. */
long futex_do(const struct futex *futex, const uint32_t *word, int operation, long value);

#endif
