/*
 * Sleeps. Each is a cancellation point, and over after any handler, whatever its flags.
 */
#include "../expect.h"
#include "row_wait.h"

#define ROW_SHORT_NS 20000000
#define ROW_LONG_S 30

/* A sleep, in one form for all of them. */
struct row_sleep {
    long (*call)(struct row_sleep *s);
    clockid_t clock;
    int flags;
    struct timespec time;
    struct timespec left;
    struct timespec *left_at;
    int interrupted; /* what an interrupted sleep answers */
    int error;       /* and errno after it */
};

#define ROW_SLEEP(id, expression)                                                                  \
    static row_type_##id row_function_##id;                                                        \
                                                                                                   \
    static long row_by_##id(struct row_sleep *s)                                                   \
    {                                                                                              \
        row_type_##id function = row_function_##id;                                                \
                                                                                                   \
        return expression;                                                                         \
    }

static long
row_sleep_call(void *object)
{
    struct row_sleep *s = object;

    return s->call(s);
}

/* Sleeps a short time: not shorter, and one wait is seen. What the driver asks is not enough, since
 * this process sleeps on its own account too. */
static void
row_sleep_short(struct row_sleep *s, struct timespec time, int64_t asked_ns)
{
    uint64_t waits = row_samples();
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);

    s->time = time;
    EXPECT_RETURNS(s->call(s), 0);
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= asked_ns - 1000000);
    if (expect_is_preloaded())
        EXPECT_EQ(row_samples(), waits + 1);
    row_waited();
}

/* A signal and a cancellation end a long sleep. */
static struct row_outcome
row_sleep_interrupt(struct row_sleep *s, int flags)
{
    const struct row_call call = {row_sleep_call, s, NULL};
    struct row_outcome outcome = row_interrupt(&call, flags);

    EXPECT_EQ(outcome.handled, 1);
    EXPECT(!outcome.cancelled);
    EXPECT(outcome.took_ns < INT64_C(1000000000) * (ROW_LONG_S - 1));
    EXPECT_EQ(outcome.error, s->error);
    return outcome;
}

static void
row_sleep_cancel(struct row_sleep *s)
{
    const struct row_call call = {row_sleep_call, s, NULL};

    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
}

/* The time left: less than all, and not much less. */
static void
row_sleep_expect_left(const struct row_sleep *s)
{
    EXPECT(s->left.tv_sec < ROW_LONG_S && s->left.tv_sec >= ROW_LONG_S - 20);
    EXPECT(s->left.tv_nsec >= 0 && s->left.tv_nsec < 1000000000);
}

static void
row_sleep_long(struct row_sleep *s)
{
    s->time = (struct timespec){ROW_LONG_S, 0};
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        s->left = (struct timespec){-1, -1};
        EXPECT_EQ(row_sleep_interrupt(s, flags).result, s->interrupted);
        if (s->left_at != NULL)
            row_sleep_expect_left(s);
    }
    row_sleep_cancel(s);
}

/* Of nanosleep and its kin, which get a time and give what is left of it. */
static void
row_sleep_times(struct row_sleep *s)
{
    s->left_at = &s->left;
    s->left = (struct timespec){-1, -1};
    row_sleep_short(s, (struct timespec){0, ROW_SHORT_NS}, ROW_SHORT_NS);
    EXPECT(s->left.tv_sec == -1 && s->left.tv_nsec == -1);
    row_sleep_long(s);
    s->left_at = NULL;
    row_sleep_short(s, (struct timespec){0, ROW_SHORT_NS}, ROW_SHORT_NS);
    row_sleep_long(s);
    s->time = (struct timespec){0, 0};
    EXPECT_RETURNS(s->call(s), 0);
}

/* --- sleep, usleep: the time in one number --------------------------------------------------- */

ROW_SLEEP(sleep, (long)function((unsigned)s->time.tv_sec))

ROW_CASE(sleep)
{
    struct row_sleep s = {.call = row_by_sleep, .error = EINTR};
    struct row_outcome outcome;

    row_function_sleep = function;
    EXPECT_RETURNS(function(0), 0);
    row_sleep_short(&s, (struct timespec){1, 0}, 1000000000);
    s.time.tv_sec = ROW_LONG_S;
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        outcome = row_sleep_interrupt(&s, flags);
        EXPECT(outcome.result < ROW_LONG_S && outcome.result >= ROW_LONG_S - 20);
    }
    row_sleep_cancel(&s);
}

ROW_SLEEP(usleep, function((useconds_t)(s->time.tv_sec * 1000000 + s->time.tv_nsec / 1000)))

