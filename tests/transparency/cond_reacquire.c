/*
 * Conditions in hard situations: waiters that are cancelled, jump away, time out while they are
 * signalled; forks; crowds; objects that go away. Whatever happened, nobody who does not wait any
 * more may be counted as a waiter afterwards: an orderly round at the end is charged exactly, and
 * after that an idle mutex nothing.
 */
#include "expect.h"
#include "expect_region.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "core/condition.h"
#include "queue.h"

/* What all that happens is about. */
static struct queue queue;

/* --- ways out --------------------------------------------------------------------------------- */

#define CROWD 200

static pthread_t threads[CROWD];

static void
start_crowd(int count)
{
    for (int i = 0; i < count; i++)
        threads[i] = small_thread(take_ticket, &queue);
}

static void
join_crowd(int count)
{
    for (int i = 0; i < count; i++) {
        void *result = expect_join(threads[i]);

        EXPECT(result == NULL || result == PTHREAD_CANCELED);
    }
    EXPECT_EQ(queue.waiting, 0);
    queue.tickets = 0;
}

static void
two_hundred_waiters_leave_at_one_broadcast(void)
{
    for (int round = 0; round < 3; round++) {
        start_crowd(CROWD);
        await_waiting(&queue, CROWD);
        let_all_go(&queue, CROWD);
        join_crowd(CROWD);
    }
}

/* Some before they are signalled, some after, some at that moment. */
static void
waiters_are_cancelled(void)
{
    const int count = 60;

    for (int round = 0; round < 3; round++) {
        start_crowd(count);
        await_waiting(&queue, count);
        for (int i = 0; i < count; i += 4)
            EXPECT_EQ(pthread_cancel(threads[i]), 0);
        queue.tickets = count / 4;
        for (int i = 0; i < count / 4; i++)
            EXPECT_RETURNS(pthread_cond_signal(&queue.cond), 0);
        for (int i = 1; i < count; i += 4)
            EXPECT_EQ(pthread_cancel(threads[i]), 0);
        unlock(&queue.mutex);
        for (int i = 2; i < count; i += 4)
            EXPECT_EQ(pthread_cancel(threads[i]), 0);
        lock(&queue.mutex);
        let_all_go(&queue, count);
        join_crowd(count);
    }
}

/* Who jumps out before it was signalled has the mutex again, by libc's cleanup handler; who jumps
 * while it waits for the mutex has not. Each has a condition of its own, used once. */
struct jumper {
    pthread_cond_t cond;
    atomic_int tid;
};

static __thread sigjmp_buf *jump_back;
static atomic_int jumps;

static void
jump(int number)
{
    (void)number;
    atomic_fetch_add(&jumps, 1);
    siglongjmp(*jump_back, 1);
}

static void *
wait_and_jump(void *argument)
{
    struct jumper *jumper = argument;
    sigjmp_buf back;
    int result;

    jump_back = &back;
    jumper->tid = expect_tid();
    lock(&queue.mutex);
    queue.waiting++;
    if (sigsetjmp(back, 1) == 0) {
        pthread_cond_wait(&jumper->cond, &queue.mutex);
        expect_fail(__FILE__, __LINE__, "the wait was over before the jump");
    }
    result = pthread_mutex_lock(&queue.mutex);
    EXPECT(result == 0 || result == EDEADLK);
    queue.waiting--;
    unlock(&queue.mutex);
    return NULL;
}

