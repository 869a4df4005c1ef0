/*
 * Captures: what they find, and what becomes of those that a signal, a jump or a crowd gets in the
 * way of. The linker puts __wrap_wp_unwind_walk in place of the walk (--wrap), so that a test can
 * act in the very middle of a capture.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/capture.h"
#include "core/stack_table.h"
#include "core/thread.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(4) << 20)
#define ERRNO_MARK 7777
#define FUNCTION 3
#define BUFFERS 64 /* captures that can be under way at once */

/* Called in the middle of each capture, after the walk. */
static void (*in_the_middle)(void);

void __real_wp_unwind_walk(const struct wp_unwind_registers *from, struct wp_unwind_stack *stack);
void __wrap_wp_unwind_walk(const struct wp_unwind_registers *from, struct wp_unwind_stack *stack);

void
__wrap_wp_unwind_walk(const struct wp_unwind_registers *from, struct wp_unwind_stack *stack)
{
    __real_wp_unwind_walk(from, stack);
    if (in_the_middle != NULL)
        in_the_middle();
}

static int
set_up(void **state)
{
    (void)state;
    in_the_middle = NULL;
    wp_capture_init(WP_REGION_DEFAULT_DEPTH);
    return region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

static __attribute__((noinline)) uint32_t
capture(enum wp_region_profile profile, uint16_t function)
{
    const struct wp_unwind_registers caller = WP_UNWIND_CALLER_REGISTERS();

    return wp_capture_stack(profile, function, &caller);
}

/* How often a loop captures at one and the same place; volatile, so that none is unrolled. */
static volatile int twice = 2;

/* The tail call would be one frame less. */
static __attribute__((noinline)) uint32_t
capture_below(unsigned frames)
{
    volatile uint32_t unit;

    unit = frames == 0 ? capture(WP_PROFILE_BLOCK, FUNCTION) : capture_below(frames - 1);
    return unit;
}

static uint32_t
lost_reentrant(void)
{
    return wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_REENTRANT);
}

/* --- What is captured ------------------------------------------------------------------------ */

static void
one_place_has_one_record_and_another_place_another(void **state)
{
    uint32_t first[2], other;

    (void)state;
    for (int i = 0; i < twice; i++)
        first[i] = capture(WP_PROFILE_BLOCK, FUNCTION);
    other = capture(WP_PROFILE_BLOCK, FUNCTION);
    assert_int_not_equal(first[0], 0);
    assert_int_equal(first[0], first[1]);
    assert_int_not_equal(other, first[0]);
}

static void
a_record_names_profile_function_and_caller(void **state)
{
    const struct wp_region_stack *stack;
    uint32_t units[2];

    (void)state;
    for (int i = 0; i < twice; i++)
        units[i] = capture(i == 0 ? WP_PROFILE_BLOCK : WP_PROFILE_MUTEX, FUNCTION);
    stack = region_fixture_stack(units[1]);
    assert_int_equal(region_fixture_stack(units[0])->profile, WP_PROFILE_BLOCK);
    assert_int_equal(stack->profile, WP_PROFILE_MUTEX);
    assert_int_equal(stack->function, FUNCTION);
    assert_true(stack->depth >= 2);
    assert_int_equal(region_fixture_stack(units[0])->depth, stack->depth);
    assert_memory_equal(region_fixture_stack(units[0])->frames, stack->frames,
                        stack->depth * sizeof(uint64_t));
}

static void
each_call_adds_a_frame(void **state)
{
    (void)state;
    const struct wp_region_stack *shallow = region_fixture_stack(capture_below(3));
    const struct wp_region_stack *deep = region_fixture_stack(capture_below(13));

    assert_int_equal(deep->depth, shallow->depth + 10);
}

