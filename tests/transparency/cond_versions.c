/* Both condition ABIs of libc in one process: GLIBC_2.2.5, in which pthread_cond_t holds a pointer,
 * and GLIBC_2.3.2. One sent to the other's functions crashes or hangs. */
#include "expect.h"

#define OLD(name) __asm__(".symver old_" #name "," #name "@GLIBC_2.2.5")

/* The old object is one pointer; what follows it belongs to somebody else. */
struct old_cond {
    void *cond;
    uint64_t fence;
};

int old_pthread_cond_init(struct old_cond *cond, const pthread_condattr_t *attributes);
int old_pthread_cond_destroy(struct old_cond *cond);
int old_pthread_cond_signal(struct old_cond *cond);
int old_pthread_cond_broadcast(struct old_cond *cond);
int old_pthread_cond_wait(struct old_cond *cond, pthread_mutex_t *mutex);
int old_pthread_cond_timedwait(struct old_cond *cond, pthread_mutex_t *mutex,
                               const struct timespec *deadline);
OLD(pthread_cond_init);
OLD(pthread_cond_destroy);
OLD(pthread_cond_signal);
OLD(pthread_cond_broadcast);
OLD(pthread_cond_wait);
OLD(pthread_cond_timedwait);

#define FENCE UINT64_C(0xfedcba9876543210)
#define ROUNDS 1000

static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static struct old_cond old_cond = {NULL, FENCE};
#ifndef EXPECT_OLD_ABI_ALONE
static pthread_cond_t new_cond = PTHREAD_COND_INITIALIZER;
#endif
static int turn;

/* One side of a ping-pong: its wait, and the wake-up of the other side. */
struct side {
    int number;
    bool timed;
};

static void
wait_on_own_abi(const struct side *side)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

#ifndef EXPECT_OLD_ABI_ALONE
    if (side->number == 1) {
        if (side->timed)
            EXPECT_RETURNS(pthread_cond_timedwait(&new_cond, &mutex, &deadline), 0);
        else
            EXPECT_RETURNS(pthread_cond_wait(&new_cond, &mutex), 0);
        return;
    }
#endif
    if (side->timed)
        EXPECT_RETURNS(old_pthread_cond_timedwait(&old_cond, &mutex, &deadline), 0);
    else
        EXPECT_RETURNS(old_pthread_cond_wait(&old_cond, &mutex), 0);
}

static void
wake_the_other_side(const struct side *side, int round)
{
#ifndef EXPECT_OLD_ABI_ALONE
    if (side->number == 0) {
        if (round % 2)
            EXPECT_RETURNS(pthread_cond_signal(&new_cond), 0);
        else
            EXPECT_RETURNS(pthread_cond_broadcast(&new_cond), 0);
        return;
    }
    if (round % 2) {
        EXPECT_RETURNS(old_pthread_cond_signal(&old_cond), 0);
        return;
    }
#endif
    (void)side;
    (void)round;
    EXPECT_RETURNS(old_pthread_cond_broadcast(&old_cond), 0);
}

static void *
take_turns(void *argument)
{
    const struct side *side = argument;

    for (int round = 0; round < ROUNDS; round++) {
        EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
        while (turn != side->number)
            wait_on_own_abi(side);
        turn = !turn;
        wake_the_other_side(side, round);
        EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    return NULL;
}

static void
the_two_sides_wake_each_other(bool timed)
{
    struct side sides[2] = {{0, timed}, {1, timed}};
    pthread_t first = expect_thread(take_turns, &sides[0]);
    pthread_t second = expect_thread(take_turns, &sides[1]);

    expect_join(first);
    expect_join(second);
}

static void
errors_of_the_old_form_are_those_of_libc(void)
{
    const struct timespec past = {1, 0};
    const struct timespec invalid = {1, 1000000000};

    EXPECT_RETURNS(old_pthread_cond_wait(&old_cond, &mutex), EPERM);
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    EXPECT_RETURNS(old_pthread_cond_timedwait(&old_cond, &mutex, &past), ETIMEDOUT);
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), EDEADLK);
    EXPECT_RETURNS(old_pthread_cond_timedwait(&old_cond, &mutex, &invalid), EINVAL);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    EXPECT_RETURNS(old_pthread_cond_signal(&old_cond), 0);
}

int
main(void)
{
    struct old_cond made = {(void *)&made, FENCE};

    EXPECT_RETURNS(old_pthread_cond_init(&made, NULL), 0);
    EXPECT(made.cond == NULL);
    EXPECT_RETURNS(old_pthread_cond_signal(&made), 0);
    EXPECT_RETURNS(old_pthread_cond_destroy(&made), 0);
    EXPECT(made.fence == FENCE);

    the_two_sides_wake_each_other(false);
    the_two_sides_wake_each_other(true);
    errors_of_the_old_form_are_those_of_libc();
    EXPECT(old_cond.cond != NULL);
    EXPECT_RETURNS(old_pthread_cond_destroy(&old_cond), 0);
    EXPECT(old_cond.fence == FENCE);
    return 0;
}
