/* Coroutines that leave in the middle of a wrapped read and come back on another thread. */
#include "expect.h"

#include <ucontext.h>

#include "hooked_read.h"

#define COROUTINES 8
#define ROUNDS 200
#define STACK_BYTES 65536

/* Owner: the thread that runs it, else whoever takes it from the queue. */
struct coroutine {
    ucontext_t context;
    ucontext_t *back; /* where to yield to: the loop of the thread that resumed it */
    int pipe[2];
    int round;
    bool finished;
    char stack[STACK_BYTES];
};

static struct coroutine coroutines[COROUTINES];
static _Thread_local struct coroutine *current;
static atomic_int migrations;

/* Never inlined: a compiler may keep the address of a thread-local variable across a switch. */
__attribute__((noinline)) static struct coroutine *
current_coroutine(void)
{
    __asm__ volatile("");
    return current;
}

static void
yield_to_loop(void)
{
    struct coroutine *self = current_coroutine();

    swapcontext(&self->context, self->back);
}

static void
coroutine_body(int index)
{
    struct coroutine *self = &coroutines[index];

    for (self->round = 0; self->round < ROUNDS; self->round++) {
        char byte = 0;
        pid_t before = expect_tid();

        EXPECT_EQ(read(self->pipe[0], &byte, 1), 1);
        EXPECT_EQ(byte, (char)self->round);
        migrations += before != expect_tid();
    }
    self->finished = true;
    yield_to_loop();
}

static void
resume(struct coroutine *coroutine)
{
    ucontext_t loop;

    coroutine->back = &loop;
    current = coroutine;
    swapcontext(&loop, &coroutine->context);
    current = NULL;
}

/* The two threads resume all coroutines in turn, one pass each: every wait migrates. */
static int
run_one_pass(void *unused)
{
    int unfinished = 0;

    (void)unused;
    for (int i = 0; i < COROUTINES; i++) {
        struct coroutine *coroutine = &coroutines[i];
        char byte = (char)coroutine->round;

        if (coroutine->finished)
            continue;
        EXPECT_EQ(write(coroutine->pipe[1], &byte, 1), 1);
        resume(coroutine);
        unfinished++;
    }
    return unfinished;
}

static void
start_coroutine(int index)
{
    struct coroutine *coroutine = &coroutines[index];

    EXPECT_EQ(pipe2(coroutine->pipe, O_NONBLOCK), 0);
    EXPECT_EQ(getcontext(&coroutine->context), 0);
    coroutine->context.uc_stack.ss_sp = coroutine->stack;
    coroutine->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&coroutine->context, (void (*)(void))coroutine_body, 1, index);
    resume(coroutine);
}

int
main(void)
{
    struct actor threads[2];

    hooked_read_yield = yield_to_loop;
    for (int i = 0; i < COROUTINES; i++)
        start_coroutine(i);
    actor_start(&threads[0]);
    actor_start(&threads[1]);
    for (int turn = 0; actor_do(&threads[turn], run_one_pass, NULL) > 0; turn = !turn)
        continue;
    for (int i = 0; i < COROUTINES; i++)
        EXPECT(coroutines[i].finished);
    EXPECT(migrations >= COROUTINES * ROUNDS / 2);
    EXPECT(hooked_read_calls >= COROUTINES * ROUNDS);
    actor_stop(&threads[0]);
    actor_stop(&threads[1]);
    return 0;
}
