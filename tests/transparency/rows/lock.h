/*
 * What all locks have in common: scenarios for their cases.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_LOCK_H
#define WP_TESTS_TRANSPARENCY_ROWS_LOCK_H

#include <time.h>

#include "row.h"

typedef int lock_function(void *object);

/* A lock function with its arguments, and what the scenarios need beside it. */
struct lock {
    int (*acquire)(const struct lock *lock); /* calls `function`, which it knows the type of */
    void (*function)(void);
    void *object;
    lock_function *hold; /* exclusively */
    lock_function *let_go;
    clockid_t clock; /* of `deadline` */
    struct timespec deadline;
    int timed_out; /* results: pthread's or C11's */
    int invalid;
    bool checks_first; /* an invalid deadline is refused even if the lock is free */
};

/* --- for a row_call whose object is a struct lock --------------------------------------------- */

/* Makes the call and unlocks again. errno is the call's own afterwards: letting go leaves it
 * alone. */
long lock_and_unlock(void *lock);

void lock_release(void *lock);

void lock_expect_acquired(struct row_outcome outcome);

/* For an actor: lock_and_unlock, which leaves errno alone whatever it returns. */
int lock_by_other(void *lock);

/* --- scenarios -------------------------------------------------------------------------------- */

/* Neither signals nor cancellation end the wait. */
void lock_waits_until_released(struct lock *lock);

/* How a busy lock, and a free one, answers to each deadline. */
void lock_heeds_its_deadline(struct lock *lock);

/* All of that by each clock, and clocks that are refused. */
void lock_check_clock_form(struct lock *lock);

/* Of an unlock function, lock->let_go: it wakes who waits by `lock`, which take() took before, and
 * is charged for it under `leaf`. */
void lock_unlock_wakes(struct lock *lock, lock_function *take, const char *leaf);

#endif