/* `signalled`: they were, and wait for the mutex. */
static void
jump_out_of_waits(bool signalled)
{
    enum { COUNT = 40 };
    static struct jumper jumpers[COUNT];
    const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    for (int i = 0; i < COUNT; i++) {
        memcpy(&jumpers[i].cond, &fresh, sizeof(fresh));
        threads[i] = small_thread(wait_and_jump, &jumpers[i]);
    }
    await_waiting(&queue, COUNT);
    for (int i = 0; signalled && i < COUNT; i++)
        EXPECT_RETURNS(pthread_cond_signal(&jumpers[i].cond), 0);
    expect_pause_ms(20);
    atomic_store(&jumps, 0);
    for (int i = 0; i < COUNT; i++) {
        expect_blocked_in(jumpers[i].tid, SYS_futex);
        EXPECT_EQ(pthread_kill(threads[i], SIGUSR1), 0);
    }
    /* Not before: who is woken, and jumps instead of taking the mutex, leaves the others asleep. */
    while (atomic_load(&jumps) != COUNT)
        expect_pause_ms(1);
    unlock(&queue.mutex);
    join_crowd(COUNT);

    /* The same addresses again, and nobody waits. */
    for (int i = 0; i < COUNT; i++) {
        memcpy(&jumpers[i].cond, &fresh, sizeof(fresh));
        EXPECT_RETURNS(pthread_cond_broadcast(&jumpers[i].cond), 0);
    }
}

static void
waiters_jump_away(void)
{
    struct sigaction action = {.sa_handler = jump};

    sigemptyset(&action.sa_mask);
    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (int round = 0; round < 3; round++) {
        jump_out_of_waits(false);
        jump_out_of_waits(true);
    }
}

/* --- forks ------------------------------------------------------------------------------------ */

#define CHILD_STATUS 31

/* The child has none of the waiters. It uses the same addresses, with what is new there. */
__attribute__((noreturn)) static void
be_a_child(void)
{
    struct timespec soon = expect_deadline(CLOCK_REALTIME, 5);
    pthread_t thread;

    set_up(&queue);
    lock(&queue.mutex);
    EXPECT_RETURNS(pthread_cond_timedwait(&queue.cond, &queue.mutex, &soon), ETIMEDOUT);
    unlock(&queue.mutex);
    thread = expect_thread(take_ticket, &queue);
    await_waiting(&queue, 1);
    let_all_go(&queue, 1);
    expect_join(thread);
    _exit(CHILD_STATUS);
}

static void
processes_fork_while_others_wait(void)
{
    const int count = 20;

    for (int round = 0; round < 6; round++) {
        pid_t child;

        start_crowd(count);
        await_waiting(&queue, count);
        queue.tickets = count;
        if (round % 2 == 0)
            EXPECT_RETURNS(pthread_cond_broadcast(&queue.cond), 0);
        child = fork();
        if (child == 0)
            be_a_child();
        EXPECT_EQ(expect_wait_status(child), CHILD_STATUS << 8);
        let_all_go(&queue, count);
        join_crowd(count);
    }
}

/* --- races ------------------------------------------------------------------------------------ */

static atomic_bool racing;

/* Deadlines of up to a millisecond; being woken for nothing is as good as a time-out. */
static void *
wait_in_race(void *argument)
{
    unsigned spread = (unsigned)(uintptr_t)argument;

    while (racing) {
        int64_t at =
            expect_now_ns(CLOCK_MONOTONIC) + (spread = spread * 1103515245 + 12345) % 1000000;
        struct timespec deadline = {at / 1000000000, at % 1000000000};
        int result;

        lock(&queue.mutex);
        result = pthread_cond_clockwait(&queue.cond, &queue.mutex, CLOCK_MONOTONIC, &deadline);
        EXPECT(result == 0 || result == ETIMEDOUT);
        EXPECT_RETURNS(pthread_mutex_lock(&queue.mutex), EDEADLK);
        unlock(&queue.mutex);
    }
    return NULL;
}

/* With the mutex, without it, and from one who let go of it just now. */
static void *
wake_in_race(void *argument)
{
    for (int i = 0; racing; i++) {
        if (i % 3 != 0)
            lock(&queue.mutex);
        if (i % 3 == 2)
            unlock(&queue.mutex);
        if (i % 5 == 0)
            EXPECT_RETURNS(pthread_cond_broadcast(&queue.cond), 0);
        else
            EXPECT_RETURNS(pthread_cond_signal(&queue.cond), 0);
        if (i % 3 == 1)
            unlock(&queue.mutex);
        if (i % 50 == 0)
            expect_pause_ms(1);
    }
    return argument;
}