ROW_CASE(usleep)
{
    struct row_sleep s = {.call = row_by_usleep, .interrupted = -1, .error = EINTR};

    row_function_usleep = function;
    EXPECT_RETURNS(function(0), 0);
    row_sleep_short(&s, (struct timespec){0, ROW_SHORT_NS}, ROW_SHORT_NS);
    row_sleep_long(&s);
}

/* --- nanosleep ------------------------------------------------------------------------------- */

ROW_SLEEP(nanosleep, function(&s->time, s->left_at))

ROW_CASE(nanosleep)
{
    const struct timespec negative = {-1, 0};
    const struct timespec too_many = {0, 1000000000};
    const struct timespec below = {0, -1};
    struct row_sleep s = {.call = row_by_nanosleep, .interrupted = -1, .error = EINTR};

    row_function_nanosleep = function;
    EXPECT_FAILS(function(&negative, NULL), EINVAL);
    EXPECT_FAILS(function(&too_many, NULL), EINVAL);
    EXPECT_FAILS(function(&below, NULL), EINVAL);
    EXPECT_FAILS(function((struct timespec *)16, NULL), EFAULT);
    EXPECT_FAILS(function(NULL, NULL), EFAULT);
    row_sleep_times(&s);
    s.left_at = (struct timespec *)16;
    s.error = EFAULT;
    s.time = (struct timespec){ROW_LONG_S, 0};
    EXPECT_EQ(row_sleep_interrupt(&s, 0).result, -1);
}

/* --- clock_nanosleep: answers the error and leaves errno alone ------------------------------- */

ROW_SLEEP(clock_nanosleep, function(s->clock, s->flags, &s->time, s->left_at))

static void
row_clock_nanosleep_errors(row_type_clock_nanosleep function)
{
    const struct timespec good = {0, 1000};
    const struct timespec negative = {-1, 0};
    const struct timespec too_many = {0, 1000000000};

    EXPECT_RETURNS(function(CLOCK_MONOTONIC, 0, &negative, NULL), EINVAL);
    EXPECT_RETURNS(function(CLOCK_MONOTONIC, 0, &too_many, NULL), EINVAL);
    EXPECT_RETURNS(function(12345, 0, &good, NULL), EINVAL);
    EXPECT_RETURNS(function(CLOCK_THREAD_CPUTIME_ID, 0, &good, NULL), EINVAL);
    EXPECT_RETURNS(function(CLOCK_MONOTONIC_RAW, 0, &good, NULL), EOPNOTSUPP);
    EXPECT_RETURNS(function(CLOCK_MONOTONIC, 0, (struct timespec *)16, NULL), EFAULT);
    EXPECT_RETURNS(function(CLOCK_MONOTONIC, 0, NULL, NULL), EFAULT);
    EXPECT_RETURNS(function(CLOCK_MONOTONIC, TIMER_ABSTIME, &good, NULL), 0);
    EXPECT_RETURNS(function(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &good, NULL), 0);
}

ROW_CASE(clock_nanosleep)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
    struct row_sleep s = {
        .call = row_by_clock_nanosleep, .interrupted = EINTR, .error = EXPECT_ERRNO_MARK};
    struct row_outcome outcome;

    row_function_clock_nanosleep = function;
    row_clock_nanosleep_errors(function);
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        s.clock = clocks[i];
        s.flags = 0;
        row_sleep_short(&s, (struct timespec){0, ROW_SHORT_NS}, ROW_SHORT_NS);
        s.flags = TIMER_ABSTIME;
        row_sleep_short(&s, expect_deadline(s.clock, 20), ROW_SHORT_NS);
    }
    s.clock = CLOCK_MONOTONIC;
    s.flags = 0;
    row_sleep_times(&s);
    /* Of an absolute time nothing is left. */
    s.flags = TIMER_ABSTIME;
    s.time = expect_deadline(CLOCK_MONOTONIC, ROW_LONG_S * 1000);
    s.left = (struct timespec){-1, -1};
    s.left_at = &s.left;
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        outcome = row_sleep_interrupt(&s, flags);
        EXPECT_EQ(outcome.result, EINTR);
        EXPECT(s.left.tv_sec == -1 && s.left.tv_nsec == -1);
    }
    row_sleep_cancel(&s);
}

/* --- thrd_sleep: answers -1, or -2 for an error, and leaves errno alone ---------------------- */

ROW_SLEEP(thrd_sleep, function(&s->time, s->left_at))

ROW_CASE(thrd_sleep)
{
    const struct timespec negative = {-1, 0};
    struct row_sleep s = {.call = row_by_thrd_sleep, .interrupted = -1, .error = EXPECT_ERRNO_MARK};

    row_function_thrd_sleep = function;
    EXPECT_RETURNS(function(&negative, NULL), -2);
    EXPECT_RETURNS(function((struct timespec *)16, NULL), -2);
    row_sleep_times(&s);
}
