/*
 * A call of the pthread_cond_wait family under way: an unlock, a wait and a lock (cond.c, c11.c).
 *
 * The entry is charged as an unlock. The return splits the call at the signal that ended the wait
 * (core/condition.h) into two events: `cond` up to the signal, `cond.reacquire` from there on. A
 * wait that timed out is split at its deadline.
 *
 * Two walks have a price, for want of something better: the stack of a charged entry is walked
 * before the real call, so while the mutex is still held, since the real unlock lies inside a call
 * that may never return; and the stack of a kept wait is walked after it, when the mutex is held
 * again. One walk per charged or kept event, none for the others.
 */
#ifndef WP_INTERPOSE_COND_CALL_H
#define WP_INTERPOSE_COND_CALL_H

#include "core/condition.h"
#include "wrapper.h"

/* The numbers of the three kinds of events of one function. */
struct wp_cond_events {
    uint16_t wait;   /* "cond" */
    uint16_t again;  /* "cond.reacquire" */
    uint16_t unlock; /* "mutex" */
};

#define WP_COND_EVENTS(id)                                                                         \
    (&(const struct wp_cond_events){WP_FUNCTION_##id, WP_FUNCTION_##id##_again,                    \
                                    WP_FUNCTION_##id##_unlock})

/* On the wrapper's stack. */
struct wp_cond_call {
    struct wp_unwind_registers caller;
    struct wp_cond_events events;
    bool is_looked_at; /* false: another wait stands for it, and only `waiter` has a meaning */
    bool is_split;     /* false: it is no waiter of the condition */
    struct wp_wait wait;
    struct wp_condition_wait waiter;
    struct timespec deadline; /* tv_nsec -1: none */
};

/* Before the real call, which the caller makes with the mutex held. `frame` is the wrapper's;
 * `deadline` may be NULL. errno unchanged, here and below. */
void wp_cond_call_begin(struct wp_cond_call *call, const void *frame, const void *condition,
                        pthread_mutex_t *mutex, const struct timespec *deadline,
                        const struct wp_cond_events *events);

/* After it: how it ended (an error that came at once is no event), with the mutex held again. */
void wp_cond_call_end(struct wp_cond_call *call, enum wp_lock_outcome outcome);

/* Before the real signal, or with `all` the real broadcast. One load where nobody waits. */
static inline void
wp_cond_call_grant(const void *condition, bool all)
{
    if (__builtin_expect(wp_condition_waited_for(condition), 0) && wp_condition_is_split())
        wp_condition_grant(condition, all, wp_clock_ns());
}

#endif