static void
time_outs_race_with_signals(void)
{
    pthread_t waiters[12];
    pthread_t wakers[3];

    racing = true;
    for (size_t i = 0; i < 12; i++)
        waiters[i] = expect_thread(wait_in_race, (void *)(i * 7919));
    for (size_t i = 0; i < 3; i++)
        wakers[i] = expect_thread(wake_in_race, NULL);
    expect_pause_ms(1000);
    racing = false;
    for (size_t i = 0; i < 12; i++)
        expect_join(waiters[i]);
    for (size_t i = 0; i < 3; i++)
        expect_join(wakers[i]);
}

/* --- many objects, and few -------------------------------------------------------------------- */

#define QUEUES 1000

/* All of them wait at once. */
static void
queues_wait_and_go(struct queue *const queues[], int count)
{
    static pthread_t waiters[QUEUES];

    for (int i = 0; i < count; i++) {
        *queues[i] =
            (struct queue){PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_COND_INITIALIZER, 0, 0};
        waiters[i] = small_thread(take_ticket, queues[i]);
    }
    for (int i = 0; i < count; i++) {
        await_waiting(queues[i], 1);
        unlock(&queues[i]->mutex);
    }
    for (int i = 0; i < count; i++) {
        lock(&queues[i]->mutex);
        let_all_go(queues[i], 1);
    }
    for (int i = 0; i < count; i++)
        expect_join(waiters[i]);
}

static void
a_thousand_conditions_are_waited_for_at_once(void)
{
    static struct queue many[QUEUES];
    static struct queue *queues[QUEUES];

    for (int i = 0; i < QUEUES; i++)
        queues[i] = &many[i];
    queues_wait_and_go(queues, QUEUES);
}

/* Forty whose addresses fall into one set of the table, which has room for few. */
static void
conditions_of_one_set_are_waited_for_at_once(void)
{
    enum { COUNT = 40, PLACES = 400000 };
    static uint64_t places[PLACES];
    struct queue *queues[COUNT];
    int count = 0;

    for (size_t i = 0; count < COUNT && i + sizeof(struct queue) / 8 < PLACES; i++) {
        struct queue *place = (struct queue *)(void *)&places[i];

        if (wp_condition_set(&place->cond) != wp_condition_set(&queue.cond))
            continue;
        queues[count++] = place;
        i += sizeof(struct queue) / 8;
    }
    EXPECT_EQ(count, COUNT);
    queues_wait_and_go(queues, COUNT);
}

/* A waiter of queue.cond with a mutex of its own. */
struct borrower {
    pthread_mutex_t mutex;
    bool waits;
    bool may_go;
};

static void *
wait_with_own_mutex(void *argument)
{
    struct borrower *borrower = argument;

    lock(&borrower->mutex);
    borrower->waits = true;
    while (!borrower->may_go)
        EXPECT_RETURNS(pthread_cond_wait(&queue.cond, &borrower->mutex), 0);
    unlock(&borrower->mutex);
    return NULL;
}

static void
signal_borrower(struct borrower *borrower)
{
    for (;;) {
        lock(&borrower->mutex);
        if (borrower->waits)
            break;
        unlock(&borrower->mutex);
        expect_pause_ms(1);
    }
    borrower->may_go = true;
    EXPECT_RETURNS(pthread_cond_signal(&queue.cond), 0);
}

/* Each was signalled, and still wants its mutex, when the next waits with another. */
static void
one_condition_serves_several_mutexes_in_turn(void)
{
    enum { COUNT = 12 };
    static struct borrower borrowers[COUNT];

    for (int i = 0; i < COUNT; i++) {
        borrowers[i] = (struct borrower){PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, false, false};
        threads[i] = expect_thread(wait_with_own_mutex, &borrowers[i]);
        signal_borrower(&borrowers[i]);
    }
    for (int i = 0; i < COUNT; i++)
        unlock(&borrowers[i].mutex);
    join_crowd(COUNT);
}

/* --- objects that go away --------------------------------------------------------------------- */

static void *
new_page(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(page != MAP_FAILED);
    return page;
}

