/*
 * syscall(): waiting for futexes and waking. Locks made of them are in case_futex_lock.c.
 */
#include "syscall_futex.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "../expect.h"
#include "row_wait.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX_SYS_WAKE 454 /* Linux 6.7 */
#define FUTEX_SYS_WAIT 455
#define FUTEX_SIZE_U32 2
#define FUTEX_PRIVATE 128

long
futex_call(void *futex)
{
    return syscall_make(&((struct futex *)futex)->call);
}

void
futex_set(struct futex *futex, row_type_syscall function, int operation)
{
    *futex = (struct futex){
        .call = {function,
                 SYS_futex,
                 {syscall_pointer(&futex->words[0]), operation, FUTEX_HELD_BACK, 0, 0,
                  FUTEX_BITSET_MATCH_ANY}},
        .words = {FUTEX_HELD_BACK, FUTEX_HELD_BACK},
    };
}

void
futex_set_time(struct futex *futex, struct timespec time)
{
    futex->time = time;
    futex->call.arguments[FUTEX_TIME] = syscall_pointer(&futex->time);
}

long
futex_do(const struct futex *futex, const uint32_t *word, int operation, long value)
{
    return futex->call.function(SYS_futex, syscall_pointer(word), operation, value, 0, 0,
                                FUTEX_BITSET_MATCH_ANY);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void
futex_release(void *argument)
{
    struct futex *futex = argument;
    int private = (int)futex->call.arguments[FUTEX_OPERATION] & FUTEX_PRIVATE_FLAG;

    EXPECT_RETURNS(futex_do(futex, &futex->words[0], FUTEX_WAKE | private, 1), 1);
}

static clockid_t
futex_clock(int operation)
{
    return (operation & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

/* FUTEX_WAIT takes a length of time, FUTEX_WAIT_BITSET a point of time. */
static struct timespec
futex_time(int operation, int ms)
{
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
        return (struct timespec){ms / 1000, ms % 1000 * 1000000};
    return expect_deadline(futex_clock(operation), ms);
}

static void
futex_waits(row_type_syscall function, int operation)
{
    struct futex futex;
    const struct row_call call = {futex_call, &futex, futex_release};

    futex_set(&futex, function, operation);
    row_expect_wait(&call, 0, ROW_RESTARTS);
    /* With a time-out the kernel does not restart the wait. */
    futex_set_time(&futex, futex_time(operation, 60000));
    row_expect_wait(&call, 0, 0);
}

static void
futex_times_out(row_type_syscall function, int operation)
{
    int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);
    struct futex futex;

    futex_set(&futex, function, operation);
    futex_set_time(&futex, futex_time(operation, 30));
    EXPECT_FAILS(futex_call(&futex), ETIMEDOUT);
    EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns > 29000000);
    row_waited();
    futex_set_time(&futex, (struct timespec){0, 0});
    EXPECT_FAILS(futex_call(&futex), ETIMEDOUT);
    futex_set_time(&futex, (struct timespec){0, 1000000000});
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex_set_time(&futex, (struct timespec){-1, 0});
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex.call.arguments[FUTEX_TIME] = 8;
    EXPECT_FAILS(futex_call(&futex), EFAULT);
}

static void
futex_refuses(row_type_syscall function)
{
    struct futex futex;

    futex_set(&futex, function, FUTEX_WAIT);
    futex.call.arguments[FUTEX_VALUE] = 8;
    EXPECT_FAILS(futex_call(&futex), EAGAIN);
    futex.call.arguments[FUTEX_VALUE] = 0;
    EXPECT_FAILS(futex_call(&futex), EAGAIN);
    futex.call.arguments[FUTEX_WORD] = 0;
    EXPECT_FAILS(futex_call(&futex), EFAULT);
    futex.call.arguments[FUTEX_WORD] = syscall_pointer(&futex.words[0]) + 1;
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex_set(&futex, function, FUTEX_WAIT_BITSET);
    futex.call.arguments[FUTEX_VALUE3] = 0;
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex_set(&futex, function, FUTEX_CMD_MASK & 0x7f);
    EXPECT_FAILS(futex_call(&futex), ENOSYS);
    EXPECT_FAILS(futex_do(&futex, NULL, FUTEX_WAKE, 1), EFAULT);
}

/* The page of the word goes before the waiter wakes: nobody may look at the word any more. */
static void
futex_unmap_and_release(void *argument)
{
    struct futex *futex = argument;
    void *word = (void *)(intptr_t)futex->call.arguments[FUTEX_WORD];

    EXPECT_EQ(munmap(word, 4096), 0);
    EXPECT_RETURNS(futex_do(futex, word, FUTEX_WAKE_PRIVATE, 1), 1);
}

static void
futex_word_goes_away(row_type_syscall function)
{
    struct futex futex;
    const struct row_call call = {futex_call, &futex, futex_unmap_and_release};
    uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(word != MAP_FAILED);
    *word = FUTEX_HELD_BACK;
    futex_set(&futex, function, FUTEX_WAIT_PRIVATE);
    futex.call.arguments[FUTEX_WORD] = syscall_pointer(word);
    row_expect_released(&call, 0);
}

/* --- waking ----------------------------------------------------------------------------------- */

#define FUTEX_CROWD 3

static struct {
    struct futex futex;
    struct actor actors[FUTEX_CROWD];
    atomic_int entered;
} futex_crowd;

static int
futex_wait_in_crowd(void *argument)
{
    atomic_fetch_add(&futex_crowd.entered, 1);
    EXPECT_RETURNS(futex_call(argument), 0);
    return 0;
}

static void
futex_crowd_begin(void)
{
    atomic_store(&futex_crowd.entered, 0);
    for (int i = 0; i < FUTEX_CROWD; i++)
        actor_begin(&futex_crowd.actors[i], futex_wait_in_crowd, &futex_crowd.futex);
    while (atomic_load(&futex_crowd.entered) != FUTEX_CROWD)
        expect_pause_ms(1);
    for (int i = 0; i < FUTEX_CROWD; i++)
        expect_blocked_in(futex_crowd.actors[i].tid, SYS_futex);
}

static void
futex_crowd_end(void)
{
    for (int i = 0; i < FUTEX_CROWD; i++)
        EXPECT_EQ(actor_end(&futex_crowd.actors[i]), 0);
}

/* FUTEX_CMP_REQUEUE and FUTEX_WAKE_OP, with a number for the time-out. */
static long
futex_do_both(struct futex *futex, int operation, long value, long value2, long value3)
{
    return futex->call.function(SYS_futex, syscall_pointer(&futex->words[0]), operation, value,
                                value2, syscall_pointer(&futex->words[1]), value3);
}

/* What is woken, requeued and matched is counted, as all six arguments say. */
static void
futex_wakes_are_counted(row_type_syscall function)
{
    struct futex *futex = &futex_crowd.futex;

    futex_set(futex, function, FUTEX_WAIT_BITSET);
    futex->call.arguments[FUTEX_VALUE3] = 6;
    EXPECT_RETURNS(futex_do(futex, &futex->words[0], FUTEX_WAKE, 9), 0);
    for (int i = 0; i < FUTEX_CROWD; i++)
        actor_start(&futex_crowd.actors[i]);

    futex_crowd_begin();
    EXPECT_RETURNS(futex_do_both(futex, FUTEX_WAKE_BITSET, 9, 0, 1), 0);
    EXPECT_RETURNS(futex_do_both(futex, FUTEX_WAKE_BITSET, 1, 0, 2), 1);
    EXPECT_RETURNS(futex_do(futex, &futex->words[0], FUTEX_WAKE, 9), FUTEX_CROWD - 1);
    futex_crowd_end();

    futex_crowd_begin();
    EXPECT_FAILS(futex_do_both(futex, FUTEX_CMP_REQUEUE, 1, 9, 8), EAGAIN);
    EXPECT_RETURNS(futex_do_both(futex, FUTEX_CMP_REQUEUE, 1, 9, FUTEX_HELD_BACK), FUTEX_CROWD);
    EXPECT_RETURNS(futex_do(futex, &futex->words[0], FUTEX_WAKE, 9), 0);
    futex->words[1] = 5;
    EXPECT_RETURNS(
        futex_do_both(futex, FUTEX_WAKE_OP, 1, 1, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)),
        1);
    EXPECT_EQ(futex->words[1], 8);
    EXPECT_RETURNS(futex_do(futex, &futex->words[1], FUTEX_WAKE, 9), 1);
    futex_crowd_end();
    for (int i = 0; i < FUTEX_CROWD; i++)
        actor_stop(&futex_crowd.actors[i]);
}