static void
a_stack_deeper_than_the_limit_is_cut_at_its_root_and_says_so(void **state)
{
    static const uint32_t limits[] = {1, 16, WP_REGION_MAX_DEPTH};

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        const struct wp_region_stack *stack;

        wp_capture_init(limits[i]);
        stack = region_fixture_stack(capture_below(WP_REGION_MAX_DEPTH + 10));
        assert_int_equal(stack->depth, limits[i] + 1);
        assert_int_equal(stack->frames[limits[i]], region_fixture_special(WP_SPECIAL_TRUNCATED));
        assert_int_equal(region_fixture_counter(WP_COUNTER_unwind_truncated), i + 1);
    }
}

static void
errno_is_left_alone(void **state)
{
    (void)state;
    errno = ERRNO_MARK;
    (void)capture_below(50);
    assert_int_equal(errno, ERRNO_MARK);
}

/* --- Signals --------------------------------------------------------------------------------- */

static volatile uint32_t handler_units[2];
static volatile int handler_captures;

static void
handle_by_capture(int signal)
{
    (void)signal;
    for (int i = 0; i < handler_captures; i++)
        handler_units[i] = capture_below(0);
}

static void
raise_once(void)
{
    in_the_middle = NULL;
    (void)raise(SIGUSR1);
}

static void
on_signal(void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NODEFER};

    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
}

static void
a_capture_inside_a_capture_is_lost_by_name(void **state)
{
    uint32_t units[2]; /* of one place, undisturbed and interrupted */

    (void)state;
    on_signal(handle_by_capture);
    handler_captures = 1;
    for (int i = 0; i < twice; i++) {
        in_the_middle = i == 0 ? NULL : raise_once;
        units[i] = capture_below(2);
    }
    assert_int_equal(handler_units[0], lost_reentrant());
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_reentrant), 1);
    assert_int_equal(units[1], units[0]);
    assert_int_equal(wp_thread_self()->recording, 0);

    /* The thread is not blind now: neither here nor in a handler that interrupts no capture. */
    assert_int_not_equal(capture_below(2), lost_reentrant());
    (void)raise(SIGUSR1);
    assert_int_not_equal(handler_units[0], lost_reentrant());
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_reentrant), 1);
}

static sigjmp_buf way_out;

static void
handle_by_jump(int signal)
{
    (void)signal;
    siglongjmp(way_out, 1);
}

/* A capture that a handler ends by jumping out of it, `frames` deep. */
static void
cut_a_capture_short(unsigned frames)
{
    on_signal(handle_by_jump);
    if (sigsetjmp(way_out, 1) == 0) {
        in_the_middle = raise_once;
        (void)capture_below(frames);
        fail_msg("the handler did not jump");
    }
}

/* However deep the thread is when it goes on: of some captures in a row, the last must see. */
static void
a_jump_out_of_a_capture_does_not_blind_the_thread(void **state)
{
    static const unsigned depths[] = {0, 5, 20, 60};
    uint32_t unit = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            cut_a_capture_short(depths[i]);
            for (int tries = 0; tries < 32; tries++)
                unit = capture_below(depths[j]);
            if (unit == lost_reentrant())
                fail_msg("cut short %u frames deep, blind %u frames deep", depths[i], depths[j]);
        }
    }
}

static void
jumps_out_of_captures_do_not_use_up_the_buffers(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * BUFFERS; i++) {
        cut_a_capture_short(10);
        (void)capture_below(0);
    }
    assert_int_not_equal(capture_below(0),
                         wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_BUFFERS));
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_buffers), 0);
}

/* --- A crowd --------------------------------------------------------------------------------- */

static sem_t arrived, leave;
static uint32_t crowd_units[BUFFERS];

static void
stay(void)
{
    (void)sem_post(&arrived);
    while (sem_wait(&leave) != 0)
        ;
}

static void *
capture_in_crowd(void *unit)
{
    *(uint32_t *)unit = capture_below(1);
    return NULL;
}

