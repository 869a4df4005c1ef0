/*
 * One unit of functions; compiled for each unit, with its number as MANY_UNIT.
 */
#include "many_stacks.h"

#define JOIN_NOW(left, right) left##right
#define JOIN(left, right) JOIN_NOW(left, right)
#define STEP_NAME(number) JOIN(JOIN(step_, MANY_UNIT), _##number)

/* An inline frame on top of each function. */
static inline __attribute__((always_inline)) void
go_on(struct many_walk *walk)
{
    many_next(walk)(walk);
}

/* The number keeps a call from being merged with others, and what follows it from being a jump. */
#define CALL(number)                                                                               \
    case number:                                                                                   \
        go_on(walk);                                                                               \
        __asm__ volatile("" : : "i"(number) : "memory");                                           \
        break;

#define STEP(number)                                                                               \
    static __attribute__((noinline)) void STEP_NAME(number)(struct many_walk * walk)               \
    {                                                                                              \
        if (walk->left-- == 0) {                                                                   \
            walk->end();                                                                           \
            __asm__ volatile("" : : : "memory");                                                   \
            return;                                                                                \
        }                                                                                          \
        switch (walk->random >> 61) {                                                              \
            MANY_CALLS(CALL)                                                                       \
        }                                                                                          \
    }
MANY_STEPS(STEP)

#define STEP_ROW(number) STEP_NAME(number),
many_step *const JOIN(many_steps_, MANY_UNIT)[MANY_STEPS_A_UNIT] = {MANY_STEPS(STEP_ROW)};
