/* A handler jumps out of blocked calls, and out of whatever the wrapper was doing, ten thousand
 * times a second. The thread must not be blind afterwards: its later waits are still recorded. */
#include "expect.h"
#include "expect_region.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>

#define PERIOD_NS 100000
#define JUMPS_OUT_OF_BLOCKED_CALLS 500
#define STORM_MS 1000
#define LATER_WAITS 40

static sigjmp_buf back;
static volatile sig_atomic_t armed;
static volatile long jumps;
static atomic_bool stopping;
static int sockets[2];

static void
jump_back(int number)
{
    (void)number;
    if (!armed)
        return;
    armed = 0;
    siglongjmp(back, 1);
}

static timer_t
start_storm(void)
{
    struct sigaction action = {.sa_handler = jump_back, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    const struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    timer_t timer;

    EXPECT_EQ(sigaction(SIGALRM, &action, NULL), 0);
    EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    EXPECT_EQ(timer_settime(timer, 0, &period, NULL), 0);
    return timer;
}

static ssize_t
receive(bool by_read)
{
    char byte;

    return by_read ? read(sockets[0], &byte, 1) : recv(sockets[0], &byte, 1, 0);
}

static void
jump_out_of_blocked_calls(void)
{
    for (jumps = 0; jumps < JUMPS_OUT_OF_BLOCKED_CALLS;) {
        if (sigsetjmp(back, 1) != 0) {
            jumps++;
            continue;
        }
        armed = 1;
        receive(jumps % 2 == 0);
        /* A signal that came before the call: it did not jump since armed was still 0. */
        armed = 0;
    }
}

static void *
send_all_the_time(void *unused)
{
    while (!stopping) {
        int64_t until = expect_now_ns(CLOCK_MONOTONIC) + 3000;

        EXPECT(send(sockets[1], "x", 1, MSG_DONTWAIT) == 1 || errno == EAGAIN);
        while (expect_now_ns(CLOCK_MONOTONIC) < until)
            continue;
    }
    return unused;
}

/* Born with the signal blocked: only the main thread may jump to where the main thread was. */
static pthread_t
thread_without_storm(void *(*body)(void *))
{
    sigset_t storm;

    sigemptyset(&storm);
    sigaddset(&storm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &storm, NULL);
    pthread_t thread = expect_thread(body, NULL);
    pthread_sigmask(SIG_UNBLOCK, &storm, NULL);
    return thread;
}

/* Waits of microseconds, so that many a signal lands in the wrapper's own code. */
static void
jump_out_of_anything(void)
{
    int64_t end_ns = expect_now_ns(CLOCK_MONOTONIC) + STORM_MS * 1000000LL;

    jumps = 0;
    if (sigsetjmp(back, 1) != 0)
        jumps++;
    while (expect_now_ns(CLOCK_MONOTONIC) < end_ns) {
        armed = 1;
        receive(jumps % 2 == 0);
    }
    armed = 0;
    EXPECT(jumps > 100);
}

static void *
send_later(void *unused)
{
    (void)unused;
    for (int i = 0; i < LATER_WAITS; i++) {
        expect_pause_ms(2);
        EXPECT_EQ(send(sockets[1], "x", 1, 0), 1);
    }
    return NULL;
}

static void
drain(void)
{
    char bytes[4096];

    while (recv(sockets[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
}

static void
later_waits_are_recorded(void)
{
    bool recorded = expect_is_preloaded();
    struct wp_region_header *region = recorded ? expect_own_region() : NULL;
    uint64_t before = recorded ? expect_contentions(region, WP_PROFILE_BLOCK, "read") : 0;

    pthread_t sender = thread_without_storm(send_later);
    for (int i = 0; i < LATER_WAITS; i++)
        EXPECT_RETURNS(receive(true), 1);
    expect_join(sender);
    if (!recorded)
        return;
    uint64_t seen = expect_contentions(region, WP_PROFILE_BLOCK, "read") - before;
    if (seen < LATER_WAITS / 2 || seen > LATER_WAITS)
        expect_fail(__FILE__, __LINE__, "%llu of %d waits recorded (lost: %llu nested, %llu full)",
                    (unsigned long long)seen, LATER_WAITS,
                    (unsigned long long)expect_counter(region, WP_COUNTER_lost_reentrant),
                    (unsigned long long)expect_counter(region, WP_COUNTER_lost_table_full));
}

int
main(void)
{
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    timer_t timer = start_storm();
    jump_out_of_blocked_calls();
    later_waits_are_recorded();
    pthread_t sender = thread_without_storm(send_all_the_time);
    jump_out_of_anything();
    stopping = true;
    timer_delete(timer);
    expect_join(sender);
    drain();
    later_waits_are_recorded();
    return 0;
}
