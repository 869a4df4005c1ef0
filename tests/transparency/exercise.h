/*
 * One round of everything that is wrapped, with real waits in it and checks of the outcome: what
 * programs of this directory do in odd places (constructors, children, sandboxes) to see that all
 * is well there. Include after expect.h.
 */
#ifndef WP_TESTS_TRANSPARENCY_EXERCISE_H
#define WP_TESTS_TRANSPARENCY_EXERCISE_H

#include <sys/socket.h>

#include "expect.h"

/* Invariant: sum == the number of additions done by both threads, under either lock. */
struct exercise {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    pthread_cond_t cond;
    int turn;
    long sum;
    long read_sum;
    int rounds;
    int pipe[2];
    int sockets[2];
};

static inline void
exercise_hold_briefly(void)
{
    int64_t until = expect_now_ns(CLOCK_MONOTONIC) + 20000;

    while (expect_now_ns(CLOCK_MONOTONIC) < until)
        continue;
}

static inline void
exercise_locks(struct exercise *exercise)
{
    for (int i = 0; i < exercise->rounds; i++) {
        EXPECT_RETURNS(pthread_mutex_lock(&exercise->mutex), 0);
        exercise_hold_briefly();
        exercise->sum++;
        EXPECT_RETURNS(pthread_mutex_unlock(&exercise->mutex), 0);
        EXPECT_RETURNS(pthread_rwlock_wrlock(&exercise->rwlock), 0);
        exercise_hold_briefly();
        exercise->read_sum++;
        EXPECT_RETURNS(pthread_rwlock_unlock(&exercise->rwlock), 0);
        EXPECT_RETURNS(pthread_rwlock_rdlock(&exercise->rwlock), 0);
        EXPECT(exercise->read_sum > i);
        EXPECT_RETURNS(pthread_rwlock_unlock(&exercise->rwlock), 0);
    }
}

static inline void
exercise_cond(struct exercise *exercise, int mine)
{
    for (int i = 0; i < exercise->rounds; i++) {
        EXPECT_RETURNS(pthread_mutex_lock(&exercise->mutex), 0);
        while (exercise->turn != mine)
            EXPECT_RETURNS(pthread_cond_wait(&exercise->cond, &exercise->mutex), 0);
        exercise->turn = !mine;
        EXPECT_RETURNS(pthread_cond_signal(&exercise->cond), 0);
        EXPECT_RETURNS(pthread_mutex_unlock(&exercise->mutex), 0);
    }
}

static inline void *
exercise_partner(void *argument)
{
    struct exercise *exercise = (struct exercise *)argument;

    exercise_locks(exercise);
    exercise_cond(exercise, 1);
    for (int i = 0; i < exercise->rounds; i++) {
        char byte = (char)i;

        exercise_hold_briefly();
        EXPECT_EQ(write(exercise->pipe[1], &byte, 1), 1);
        exercise_hold_briefly();
        EXPECT_EQ(send(exercise->sockets[1], &byte, 1, 0), 1);
    }
    return NULL;
}

/* Ends the program if anything is amiss. Needs threads and six descriptors for a moment. */
static inline void
exercise_waits(int rounds)
{
    struct exercise exercise = {PTHREAD_MUTEX_INITIALIZER,
                                PTHREAD_RWLOCK_INITIALIZER,
                                PTHREAD_COND_INITIALIZER,
                                0,
                                0,
                                0,
                                rounds,
                                {-1, -1},
                                {-1, -1}};

    EXPECT_EQ(pipe(exercise.pipe), 0);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, exercise.sockets), 0);
    pthread_t partner = expect_thread(exercise_partner, &exercise);
    exercise_locks(&exercise);
    exercise_cond(&exercise, 0);
    for (int i = 0; i < rounds; i++) {
        char byte = 0;

        EXPECT_RETURNS(read(exercise.pipe[0], &byte, 1), 1);
        EXPECT_EQ(byte, (char)i);
        EXPECT_RETURNS(recv(exercise.sockets[0], &byte, 1, 0), 1);
        EXPECT_EQ(byte, (char)i);
    }
    expect_join(partner);
    EXPECT_EQ(exercise.sum, 2L * rounds);
    EXPECT_EQ(exercise.read_sum, 2L * rounds);
    for (int i = 0; i < 2; i++) {
        close(exercise.pipe[i]);
        close(exercise.sockets[i]);
    }
    EXPECT_RETURNS(pthread_cond_destroy(&exercise.cond), 0);
    EXPECT_RETURNS(pthread_mutex_destroy(&exercise.mutex), 0);
}

/* --- Many distinct stacks --- */

/* One wait that ends at once, at the end of a way that `path` chooses: each bit one caller. */
static void exercise_path(unsigned path, unsigned depth);

__attribute__((noipa)) static void
exercise_path_left(unsigned path, unsigned depth)
{
    exercise_path(path, depth);
    __asm__ volatile("");
}

__attribute__((noipa)) static void
exercise_path_right(unsigned path, unsigned depth)
{
    exercise_path(path, depth);
    __asm__ volatile("nop");
}

__attribute__((noipa)) static void
exercise_path(unsigned path, unsigned depth)
{
    if (depth == 0) {
        static const struct timespec past = {1, 0};
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

        EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
        EXPECT_RETURNS(pthread_cond_timedwait(&cond, &mutex, &past), ETIMEDOUT);
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    } else if (path & 1) {
        exercise_path_left(path >> 1, depth - 1);
    } else {
        exercise_path_right(path >> 1, depth - 1);
    }
    __asm__ volatile("");
}

/* Waits on 2^depth different stacks of more than 2 * depth frames: 13 makes a profile of some 3 MB,
 * so that a region has to grow or to fold. */
__attribute__((unused)) static void
exercise_many_stacks(unsigned depth)
{
    for (unsigned path = 0; path < 1u << depth; path++)
        exercise_path(path, depth);
}

#endif