static void *
take_ticket_of_page(void *argument)
{
    struct queue *own = argument;
    bool last;

    lock(&own->mutex);
    own->waiting++;
    while (own->tickets == 0)
        EXPECT_RETURNS(pthread_cond_wait(&own->cond, &own->mutex), 0);
    last = --own->waiting == 0;
    unlock(&own->mutex);
    if (last)
        EXPECT_EQ(munmap(own, 4096), 0);
    return NULL;
}

/* The last to leave takes condition and mutex with it. */
static void
queues_are_unmapped_by_their_last_waiter(void)
{
    const int count = 10;

    for (int round = 0; round < 50; round++) {
        struct queue *own = new_page();

        *own =
            (struct queue){PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_COND_INITIALIZER, 0, 0};
        for (int i = 0; i < count; i++)
            threads[i] = small_thread(take_ticket_of_page, own);
        await_waiting(own, count);
        let_all_go(own, 1);
        join_crowd(count);
    }
}

struct unmapped_wait {
    pthread_cond_t *cond;
    bool may_go;
};

static void *
wait_for_condition_that_goes(void *argument)
{
    struct unmapped_wait *wait = argument;

    lock(&queue.mutex);
    queue.waiting++;
    while (!wait->may_go)
        EXPECT_RETURNS(pthread_cond_wait(wait->cond, &queue.mutex), 0);
    queue.waiting--;
    unlock(&queue.mutex);
    return NULL;
}

/* While its waiters still wait for the mutex. */
static void
conditions_are_unmapped_right_after_the_broadcast(void)
{
    const int count = 10;

    for (int round = 0; round < 50; round++) {
        struct unmapped_wait wait = {new_page(), false};

        EXPECT_EQ(pthread_cond_init(wait.cond, NULL), 0);
        for (int i = 0; i < count; i++)
            threads[i] = small_thread(wait_for_condition_that_goes, &wait);
        await_waiting(&queue, count);
        wait.may_go = true;
        EXPECT_RETURNS(pthread_cond_broadcast(wait.cond), 0);
        EXPECT_RETURNS(pthread_cond_destroy(wait.cond), 0);
        EXPECT_EQ(munmap(wait.cond, 4096), 0);
        unlock(&queue.mutex);
        join_crowd(count);
    }
}

/* --- what was recorded ------------------------------------------------------------------------ */

/* Delays of all stacks so far, in nanoseconds. */
struct totals {
    int64_t cond;
    int64_t reacquire;
    int64_t mutex;
    uint64_t charges; /* contentions in the mutex profile, fixed point */
};

static const struct wp_region_header *region;

static const char *
kind_of(const struct wp_region_stack *stack)
{
    const struct wp_region_table *functions = &region->tables[WP_TABLE_FUNCTIONS];
    const char *base = (const char *)region + functions->offset;

    return ((const struct wp_region_function *)(const void *)(base + (size_t)stack->function *
                                                                         functions->stride))
        ->kind;
}

static void
add_stack(const struct wp_region_stack *stack, const char *function, void *context)
{
    struct totals *totals = context;
    int64_t delay_ns = (int64_t)__atomic_load_n(&stack->delay_ns, __ATOMIC_RELAXED);

    (void)function;
    if (stack->profile == WP_PROFILE_MUTEX) {
        totals->mutex += delay_ns;
        totals->charges += __atomic_load_n(&stack->contentions_fixed, __ATOMIC_RELAXED);
    } else if (strcmp(kind_of(stack), "cond") == 0) {
        totals->cond += delay_ns;
    } else if (strcmp(kind_of(stack), "cond.reacquire") == 0) {
        totals->reacquire += delay_ns;
    }
}

static struct totals
totals_now(void)
{
    struct totals totals = {0};

    if (region != NULL)
        expect_each_stack(region, add_stack, &totals);
    return totals;
}

struct round_wait {
    int64_t start_ns;
    int64_t end_ns;
};

