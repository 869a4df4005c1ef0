/*
 * Functions to be found on stacks: many, in several units, that call each other along random paths.
 */
#ifndef BENCH_MANY_STACKS_H
#define BENCH_MANY_STACKS_H

#include <stdint.h>

/* Each is many_stacks_unit.c, compiled with its number. */
#define MANY_UNITS(X)                                                                              \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* The functions of a unit. */
#define MANY_STEPS(X) MANY_STEPS_BELOW_16(X) MANY_STEPS_FROM_16(X)
#define MANY_STEPS_BELOW_16(X)                                                                     \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define MANY_STEPS_FROM_16(X)                                                                      \
    X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define MANY_STEPS_A_UNIT 32u

/* Places from which a function may call the next. */
#define MANY_CALLS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* A path under way. The random number says which function is next, and from which place. */
struct many_walk {
    uint64_t random;
    unsigned left; /* functions still to be called */
    void (*end)(void);
};

typedef void many_step(struct many_walk *walk);

#define MANY_UNIT_STEPS(unit) extern many_step *const many_steps_##unit[MANY_STEPS_A_UNIT];
MANY_UNITS(MANY_UNIT_STEPS)
#undef MANY_UNIT_STEPS

/* The function that the path goes on to. */
many_step *many_next(struct many_walk *walk);

#endif