/* --- younger calls ---------------------------------------------------------------------------- */

static void
futex_release_second(void *argument)
{
    struct futex *futex = argument;

    EXPECT_RETURNS(futex_do(futex, &futex->words[1], FUTEX_WAKE_PRIVATE, 1), 1);
}

/* Waits for any of several words, and tells which. False: the kernel has no such call. */
static bool
futex_waits_for_several(row_type_syscall function)
{
    struct futex futex;
    const struct row_call call = {futex_call, &futex, futex_release_second};
    struct futex_waitv list[2];

    futex_set(&futex, function, 0);
    futex.call.number = SYS_futex_waitv;
    for (int i = 0; i < 2; i++)
        list[i] = (struct futex_waitv){
            .val = FUTEX_HELD_BACK,
            .uaddr = (uintptr_t)&futex.words[i],
            .flags = FUTEX_SIZE_U32 | FUTEX_PRIVATE,
        };
    memcpy(futex.call.arguments, (long[6]){syscall_pointer(list), 0, 0, 0, CLOCK_MONOTONIC},
           sizeof(futex.call.arguments));
    if (futex_call(&futex) == -1 && errno == ENOSYS)
        return false;
    EXPECT_FAILS(futex_call(&futex), EINVAL); /* none to wait for */
    futex.call.arguments[1] = 2;
    row_expect_wait(&call, 1, ROW_RESTARTS);

    futex_set_time(&futex, expect_deadline(CLOCK_MONOTONIC, 30));
    EXPECT_FAILS(futex_call(&futex), ETIMEDOUT);
    futex.call.arguments[4] = CLOCK_BOOTTIME;
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex.call.arguments[4] = CLOCK_REALTIME;
    EXPECT_FAILS(futex_call(&futex), ETIMEDOUT);
    futex.call.arguments[2] = 1;
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex.call.arguments[2] = 0;
    list[1].val = 8;
    EXPECT_FAILS(futex_call(&futex), EAGAIN);
    futex.call.arguments[0] = 8;
    EXPECT_FAILS(futex_call(&futex), EFAULT);
    return true;
}