static void *
wait_in_round(void *argument)
{
    struct round_wait *wait = argument;

    lock(&queue.mutex);
    queue.waiting++;
    wait->start_ns = expect_now_ns(CLOCK_MONOTONIC);
    while (queue.tickets == 0)
        EXPECT_RETURNS(pthread_cond_wait(&queue.cond, &queue.mutex), 0);
    wait->end_ns = expect_now_ns(CLOCK_MONOTONIC);
    queue.waiting--;
    unlock(&queue.mutex);
    return NULL;
}

static void
expect_between(const char *what, int64_t actual, int64_t least, int64_t most)
{
    if (actual < least || actual > most)
        expect_fail(__FILE__, __LINE__, "%s: %lld ns, not between %lld and %lld", what,
                    (long long)actual, (long long)least, (long long)most);
}

/*
 * Who broadcasts keeps the mutex for a while. Each bound is what our own clock, read around each
 * call, proves: the wait for the condition ends and the one for the mutex begins in the broadcast.
 */
static void
an_orderly_round_is_charged_exactly(void)
{
    enum { COUNT = 3 };
    struct round_wait waits[COUNT];
    struct totals before, after;
    int64_t begin_ns, call_ns, called_ns, unlock_ns;
    int64_t sum_start_ns = 0, sum_end_ns = 0;

    for (int i = 0; i < COUNT; i++)
        threads[i] = expect_thread(wait_in_round, &waits[i]);
    await_waiting(&queue, COUNT);
    before = totals_now();
    begin_ns = expect_now_ns(CLOCK_MONOTONIC);
    expect_pause_ms(50);
    queue.tickets = COUNT;
    call_ns = expect_now_ns(CLOCK_MONOTONIC);
    EXPECT_RETURNS(pthread_cond_broadcast(&queue.cond), 0);
    called_ns = expect_now_ns(CLOCK_MONOTONIC);
    expect_pause_ms(100);
    unlock_ns = expect_now_ns(CLOCK_MONOTONIC);
    unlock(&queue.mutex);
    join_crowd(COUNT);
    if (region == NULL)
        return;
    after = totals_now();
    for (int i = 0; i < COUNT; i++) {
        sum_start_ns += waits[i].start_ns;
        sum_end_ns += waits[i].end_ns;
    }
    expect_between("cond", after.cond - before.cond, COUNT * (call_ns - begin_ns),
                   COUNT * called_ns - sum_start_ns);
    expect_between("cond.reacquire", after.reacquire - before.reacquire,
                   COUNT * (unlock_ns - called_ns), sum_end_ns - COUNT * call_ns);
    expect_between("charged in the mutex profile", after.mutex - before.mutex,
                   COUNT * (unlock_ns - called_ns), sum_end_ns - COUNT * call_ns);
    EXPECT_EQ((after.charges - before.charges + WP_REGION_COUNT_ONE / 2) / WP_REGION_COUNT_ONE,
              COUNT);
}

static void
an_idle_mutex_is_charged_nothing(void)
{
    struct totals before = totals_now();
    struct totals after;

    for (int i = 0; i < 100; i++) {
        lock(&queue.mutex);
        EXPECT_RETURNS(pthread_cond_broadcast(&queue.cond), 0);
        expect_pause_ms(10);
        unlock(&queue.mutex);
    }
    after = totals_now();
    EXPECT_EQ(after.mutex - before.mutex, 0);
    EXPECT_EQ(after.charges - before.charges, 0);
    EXPECT_EQ(after.cond - before.cond, 0);
}

int
main(void)
{
    if (expect_is_preloaded())
        region = expect_own_region();
    set_up(&queue);
    two_hundred_waiters_leave_at_one_broadcast();
    waiters_are_cancelled();
    waiters_jump_away();
    processes_fork_while_others_wait();
    time_outs_race_with_signals();
    a_thousand_conditions_are_waited_for_at_once();
    conditions_of_one_set_are_waited_for_at_once();
    one_condition_serves_several_mutexes_in_turn();
    queues_are_unmapped_by_their_last_waiter();
    conditions_are_unmapped_right_after_the_broadcast();

    an_orderly_round_is_charged_exactly();
    an_idle_mutex_is_charged_nothing();
    return 0;
}