/* Starts `count` threads that stop in the middle of a capture. */
static void
gather(pthread_t *threads, int count)
{
    pthread_attr_t attributes;

    assert_int_equal(sem_init(&arrived, 0, 0), 0);
    assert_int_equal(sem_init(&leave, 0, 0), 0);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
    in_the_middle = stay;
    for (int i = 0; i < count; i++)
        assert_int_equal(
            pthread_create(&threads[i], &attributes, capture_in_crowd, &crowd_units[i]), 0);
    for (int i = 0; i < count; i++)
        assert_int_equal(sem_wait(&arrived), 0);
    in_the_middle = NULL;
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

static void
disperse(const pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(sem_post(&leave), 0);
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(sem_destroy(&arrived), 0);
    assert_int_equal(sem_destroy(&leave), 0);
}

static void
captures_of_other_threads_do_not_count_as_nested(void **state)
{
    pthread_t threads[BUFFERS - 1];

    (void)state;
    gather(threads, BUFFERS - 1);
    assert_int_not_equal(capture_below(0), lost_reentrant());
    assert_int_not_equal(capture_below(0),
                         wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_BUFFERS));
    disperse(threads, BUFFERS - 1);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_reentrant), 0);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_buffers), 0);
}

static void
a_capture_that_finds_all_buffers_taken_is_lost_by_name(void **state)
{
    uint32_t lost[2];
    pthread_t threads[BUFFERS];

    (void)state;
    gather(threads, BUFFERS);
    lost[0] = capture_below(0);
    lost[1] = capture(WP_PROFILE_MUTEX, FUNCTION);
    disperse(threads, BUFFERS);
    assert_int_equal(lost[0], wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_BUFFERS));
    assert_int_equal(lost[1], wp_stack_table_lost(WP_PROFILE_MUTEX, WP_SPECIAL_LOST_BUFFERS));
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_buffers), 2);

    /* Nobody of the crowd lost anything, and there is room again. */
    for (int i = 1; i < BUFFERS; i++)
        assert_int_equal(crowd_units[i], crowd_units[0]);
    assert_int_not_equal(capture_below(0), lost[0]);
}

/* --- Fork ------------------------------------------------------------------------------------ */

/* Not inlined, so that what follows it is one place in the code whatever `wanted` is. */
static __attribute__((noinline)) pid_t
fork_if(int wanted)
{
    return wanted ? fork() : -1;
}

/* One call, which the parent and its child both make. */
static void
a_forked_child_finds_its_parents_record(void **state)
{
    uint32_t unit = 0;

    (void)state;
    for (int round = 0; round < twice; round++) {
        pid_t pid = fork_if(round > 0);
        uint32_t found = capture_below(4);

        if (pid == 0)
            _exit(found != unit);
        unit = found;
        if (pid > 0)
            assert_int_equal(child_wait(pid), 0);
    }
    assert_int_not_equal(unit, 0);
}

/* The threads that held the buffers are not there in the child. */
static void
a_child_forked_amid_captures_can_capture(void **state)
{
    pthread_t threads[BUFFERS];
    pid_t pid;

    (void)state;
    gather(threads, BUFFERS);
    pid = fork();
    if (pid == 0)
        _exit(capture_below(0) == wp_stack_table_lost(WP_PROFILE_BLOCK, WP_SPECIAL_LOST_BUFFERS));
    disperse(threads, BUFFERS);
    assert_int_equal(child_wait(pid), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_place_has_one_record_and_another_place_another),
        TEST(a_record_names_profile_function_and_caller),
        TEST(each_call_adds_a_frame),
        TEST(a_stack_deeper_than_the_limit_is_cut_at_its_root_and_says_so),
        TEST(errno_is_left_alone),
        TEST(a_capture_inside_a_capture_is_lost_by_name),
        TEST(a_jump_out_of_a_capture_does_not_blind_the_thread),
        TEST(jumps_out_of_captures_do_not_use_up_the_buffers),
        TEST(captures_of_other_threads_do_not_count_as_nested),
        TEST(a_capture_that_finds_all_buffers_taken_is_lost_by_name),
        TEST(a_forked_child_finds_its_parents_record),
        TEST(a_child_forked_amid_captures_can_capture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