static void
futex_release_bitset(void *argument)
{
    struct futex *futex = argument;

    EXPECT_RETURNS(futex->call.function(FUTEX_SYS_WAKE, syscall_pointer(&futex->words[0]), 2, 1,
                                        FUTEX_SIZE_U32 | FUTEX_PRIVATE, 0, 0),
                   1);
}

/* FUTEX_WAIT_BITSET as a call of its own. False: the kernel has no such call. */
static bool
futex_waits_by_its_own_call(row_type_syscall function)
{
    struct futex futex;
    const struct row_call call = {futex_call, &futex, futex_release_bitset};

    futex_set(&futex, function, 0);
    futex.call.number = FUTEX_SYS_WAIT;
    memcpy(futex.call.arguments,
           (long[6]){syscall_pointer(&futex.words[0]), 8, 6, FUTEX_SIZE_U32 | FUTEX_PRIVATE, 0,
                     CLOCK_MONOTONIC},
           sizeof(futex.call.arguments));
    if (futex_call(&futex) == -1 && errno == ENOSYS)
        return false;
    EXPECT_FAILS(futex_call(&futex), EAGAIN);
    futex.call.arguments[1] = FUTEX_HELD_BACK;
    row_expect_wait(&call, 0, ROW_RESTARTS);

    futex.time = expect_deadline(CLOCK_MONOTONIC, 30);
    futex.call.arguments[4] = syscall_pointer(&futex.time);
    EXPECT_FAILS(futex_call(&futex), ETIMEDOUT);
    futex.call.arguments[5] = CLOCK_BOOTTIME;
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    futex.call.arguments[2] = 0;
    futex.call.arguments[5] = CLOCK_MONOTONIC;
    EXPECT_FAILS(futex_call(&futex), EINVAL);
    return true;
}

const char *
syscall_check_futex(row_type_syscall function)
{
    static const int operations[] = {
        FUTEX_WAIT,
        FUTEX_WAIT_PRIVATE,
        FUTEX_WAIT_BITSET_PRIVATE,
        FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
    };

    futex_wakes_are_counted(function);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        futex_waits(function, operations[i]);
        futex_times_out(function, operations[i]);
    }
    futex_refuses(function);
    futex_word_goes_away(function);
    if (!futex_waits_for_several(function))
        return "futex_waitv";
    return futex_waits_by_its_own_call(function) ? NULL : "futex_wait";
}
