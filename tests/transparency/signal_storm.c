/* Ten thousand signals a second over locks, conditions and reads. The handler writes, posts a
 * semaphore and looks at errno; nothing that was interrupted may show it. */
#include "expect.h"

#include <signal.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define WORKERS 5
#define PERIOD_NS 500000 /* each of five workers: 10 kHz together */
#define DURATION_MS 1500

static atomic_bool stopping;
static atomic_long signals_seen;
static int handler_pipe[2];
static sem_t posted;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long mutex_sum;
static long rwlock_sum;
static long done_sum[2];
static int turn;
static int work_pipe[2];

static void
on_signal(int number)
{
    int saved = errno;

    (void)number;
    signals_seen++;
    sem_post(&posted);
    if (write(handler_pipe[1], "s", 1) < 0 && errno != EAGAIN)
        expect_fail(__FILE__, __LINE__, "write in the handler: %d", errno);
    char byte;
    if (read(handler_pipe[0], &byte, 1) < 0 && errno != EAGAIN)
        expect_fail(__FILE__, __LINE__, "read in the handler: %d", errno);
    errno = saved;
}

static timer_t
storm_on_this_thread(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    const struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    timer_t timer;

    event.sigev_notify_thread_id = expect_tid();
    EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    EXPECT_EQ(timer_settime(timer, 0, &period, NULL), 0);
    return timer;
}

static void *
add_under_locks(void *argument)
{
    timer_t timer = storm_on_this_thread();
    long *done = argument;

    while (!stopping) {
        EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
        mutex_sum++;
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
        EXPECT_RETURNS(pthread_rwlock_wrlock(&rwlock), 0);
        rwlock_sum++;
        EXPECT_RETURNS(pthread_rwlock_unlock(&rwlock), 0);
        *done += 1;
    }
    timer_delete(timer);
    return NULL;
}

static void *
take_turns(void *argument)
{
    timer_t timer = storm_on_this_thread();
    int mine = *(int *)argument;

    EXPECT_EQ(pthread_mutex_lock(&cond_mutex), 0);
    while (!stopping) {
        while (turn != mine && !stopping) {
            struct timespec deadline = expect_deadline(CLOCK_REALTIME, 50);
            int result = pthread_cond_timedwait(&cond, &cond_mutex, &deadline);

            EXPECT(result == 0 || result == ETIMEDOUT);
        }
        turn = !mine;
        EXPECT_RETURNS(pthread_cond_signal(&cond), 0);
    }
    EXPECT_EQ(pthread_mutex_unlock(&cond_mutex), 0);
    timer_delete(timer);
    return NULL;
}

static void *
read_numbers_in_order(void *unused)
{
    timer_t timer = storm_on_this_thread();
    unsigned char expected = 0;
    unsigned char got;

    (void)unused;
    for (;;) {
        errno = EXPECT_ERRNO_MARK;
        ssize_t length = read(work_pipe[0], &got, 1);

        if (length == 0)
            break;
        if (length < 0) {
            EXPECT_EQ(errno, EINTR);
            continue;
        }
        EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
        EXPECT_EQ(got, expected++);
    }
    timer_delete(timer);
    return NULL;
}

static void
write_numbers_until(int64_t end_ns)
{
    for (unsigned char number = 0; expect_now_ns(CLOCK_MONOTONIC) < end_ns; number++) {
        EXPECT_EQ(write(work_pipe[1], &number, 1), 1);
        if (number % 4 == 0)
            expect_pause_ms(1);
    }
    close(work_pipe[1]);
}

int
main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = 0};
    pthread_t threads[WORKERS];
    int sides[2] = {0, 1};
    sigset_t storm;

    EXPECT_EQ(sem_init(&posted, 0, 0), 0);
    EXPECT_EQ(pipe2(handler_pipe, O_NONBLOCK), 0);
    EXPECT_EQ(pipe(work_pipe), 0);
    EXPECT_EQ(sigaction(SIGPROF, &action, NULL), 0);
    threads[0] = expect_thread(take_turns, &sides[0]);
    threads[1] = expect_thread(take_turns, &sides[1]);
    threads[2] = expect_thread(read_numbers_in_order, NULL);
    threads[3] = expect_thread(add_under_locks, &done_sum[0]);
    threads[4] = expect_thread(add_under_locks, &done_sum[1]);
    sigemptyset(&storm);
    sigaddset(&storm, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &storm, NULL);
    write_numbers_until(expect_now_ns(CLOCK_MONOTONIC) + DURATION_MS * 1000000LL);
    stopping = true;
    for (int i = 0; i < WORKERS; i++)
        expect_join(threads[i]);
    int value;
    EXPECT_EQ(sem_getvalue(&posted, &value), 0);
    EXPECT_EQ(value, signals_seen);
    EXPECT(signals_seen > 1000);
    EXPECT(mutex_sum > 100);
    EXPECT_EQ(mutex_sum, done_sum[0] + done_sum[1]);
    EXPECT_EQ(rwlock_sum, mutex_sum);
    return 0;
}
