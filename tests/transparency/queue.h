/*
 * Threads that wait for a condition, as the tests of conditions need them. Include after expect.h.
 */
#ifndef WP_TESTS_TRANSPARENCY_QUEUE_H
#define WP_TESTS_TRANSPARENCY_QUEUE_H

#include "expect.h"

/* Waiters take a ticket each. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int waiting;
    int tickets;
};

static inline void
set_up(struct queue *fresh)
{
    *fresh = (struct queue){
        .mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
        .cond = PTHREAD_COND_INITIALIZER,
    };
}

static inline void
lock(pthread_mutex_t *mutex)
{
    EXPECT_EQ(pthread_mutex_lock(mutex), 0);
}

static inline void
unlock(pthread_mutex_t *mutex)
{
    EXPECT_EQ(pthread_mutex_unlock(mutex), 0);
}

static inline void
leave_queue(void *argument)
{
    struct queue *left = argument;

    left->waiting--;
    unlock(&left->mutex);
}

static inline void *
take_ticket(void *argument)
{
    struct queue *own = argument;

    lock(&own->mutex);
    own->waiting++;
    pthread_cleanup_push(leave_queue, own);
    while (own->tickets == 0) {
        EXPECT_RETURNS(pthread_cond_wait(&own->cond, &own->mutex), 0);
        EXPECT_RETURNS(pthread_mutex_lock(&own->mutex), EDEADLK);
    }
    own->tickets--;
    pthread_cleanup_pop(1);
    return NULL;
}

/* Returns with the mutex held, when `count` threads wait. */
static inline void
await_waiting(struct queue *of, int count)
{
    for (;;) {
        lock(&of->mutex);
        if (of->waiting == count)
            return;
        unlock(&of->mutex);
        expect_pause_ms(1);
    }
}

/* With the mutex held, which is let go. */
static inline void
let_all_go(struct queue *of, int tickets)
{
    of->tickets = tickets;
    EXPECT_RETURNS(pthread_cond_broadcast(&of->cond), 0);
    unlock(&of->mutex);
}

/* A thread that needs little of a stack. */
static inline pthread_t
small_thread(void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;

    EXPECT_EQ(pthread_attr_init(&attributes), 0);
    EXPECT_EQ(pthread_attr_setstacksize(&attributes, 65536), 0);
    EXPECT_EQ(pthread_create(&thread, &attributes, body, argument), 0);
    EXPECT_EQ(pthread_attr_destroy(&attributes), 0);
    return thread;
}

#endif
